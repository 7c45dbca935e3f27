"""The numerical policy, each line a property of every loss, on both engines and in both float types.

Set the environment variable ``BOXLOSS_EXAMPLES`` to a number for a longer search with other random numbers.
"""

import os

import numpy as np
import pytest
from cases import CASES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

ENGINES = ("array", "numba")
DTYPES = ("float32", "float64")
ROWS = 8
COPIES = 5  # so that rows run in the vectorised body of a compiled loop, and in its remainder

EXAMPLES = os.environ.get("BOXLOSS_EXAMPLES")
search = settings(
    max_examples=int(EXAMPLES or 20),
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def cases(*, where=lambda case: True):
    """Run a test on every row of the table for which something holds, on each engine."""
    rows = pytest.mark.parametrize("case", list(filter(where, CASES)), ids=lambda case: case.name)
    engines = pytest.mark.parametrize("engine", ENGINES)
    return lambda test: rows(engines(test))


magnitudes = st.sampled_from([0.0, 1e-9, 1e-3, 1.0, 2.0, 1e9]) | st.floats(1e-9, 1e9, width=32)
signed = st.tuples(magnitudes, st.sampled_from([1.0, -1.0])).map(lambda pair: pair[0] * pair[1])
sides = st.tuples(magnitudes, st.sampled_from([1.0, 1.0, 1.0, -1.0])).map(lambda pair: pair[0] * pair[1])


def drawn(elements, *shape):
    """An array of independent draws."""
    return arrays(np.float64, shape, elements=elements, fill=st.nothing())


@st.composite
def batches(draw):
    """A pair of arrays of boxes of any size, anywhere: far apart, tied, touching, nested, without area, inverted."""
    corner = draw(drawn(signed, 2, ROWS, 2))
    side = draw(drawn(sides, 2, ROWS, 2))
    edge = draw(arrays(np.int8, (ROWS, 4), elements=st.integers(0, 5)))
    pred, target = np.concatenate([corner, corner + side], axis=-1).astype(draw(st.sampled_from(DTYPES)))
    target = np.where(edge == 1, pred, np.where(edge == 2, pred[:, [2, 3, 0, 1]], target))
    return np.tile(pred, (COPIES, 1)), np.tile(target, (COPIES, 1))


@st.composite
def integer_batches(draw):
    """As `batches`, with small whole coordinates: moving such boxes by whole amounts is exact."""
    numbers = st.integers(-12, 12).map(float)
    pred, target = draw(drawn(numbers, 2, ROWS, 4)).astype(draw(st.sampled_from(DTYPES)))
    return np.tile(pred, (COPIES, 1)), np.tile(target, (COPIES, 1))


def all_of(case, engine, pred, target):
    """Values and both gradients."""
    value, (d_pred, d_target) = case.loss.value_and_grad(pred, target, wrt="both", engine=engine)
    return value, d_pred, d_target


@cases()
@search
@given(batches())
def test_finite_in_finite_out(case, engine, batch):
    for result in all_of(case, engine, *batch):
        assert np.isfinite(result).all()


@cases()
@search
@given(batches())
def test_value_is_in_its_range(case, engine, batch):
    value, *_ = all_of(case, engine, *batch)
    assert value.min() >= case.low
    assert value.max() <= np.nextafter(value.dtype.type(case.high), np.inf)


@cases(where=lambda case: case.has_minimum_zero)
@search
@given(batches())
def test_value_and_gradient_at_a_match_are_exactly_zero(case, engine, batch):
    for result in all_of(case, engine, batch[0], batch[0].copy()):
        assert_array_equal(result, 0.0)


@cases(where=lambda case: case.has_minimum_zero)
def test_sign_of_a_zero_makes_no_difference_to_a_match(case, engine):
    signs = np.asarray(np.meshgrid(*[[0.0, -0.0]] * 8)).reshape(2, 4, -1)
    pred, target = np.moveaxis(signs, 1, 2).copy()
    for sides in ([0.0, 0.0], [1.0, 0.0], [0.0, 1.0]):
        pred[:, 2:], target[:, 2:] = (np.where(sides, sides, boxes[:, 2:]) for boxes in (pred, target))
        for result in all_of(case, engine, pred, target):
            assert_array_equal(result, 0.0)


@pytest.mark.parametrize("engine", ENGINES)
@search
@given(batches())
def test_iou_of_a_match_is_exactly_one(engine, batch):
    case = next(case for case in CASES if case.name == "iou_score")
    value, *grads = all_of(case, engine, batch[0], batch[0].copy())
    assert_array_equal(value, 1.0)
    assert_array_equal(grads, 0.0)


@cases(where=lambda case: case.scale_invariant)
@search
@given(batches(), st.sampled_from([2.0**k for k in (-5, -2, -1, 1, 3, 6)]))
def test_scaling_by_a_power_of_two_leaves_every_bit_of_the_value(case, engine, batch, scale):
    value, *grads = all_of(case, engine, *batch)
    scaled_value, *scaled_grads = all_of(case, engine, *(boxes * boxes.dtype.type(scale) for boxes in batch))
    assert_array_equal(scaled_value, value)
    for scaled_grad, grad in zip(scaled_grads, grads, strict=True):
        assert_array_equal(scaled_grad * scaled_grad.dtype.type(scale), grad)


@cases()
@search
@given(integer_batches(), st.tuples(*[st.integers(-4000, 4000)] * 2))
def test_moving_both_boxes_by_exact_amounts_leaves_every_bit(case, engine, batch, offset):
    moved = (boxes + np.tile(offset, 2).astype(boxes.dtype) for boxes in batch)
    for result, expected in zip(all_of(case, engine, *moved), all_of(case, engine, *batch), strict=True):
        assert_array_equal(result, expected)


@cases(where=lambda case: case.symmetric)
@search
@given(batches())
def test_exchanging_the_boxes_leaves_every_bit(case, engine, batch):
    pred, target = batch
    value, d_pred, d_target = all_of(case, engine, pred, target)
    for result, expected in zip(all_of(case, engine, target, pred), (value, d_target, d_pred), strict=True):
        assert_array_equal(result, expected)


@cases()
@search
@given(
    batches(),
    st.integers(0, ROWS * COPIES - 1),
    st.integers(0, 1),
    st.integers(0, 3),
    st.sampled_from([np.nan, np.inf, -np.inf]),
)
def test_nan_and_infinity_stay_in_their_row(case, engine, batch, row, box, coordinate, bad):
    expected = all_of(case, engine, *batch)
    batch[box][row, coordinate] = bad
    results = all_of(case, engine, *batch)
    for result, before in zip(results, expected, strict=True):
        assert_array_equal(np.delete(result, row, axis=0), np.delete(before, row, axis=0))
    if np.isnan(bad):
        assert np.isnan(results[0][row])


@cases()
@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_in_nothing_out(case, engine, dtype):
    for shape in ((0,), (3, 0)):
        nothing = np.empty((*shape, 4), dtype)
        value, *grads = all_of(case, engine, nothing, nothing)
        assert value.shape == shape
        assert [grad.shape for grad in grads] == [(*shape, 4)] * 2
        assert {result.dtype.name for result in (value, *grads)} == {dtype}
        assert case.loss(nothing, nothing, reduction="mean", engine=engine) == 0.0


@cases()
def test_float16_is_computed_in_float32(case, engine):
    """The area of a box of 400 by 400 is more than the largest float16."""
    pred, target = np.asarray([[[0, 0, 400, 400]] * 3, [[0, 0, 400, 400], [8, 8, 392, 400], [900, 0, 901, 900]]])
    results = all_of(case, engine, pred.astype("float16"), target.astype("float16"))
    value, *grads = all_of(case, engine, pred.astype("float32"), target.astype("float32"))
    assert [result.dtype.name for result in results] == ["float32", "float16", "float16"]
    assert_array_equal(results[0], value)
    assert_array_equal(results[1:], np.asarray(grads, "float16"))
    assert np.isfinite(value).all()


@cases()
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "int64"])
def test_integers_are_promoted(case, engine, dtype):
    """In their own type the differences, and in the short ones the areas, would wrap around."""
    pred, target = np.asarray([[[0, 0, 100, 120], [1, 2, 3, 4]], [[50, 40, 127, 80], [100, 3, 101, 104]]])
    results = all_of(case, engine, pred.astype(dtype), target.astype(dtype))
    for result, expected in zip(results, all_of(case, engine, pred.astype("f8"), target.astype("f8")), strict=True):
        assert result.dtype == np.float64
        assert_array_equal(result, expected)
