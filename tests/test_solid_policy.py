"""The numerical policy for boxes in space, on both engines and float types: see `test_policy`.

Losses are compiled as one sum, which has every relation and every way to other boxes.
"""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

import boxloss as bl
from boxloss.request import pairwise_request
from boxloss.shapes.guards import FARTHEST_CORNER_IN_SPACE, SHORTEST_SIDE_IN_SPACE
from boxloss.verbs.pairwise.prepared import prepared
from solid_boxes import LOSSES
from test_policy import DTYPES, ENGINES, middle_sizes, search

ROWS = 20
TERMS = ("log_iou", "squared_iou", "giou", "eiou", "inner", "mgiou", "interpolated")
SUM = sum(LOSSES[name] for name in TERMS)
HIGHEST = -math.log(1e-6) + 1.0 + 2.0 + 5.0 + 2.0 + 1.0 + 2.0
LARGE = 1e12
any_sizes = st.sampled_from([0.0, 1e-45, 1e-20, 1e-9, 1.0, LARGE]) | st.floats(2.0**-120, 2.0**39, width=32)
angles = st.sampled_from([0.0, math.pi / 2, math.pi, 0.3]) | st.floats(-10.0, 10.0, width=32)


@st.composite
def batches(draw, sizes):
    """Arrays of boxes, pred and target: apart, tied in some numbers, equal, with negative sides."""
    signed = sizes | sizes.map(lambda size: -size)
    pred, target = (
        np.concatenate(
            [
                draw(arrays(np.float64, (ROWS, 6), elements=signed, fill=st.nothing())),
                draw(arrays(np.float64, (ROWS, 1), elements=angles, fill=st.nothing())),
            ],
            axis=1,
        )
        for _ in range(2)
    )
    tie = draw(arrays(np.bool_, (ROWS, 7)))
    dtype = draw(st.sampled_from(DTYPES))
    return pred.astype(dtype), np.where(tie, pred, target).astype(dtype)


def all_of(format, engine, pred, target):
    """Values and both gradients."""
    value, (d_pred, d_target) = SUM.value_and_grad(pred, target, wrt="both", format=format, engine=engine)
    return value, d_pred, d_target


def every_engine(*strategies):
    """Run a property of what is drawn on boxes along the axes and on boxes with a yaw, on each engine."""

    def decorate(test):
        def of_formats(engine, drawn):
            (pred, target), *others = drawn
            test("cxcyczwlha", engine, pred, target, *others)
            test("cxcyczwlh", engine, pred[:, :6], target[:, :6], *others)

        of_formats.__name__, of_formats.__doc__ = test.__name__, test.__doc__
        return pytest.mark.parametrize("engine", ENGINES)(search(given(drawn=st.tuples(*strategies))(of_formats)))

    return decorate


@every_engine(batches(any_sizes))
def test_finite_in_range_and_exactly_zero_at_a_match(format, engine, pred, target):
    results = all_of(format, engine, pred, target)
    for result in results:
        assert np.isfinite(result).all()
    assert results[0].min() >= 0.0
    assert results[0].max() <= HIGHEST
    for result in all_of(format, engine, pred, pred.copy()):
        assert_array_equal(result, 0.0)


@every_engine(batches(middle_sizes), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_nan_and_infinity_stay_in_their_row(format, engine, pred, target, bad):
    numbers = np.concatenate([pred, target], axis=1)
    spoiled = np.arange(numbers.shape[1]) + 3
    numbers[spoiled, spoiled - 3] = bad
    results = all_of(format, engine, *np.split(numbers, 2, axis=1))
    for result, expected in zip(results, all_of(format, engine, pred, target), strict=True):
        assert_array_equal(np.delete(result, spoiled, axis=0), np.delete(expected, spoiled, axis=0))
    assert np.isnan(results[0][spoiled]).all() or not np.isnan(bad)


@every_engine(batches(middle_sizes), st.sampled_from([2.0**k for k in (-10, -3, 1, 10)]))
def test_scaling_by_a_power_of_two_leaves_every_bit(format, engine, pred, target, scale):
    factor = np.asarray([scale] * 6 + [1.0], pred.dtype)[: pred.shape[1]]
    value, *grads = all_of(format, engine, pred, target)
    scaled, *scaled_grads = all_of(format, engine, pred * factor, target * factor)
    # Boxes without volume are told from others by their size.
    holds = np.all([(side[:, 3:6] > 0.0).all(-1) for side in (pred, target)], axis=0)
    assert_array_equal(scaled[holds], value[holds])
    for grad, of_scaled in zip(grads, scaled_grads, strict=True):
        assert_array_equal((of_scaled * factor)[holds], grad[holds])


@search
@given(batch=batches(any_sizes))
def test_exchanging_boxes_along_the_axes_leaves_the_value_as_it_is(batch):
    pred, target = (side[:, :6] for side in batch)
    for loss in (bl.iou, bl.giou, bl.eiou):
        value, found = (loss(*sides, format="cxcyczwlh", engine="array") for sides in ((pred, target), (target, pred)))
        assert_array_equal(found, value)


@pytest.mark.parametrize("format", ["xyzxyz", "cxcyczwlha"])
def test_matrices_without_guards_at_the_ends_of_what_is_ordinary(format, rng):
    """In float32 no volume, squared length or product of two of them leaves the range of normal numbers."""
    far, short = FARTHEST_CORNER_IN_SPACE, SHORTEST_SIDE_IN_SPACE
    if format == "xyzxyz":
        ends = [(-far, far), (-far, 0.125 - far), (0.0, short), (short, 2 * short), (-1.0, 1.0), (far - 1.0, far)]
        x, y, z = (np.asarray(axis) for axis in zip(*product(ends, repeat=3), strict=True))
        boxes = np.stack([x[:, 0], y[:, 0], z[:, 0], x[:, 1], y[:, 1], z[:, 1]], axis=1)
    else:
        x = rng.choice([-0.5 * far, 0.0, 0.5 * far], (200, 3))
        sides = rng.choice([short, 1.0, 0.5 * far], (200, 3))
        sides[x[:, 2] != 0.0, 2] = 1.0  # as long as both ends of the interval are exact
        boxes = np.concatenate([x, sides, rng.uniform(-4, 4, (200, 1))], axis=1)
    boxes = boxes.astype("float32")
    loss = LOSSES["giou"] + LOSSES["eiou"]
    request = pairwise_request(loss.program, boxes, boxes, format, None)
    assert not prepared(loss.program, request).guarded
    assert prepared(loss.program, request._replace(pred=2.0 * boxes)).guarded
    assert prepared(loss.program, request._replace(pred=0.5 * boxes)).guarded
    matrix = loss.pairwise(boxes, boxes, format=format, engine="numba")
    guarded = loss.pairwise(np.concatenate([boxes, 0.0 * boxes[:1]]), boxes, format=format, engine="numba")[:-1]
    assert_allclose(matrix, guarded, rtol=1e-5, atol=1e-6)
    if format == "xyzxyz":
        wide = boxes.astype("float64")
        assert_allclose(matrix, loss.pairwise(wide, wide, format=format, engine="array"), rtol=1e-4, atol=1e-5)
