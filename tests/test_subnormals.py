"""Numbers below the normal ones: kernels on x86 make them 0, and leave the thread that calls them as it was."""

import numpy as np
import pytest

import boxloss as bl
from boxloss.engines.numba.subnormals import is_x86

TARGET = np.asarray([[0, 0, 8, 8]], np.float32)
# The slope falls below the normal numbers where a box is moved by about 760 along both axes.
PREDS = np.arange(600, 1000, dtype=np.float32)[:, None] + TARGET
CALLS = {
    "value": lambda: bl.nwd(PREDS, TARGET, engine="numba"),
    "value_and_grad": lambda: bl.nwd.value_and_grad(PREDS, TARGET, engine="numba"),
    "pairwise": lambda: bl.nwd.pairwise(PREDS, TARGET, engine="numba"),
    "nearest": lambda: bl.nwd.nearest(PREDS, TARGET, engine="numba"),
    "topk": lambda: bl.nwd.topk(PREDS, TARGET, 1, engine="numba"),
    "below": lambda: bl.iou.below(PREDS, TARGET, 0.5, engine="numba"),
    "below, dense": lambda: bl.nwd.below(PREDS, TARGET, 0.5, engine="numba"),
    "nms": lambda: bl.nms(PREDS, np.ones(len(PREDS))),
    "descend": lambda: bl.lab.descend(bl.nwd, PREDS, np.broadcast_to(TARGET, PREDS.shape), steps=2),
}


def is_subnormal(numbers):
    return (numbers != 0) & (np.abs(numbers) < np.finfo(numbers.dtype).tiny)


@pytest.mark.skipif(not is_x86(), reason="only x86 has to be told")
def test_a_slope_that_fades_ends_at_the_smallest_normal_number():
    _, grad = bl.nwd.value_and_grad(PREDS, TARGET, engine="numba")
    _, of_arrays = bl.nwd.value_and_grad(PREDS, TARGET, engine="array")
    assert is_subnormal(of_arrays).any()
    assert not is_subnormal(grad).any()
    # By the square of the distance, whose own slope is more than a thousand, it falls below them first.
    np.testing.assert_allclose(grad, of_arrays, rtol=1e-4, atol=3000 * np.finfo(np.float32).tiny)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_calling_thread_keeps_its_subnormals(call):
    call()  # with so few boxes on this thread alone
    assert is_subnormal(np.full(64, 1e-30, np.float32) * np.float32(1e-10)).all()
