"""What a call costs beside the kernel."""

import numpy as np
import pytest

import boxloss as bl
from boxloss import check, check_arrays, request
from boxloss.engines.numba.compile import compiled
from boxloss.verbs import select
from boxloss.verbs.elementwise import array, numba
from boxloss.verbs.elementwise.formula import Kind

XYXY = ("xyxy", "xyxy")
PLAIN = ("xyxy", None, None, "none", None)  # format, image_size, weight, reduction, avg_factor


def parts_of_a_call(pred, target):
    """What a call of `ciou.value_and_grad` goes through, by layer and by part."""
    program = bl.ciou.program
    checked = request.request_of(program, pred, target, *PLAIN)
    kind = Kind(program.structure, XYXY, pred_grad=True, target_grad=False, weighted=False)
    kernel = compiled(numba.kernel, pred.dtype, kind)
    shape = pred.shape[:-1]
    value, grad = np.empty(shape, pred.dtype), np.empty(pred.shape, pred.dtype).reshape(-1)
    p, t, numbers = pred.reshape(-1), target.reshape(-1), (1.0, 1.0, 1.0, *program.numbers)
    layers = {
        "public call": lambda: bl.ciou.value_and_grad(pred, target),
        "engine='numba'": lambda: bl.ciou.value_and_grad(pred, target, engine="numba"),
        "value only": lambda: bl.ciou(pred, target),
        "engine module": lambda: numba.run(program, checked, ("pred",)),
        "kernel alone": lambda: kernel(p, t, value, numbers, value, grad, value),
    }
    parts = {
        "request_of": lambda: request.request_of(program, pred, target, *PLAIN),
        "check_wrt": lambda: check.check_wrt("pred"),
        "check_pair": lambda: check_arrays.check_pair(pred, target, XYXY),
        "broadcast_shape": lambda: check_arrays.broadcast_shape(pred.shape[:-1], target.shape[:-1]),
        "select.runner": lambda: select.runner("elementwise", "auto", pred),
        "kernel look-up": lambda: compiled(numba.kernel, pred.dtype, kind),
        "two np.empty": lambda: (np.empty(shape, pred.dtype), np.empty(pred.shape, pred.dtype)),
    }
    return layers, parts, lambda: array.run(program, checked, ("pred",))


@pytest.mark.parametrize("count", [1, 10, 100, 1_000, 10_000, 100_000])
def test_small_call(compare, boxes, count):
    layers, _, array_engine = parts_of_a_call(*boxes(count))
    goals = [("small_call", "public call", None)] if count == 100 else []
    compare("small_calls", {"boxes": count}, {**layers, "array engine": array_engine}, goals=goals)


def test_breakdown(compare, boxes):
    layers, parts, _ = parts_of_a_call(*boxes(100))
    compare("breakdown", {"boxes": 100}, {"public call": layers["public call"], **parts})
