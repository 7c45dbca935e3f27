"""What a call costs beside the kernel."""

import numpy as np
import pytest
from boxloss.engines.compile import compiled

import boxloss as bl
from boxloss import check, check_arrays, reduce
from boxloss.engines import array, cpu, kernels, select

KIND = kernels.Elementwise(("xyxy", "xyxy"), pred_grad=True, target_grad=False, scaled=False, weighted=False)


def parts_of_a_call(pred, target):
    """What a call of `ciou.value_and_grad` goes through, by layer and by part."""
    inputs = check_arrays.check_pair(pred, target, "xyxy", None)
    shape = pred.shape[:-1]
    kernel = compiled(kernels.elementwise, bl.ciou, pred.dtype, KIND)
    value, grad = np.empty(shape, pred.dtype), np.empty(pred.shape, pred.dtype).reshape(-1)
    p, t = pred.reshape(-1), target.reshape(-1)
    layers = {
        "public call": lambda: bl.ciou.value_and_grad(pred, target),
        "engine='numba'": lambda: bl.ciou.value_and_grad(pred, target, engine="numba"),
        "value only": lambda: bl.ciou(pred, target),
        "engine module": lambda: cpu.elementwise(bl.ciou, inputs, shape, None, 1.0, ("pred",)),
        "kernel alone": lambda: kernel(p, t, value, 1.0, 1.0, 1.0, (), value, grad, value),
    }
    parts = {
        "check_reduction": lambda: check.check_reduction("none", None),
        "check_choice": lambda: check.check_choice("wrt", "pred", check.WRT),
        "check_pair": lambda: check_arrays.check_pair(pred, target, "xyxy", None),
        "broadcast_shape": lambda: check_arrays.broadcast_shape(pred.shape[:-1], target.shape[:-1]),
        "gradient_factor": lambda: reduce.gradient_factor(shape, "none", None),
        "select.engine": lambda: select.engine("auto", inputs),
        "kernel look-up": lambda: compiled(kernels.elementwise, bl.ciou, pred.dtype, KIND),
        "two np.empty": lambda: (np.empty(shape, pred.dtype), np.empty(pred.shape, pred.dtype)),
    }
    return layers, parts, lambda: array.elementwise(bl.ciou, inputs, shape, None, 1.0, ("pred",))


@pytest.mark.parametrize("count", [1, 10, 100, 1_000, 10_000, 100_000])
def test_small_call(compare, boxes, count):
    layers, _, array_engine = parts_of_a_call(*boxes(count))
    goals = [("small_call", "public call", None)] if count == 100 else []
    compare("small_calls", {"boxes": count}, {**layers, "array engine": array_engine}, goals=goals)


def test_breakdown(compare, boxes):
    layers, parts, _ = parts_of_a_call(*boxes(100))
    compare("breakdown", {"boxes": 100}, {"public call": layers["public call"], **parts})
