"""Value and gradient of a million boxes, against adding the two arrays and against copying as many bytes."""

import numpy as np
import pytest

import boxloss as bl


@pytest.mark.parametrize("threads", [2, 1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_elementwise(compare, boxes, million, loss, dtype, threads):
    bl.set_num_threads(threads)
    pred, target = boxes(million, dtype)
    function = bl.get(loss)
    # 8 numbers a box are read and 5 written: a copy moves as many bytes if it copies 6.5 of them.
    source = np.concatenate([pred.ravel(), target.ravel()])[: 13 * million // 2]
    destination = np.zeros_like(source)
    contestants = {
        "value_and_grad": lambda: function.value_and_grad(pred, target),
        "value": lambda: function(pred, target),
        "pred + target": lambda: pred + target,
        "np.copyto": lambda: np.copyto(destination, source),
    }
    against = ("value_and_grad", "pred + target")
    goals = [("add_2_threads", *against)] if threads == 2 else []
    if threads == 1 and loss in ("ciou", "giou"):
        goals = [(f"add_{loss}_1_thread", *against)]
    row = {"dtype": dtype, "threads": threads, "loss": loss}
    compare("elementwise", row, contestants, per="box", count=million, goals=goals)
