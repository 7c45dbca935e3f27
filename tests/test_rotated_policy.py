"""The numerical policy for boxes with an angle, each line a property of every loss, on both engines and float types.

Set the environment variable ``BOXLOSS_EXAMPLES`` to a number for a longer search with other random numbers.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

import boxloss as bl
from rotated_boxes import LOSSES, boxes
from test_policy import DTYPES, ENGINES, any_sizes, middle_sizes, search, sizes

ROWS = 40
HIGH = {"iou": 1.0, "squared_iou": 1.0, "giou": 2.0, "diou": 2.0, "ciou": 2.5, "eiou": 4.0, "siou": 2.5, "alpha": 2.0}
angles = st.sampled_from([0.0, math.pi / 2, math.pi, -math.pi / 2, 0.3, 1e6]) | st.floats(-10.0, 10.0, width=32)


@st.composite
def batches(draw, sizes=sizes):
    """Arrays of boxes, pred and target: apart, tied in some numbers, equal, with negative sides."""
    signed = sizes | sizes.map(lambda size: -size)
    pred, target = (
        np.concatenate(
            [
                draw(arrays(np.float64, (ROWS, 4), elements=signed, fill=st.nothing())),
                draw(arrays(np.float64, (ROWS, 1), elements=angles, fill=st.nothing())),
            ],
            axis=1,
        )
        for _ in range(2)
    )
    tie = draw(arrays(np.bool_, (ROWS, 5)))
    dtype = draw(st.sampled_from(DTYPES))
    return pred.astype(dtype), np.where(tie, pred, target).astype(dtype)


def every_loss(*strategies, where=lambda name: True):
    """Run a property of what is drawn on every loss for which something holds, on each engine."""

    def decorate(test):
        def of_every_loss(engine, drawn):
            for name in filter(where, LOSSES):
                try:
                    test(name, engine, *drawn)
                except BaseException as error:
                    error.add_note(f"for the loss {name!r}")
                    raise

        of_every_loss.__name__, of_every_loss.__doc__ = test.__name__, test.__doc__
        return pytest.mark.parametrize("engine", ENGINES)(search(given(drawn=st.tuples(*strategies))(of_every_loss)))

    return decorate


def all_of(name, engine, pred, target):
    """Values and both gradients."""
    value, (d_pred, d_target) = LOSSES[name].value_and_grad(pred, target, wrt="both", format="cxcywha", engine=engine)
    return value, d_pred, d_target


@every_loss(batches(any_sizes))
def test_finite_and_in_range(name, engine, batch):
    results = all_of(name, engine, *batch)
    for result in results:
        assert np.isfinite(result).all()
    assert results[0].min() >= 0.0
    assert results[0].max() <= HIGH.get(name, math.inf)


@every_loss(batches(any_sizes))
def test_value_and_gradient_at_a_match_are_exactly_zero(name, engine, batch):
    for result in all_of(name, engine, batch[0], batch[0].copy()):
        assert_array_equal(result, 0.0)


@every_loss(batches(), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_nan_and_infinity_stay_in_their_row(name, engine, batch, bad):
    spoiled = np.arange(10) + 11
    numbers = np.concatenate(batch, axis=1)
    numbers[spoiled, np.arange(10)] = bad
    results = all_of(name, engine, *np.split(numbers, 2, axis=1))
    for result, expected in zip(results, all_of(name, engine, *batch), strict=True):
        assert_array_equal(np.delete(result, spoiled, axis=0), np.delete(expected, spoiled, axis=0))
    assert np.isnan(results[0][spoiled]).all() or not np.isnan(bad)


@every_loss(batches(middle_sizes), st.sampled_from([2.0**k for k in (-20, -3, 1, 10)]), where=lambda name: name != "l1")
def test_scaling_by_a_power_of_two_leaves_every_bit(name, engine, batch, scale):
    factor = np.asarray([scale, scale, scale, scale, 1.0])
    value, *grads = all_of(name, engine, *batch)
    scaled, *scaled_grads = all_of(name, engine, *(side * factor.astype(side.dtype) for side in batch))
    # Boxes without area are told from others by their size.
    holds = np.all([(side[:, 2:4] > 0.0).all(-1) for side in batch], axis=0)
    assert_array_equal(scaled[holds], value[holds])
    for grad, of_scaled in zip(grads, scaled_grads, strict=True):
        assert_array_equal((of_scaled * factor.astype(grad.dtype))[holds], grad[holds])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", [name for name in LOSSES if name != "l1"])
def test_turning_both_boxes_or_one_half_round_changes_nothing_but_rounding(name, engine, rng):
    pred, target = boxes(rng, 200), boxes(rng, 200)
    value, d_pred, _ = all_of(name, engine, pred, target)
    angle = rng.uniform(-3, 3)
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.eye(5)
    turn[:2, :2] = [[cos, sin], [-sin, cos]]
    turned = [side @ turn + [0, 0, 0, 0, angle] for side in (pred, target)]
    half_round = [pred + [0, 0, 0, 0, math.pi], target]
    near = np.abs(value - 13.8) > 1.0 if name == "log_iou" else value >= 0.0  # next to its clamp it has a kink
    for sides, back in ((turned, turn.T), (half_round, np.eye(5))):
        found, d_found, _ = all_of(name, engine, *sides)
        assert_allclose(found[near], value[near], rtol=1e-10, atol=1e-13)
        assert_allclose((d_found @ back)[near], d_pred[near], rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", [name for name in LOSSES if name not in ("interpolated", "siou")])
def test_exchanging_the_boxes_changes_nothing_but_rounding(name, engine, rng):
    """Of SIoU too but for its offset, which is along the target."""
    pred, target = boxes(rng, 200), boxes(rng, 200)
    value, d_pred, d_target = all_of(name, engine, pred, target)
    found, *grads = all_of(name, engine, target, pred)
    near = np.abs(value - 13.8) > 1.0 if name == "log_iou" else value >= 0.0
    assert_allclose(found[near], value[near], rtol=1e-10, atol=1e-13)
    for grad, expected in zip(grads, (d_target, d_pred), strict=True):
        assert_allclose(grad[near], expected[near], rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("engine", ENGINES)
def test_angle_beyond_what_can_be_reduced_is_nan(engine, rng):
    pred, target = boxes(rng, 3), boxes(rng, 3)
    pred[1, 4] = 2e6
    value = bl.iou(pred, target, format="cxcywha", engine=engine)
    assert np.isnan(value).tolist() == [False, True, False]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_same_rectangle_a_quarter_turn_on_has_a_loss_of_rounding_size(engine, dtype, rng):
    """Whose gradient is one-sided: what is promised of a match is that of equal numbers."""
    target = boxes(rng, 100, dtype)
    pred = target[:, [0, 1, 3, 2, 4]] + np.asarray([0, 0, 0, 0, math.pi / 2], dtype)
    value, *_ = all_of("iou", engine, pred, target)
    assert value.max() <= (1e-14 if dtype == "float64" else 5e-6)
    degrees = target * np.asarray([1, 1, 1, 1, 0], dtype) + np.asarray([0, 0, 0, 0, 30], dtype)
    on = degrees[:, [0, 1, 3, 2, 4]] + np.asarray([0, 0, 0, 0, 90], dtype)
    assert bl.iou(on, degrees, format="cxcywhd", engine=engine).max() <= (1e-14 if dtype == "float64" else 5e-6)
