"""Matrices of ordinary boxes, whose kernels have no guards, and of boxes that need guards."""

import numpy as np
import pytest

import boxloss as bl
from alone import alone
from boxloss.shapes.box import Box, split
from boxloss.shapes.guards import FARTHEST_CORNER, SHORTEST_SIDE, UNGUARDED, ordinary
from cases import CASES
from generators import mixed

SMALLEST = (0.0, 0.0, SHORTEST_SIDE, SHORTEST_SIDE)
LARGEST = (-FARTHEST_CORNER, -FARTHEST_CORNER, FARTHEST_CORNER, FARTHEST_CORNER)
NEEDLE = (-FARTHEST_CORNER, 0.0, FARTHEST_CORNER, SHORTEST_SIDE)
NOT_ORDINARY = {
    "inverted": (1.0, 0.0, 0.0, 1.0),
    "no width": (1.0, 0.0, 1.0, 1.0),
    "no height": (0.0, 1.0, 1.0, 1.0),
    "short": (0.0, 0.0, 1.0, 0.5 * SHORTEST_SIDE),
    "far left": (-2.0 * FARTHEST_CORNER, 0.0, 1.0, 1.0),
    "far up": (0.0, -2.0 * FARTHEST_CORNER, 1.0, 1.0),
    "far right": (0.0, 0.0, 2.0 * FARTHEST_CORNER, 1.0),
    "far down": (0.0, 0.0, 1.0, 2.0 * FARTHEST_CORNER),
    "NaN": (0.0, 0.0, np.nan, 1.0),
    "infinite": (0.0, 0.0, np.inf, 1.0),
}
LOSSES = [case.loss for case in CASES]
with_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def elementwise(loss, pred, target):
    """The matrix by the elementwise kernel, which has all guards, and which other tests have compiled."""
    value, _ = loss.value_and_grad(pred[:, None, :], target[None, :, :], wrt="both", engine="numba")
    return value


@pytest.mark.parametrize("box", [SMALLEST, LARGEST, NEEDLE, (-3.0, -2.0, -1.0, -1.0)])
def test_ordinary(box):
    assert ordinary(Box(*split(np.asarray(box))))


@pytest.mark.parametrize("box", NOT_ORDINARY.values(), ids=NOT_ORDINARY)
def test_not_ordinary(box):
    assert not ordinary(Box(*split(np.asarray(box))))


@with_case
def test_extremes_of_ordinary_boxes_need_no_guard_in_float32(case):
    boxes = np.asarray([SMALLEST, LARGEST, NEEDLE, np.asarray(NEEDLE)[[1, 0, 3, 2]], (0, 0, 1, 1)], np.float32)
    matrix = alone(case.loss, LOSSES).pairwise(boxes, boxes, engine="numba")
    # The sums of the two are rounded otherwise, and for SMALLEST in LARGEST an IoU of 2^-122 is added to 1 or not.
    np.testing.assert_allclose(matrix, elementwise(case.loss, boxes, boxes), rtol=1e-5, atol=1e-6)
    if case.has_minimum_zero:
        assert (np.diag(matrix) == 0.0).all()


@pytest.mark.parametrize("box", NOT_ORDINARY.values(), ids=NOT_ORDINARY)
@pytest.mark.parametrize("side", ["pred", "target"])
@pytest.mark.parametrize("name", ["giou", "ciou", "eiou"])
def test_one_box_that_needs_guards_gets_them(name, side, box, rng):
    pred, target = mixed(rng, 5)
    (pred if side == "pred" else target)[2] = box
    with np.errstate(invalid="ignore"):
        matrix = bl.get(name).pairwise(pred, target, engine="numba")
    np.testing.assert_allclose(matrix, elementwise(bl.get(name), pred, target), rtol=1e-12, atol=1e-14)


@with_case
def test_ordinary_matrix_keeps_the_range_and_is_exactly_zero_at_a_match(case, rng):
    pred, _ = mixed(rng, 60)
    boxes = pred.astype(np.float32)
    matrix = alone(case.loss, LOSSES).pairwise(boxes, boxes, engine="numba")
    assert ((matrix >= case.low) & (matrix <= case.high)).all()
    if case.has_minimum_zero:
        assert (np.diag(matrix) == 0.0).all()


def test_each_guard_that_is_left_out_is_replaced_by_a_function_of_the_same_arguments():
    for guard, replacement in UNGUARDED.items():
        assert guard.__wrapped__.__code__.co_argcount == replacement.__code__.co_argcount
