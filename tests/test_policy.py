"""The numerical policy, each line a property of every loss, on both engines and in both float types.

Set the environment variable ``BOXLOSS_EXAMPLES`` to a number for a longer search with other random numbers.
"""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

import boxloss as bl
from cases import CASES

ENGINES = ("array", "numba")
DTYPES = ("float32", "float64")
AXIS = 4  # pairs of intervals drawn along an axis; each along x makes a pair of boxes with each along y
COPIES = 3  # so that pairs run in the vectorised body of a compiled loop, and in its remainder
ROWS = AXIS * AXIS * COPIES

EXAMPLES = os.environ.get("BOXLOSS_EXAMPLES")
search = settings(
    max_examples=int(EXAMPLES or 15),
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def cases(where=lambda case: True):
    """Run a test on every row of the table for which something holds, on each engine."""
    rows = pytest.mark.parametrize("case", list(filter(where, CASES)), ids=lambda case: case.name)
    engines = pytest.mark.parametrize("engine", ENGINES)
    return lambda test: rows(engines(test))


def every_loss(*strategies, where=lambda case: True):
    """Run a property of what is drawn on every row of the table for which something holds, on each engine.

    What is drawn is the same for all of them: drawing takes longer than a loss.
    """
    rows = list(filter(where, CASES))

    def decorate(test):
        def of_every_loss(engine, drawn):
            for case in rows:
                try:
                    test(case, engine, *drawn)
                except BaseException as error:
                    error.add_note(f"for the case {case.name!r}")
                    raise

        of_every_loss.__name__, of_every_loss.__doc__ = test.__name__, test.__doc__
        drawing = search(given(drawn=st.tuples(*strategies))(of_every_loss))
        return pytest.mark.parametrize("engine", ENGINES)(drawing)

    return decorate


SMALL, LARGE = float(np.float32(1e-9)), 1e9
sizes = st.sampled_from([0.0, SMALL, 1.0, 2.0, LARGE]) | st.floats(SMALL, LARGE, width=32)
any_sizes = st.sampled_from([0.0, 1e-45, 1e-20, SMALL, 1.0, LARGE]) | st.floats(0.0, LARGE, width=32)
middle_sizes = st.sampled_from([0.0, 0.25, 1.0, 2.0]) | st.floats(1 / 1024, 1024.0, width=32)


@st.composite
def intervals(draw, sizes):
    """Pairs of intervals as rows (first, second, first, second): apart, tied, touching, nested, empty, inverted."""
    signed = sizes | sizes.map(lambda size: -size)
    values = draw(arrays(np.float64, (AXIS, 4), elements=signed, fill=st.nothing()))
    tie = draw(arrays(np.int8, (AXIS, 2), elements=st.integers(0, 5), fill=st.nothing()))
    pred, target = (np.cumsum(values[:, k : k + 2], axis=1) for k in (0, 2))
    target = np.where(tie == 1, pred, np.where(tie == 2, pred[:, ::-1], target))
    return np.concatenate([pred, target], axis=1)


@st.composite
def batches(draw, sizes=sizes):
    """Arrays of boxes, pred and target, of any size and anywhere."""
    x, y = draw(intervals(sizes)), draw(intervals(sizes))
    row, column = np.divmod(np.arange(ROWS) % AXIS**2, AXIS)
    both = np.stack([x[row], y[column]], axis=-1).reshape(ROWS, 2, 4).astype(draw(st.sampled_from(DTYPES)))
    return both[:, 0].copy(), both[:, 1].copy()


def all_of(case, engine, pred, target):
    """Values and both gradients."""
    value, (d_pred, d_target) = case.loss.value_and_grad(pred, target, wrt="both", engine=engine)
    return value, d_pred, d_target


@every_loss(batches(any_sizes))
def test_finite_in_finite_out(case, engine, batch):
    for result in all_of(case, engine, *batch):
        assert np.isfinite(result).all()


@every_loss(batches(any_sizes))
def test_value_is_in_its_range(case, engine, batch):
    value, *_ = all_of(case, engine, *batch)
    assert value.min() >= case.low
    assert value.max() <= np.nextafter(value.dtype.type(case.high), np.inf)


@cases()
@pytest.mark.parametrize("dtype", DTYPES)
def test_value_next_to_a_match_is_in_its_range(case, engine, dtype, rng):
    """Where values are as small as their rounding errors: each edge is off by a bit or two, on long and thin boxes."""
    x1, y1, w, h = 10.0 ** rng.uniform(-9, 9, (4, 20_000)) * rng.choice([-1.0, 1.0, 1.0], (4, 20_000))
    pred = np.stack([x1, y1, x1 + w, y1 + h], axis=-1).astype(dtype)
    target = pred.copy()
    for _ in range(2):
        target = np.nextafter(target, target + target * rng.integers(-1, 2, target.shape).astype(dtype))
    value, *grads = all_of(case, engine, pred, target)
    assert value.min() >= case.low
    assert value.max() <= np.nextafter(value.dtype.type(case.high), np.inf)
    assert np.isfinite(grads).all()


@every_loss(batches(any_sizes), where=lambda case: case.has_minimum_zero)
def test_value_and_gradient_at_a_match_are_exactly_zero(case, engine, batch):
    for result in all_of(case, engine, batch[0], batch[0].copy()):
        assert_array_equal(result, 0.0)


@cases(lambda case: case.has_minimum_zero)
def test_sign_of_a_zero_makes_no_difference_to_a_match(case, engine):
    signs = np.asarray(np.meshgrid(*[[0.0, -0.0]] * 8)).reshape(2, 4, -1)
    pred, target = np.moveaxis(signs, 1, 2).copy()
    for sides in ([0.0, 0.0], [1.0, 0.0], [0.0, 1.0]):
        pred[:, 2:], target[:, 2:] = (np.where(sides, sides, boxes[:, 2:]) for boxes in (pred, target))
        for result in all_of(case, engine, pred, target):
            assert_array_equal(result, 0.0)


@pytest.mark.parametrize("engine", ENGINES)
@search
@given(batches(any_sizes))
def test_iou_of_a_match_is_exactly_one(engine, batch):
    case = next(case for case in CASES if case.name == "iou_score")
    value, *grads = all_of(case, engine, batch[0], batch[0].copy())
    assert_array_equal(value, 1.0)
    assert_array_equal(grads, 0.0)


def is_well_apart(pred, target):
    """Whether edges along an axis are at one place or at least 1e-9 apart: their products are not negligible."""
    edges = np.sort(np.stack([pred, target], axis=1).reshape(-1, 4, 2), axis=1)
    gaps = np.diff(edges, axis=1)
    return np.all((gaps == 0.0) | (gaps >= SMALL), axis=(1, 2))


@every_loss(
    batches(middle_sizes),
    st.sampled_from([2.0**k for k in (-20, -3, 1, 10, 40)]),
    where=lambda case: case.scale_invariant,
)
def test_scaling_by_a_power_of_two_leaves_every_bit(case, engine, batch, scale):
    scaled = [boxes * boxes.dtype.type(scale) for boxes in batch]
    holds = is_well_apart(*batch) & is_well_apart(*scaled)
    value, *grads = all_of(case, engine, *batch)
    scaled_value, *scaled_grads = all_of(case, engine, *scaled)
    if case.gradient_floor:  # beside a side of 0, which counts as a length, an exponential fades nearly to 0
        scaled_value, value = (np.where(np.abs(v) < 1e-30, 0.0, v) for v in (scaled_value, value))
    assert_array_equal(scaled_value[holds], value[holds])
    for scaled_grad, grad in zip(scaled_grads, grads, strict=True):
        scaled_back = scaled_grad[holds] * scaled_grad.dtype.type(scale)
        # Faded nearly to 0, a gradient is a product of numbers that are not normal any more.
        least = np.minimum(np.abs(grad[holds]), np.abs(scaled_grad[holds]))
        seen = least > (1e3 * np.finfo(grad.dtype).tiny if case.gradient_floor else -1.0)
        assert_array_equal(scaled_back[seen], grad[holds][seen])


@every_loss(batches(st.integers(0, 12).map(float)), st.tuples(*[st.integers(-4000, 4000)] * 2))
def test_moving_both_boxes_by_exact_amounts_leaves_every_bit(case, engine, batch, offset):
    moved = (boxes + np.tile(offset, 2).astype(boxes.dtype) for boxes in batch)
    for result, expected in zip(all_of(case, engine, *moved), all_of(case, engine, *batch), strict=True):
        assert_array_equal(result, expected)


@every_loss(batches(any_sizes), where=lambda case: case.symmetric)
def test_exchanging_the_boxes_leaves_every_bit(case, engine, batch):
    pred, target = batch
    value, d_pred, d_target = all_of(case, engine, pred, target)
    for result, expected in zip(all_of(case, engine, target, pred), (value, d_target, d_pred), strict=True):
        assert_array_equal(result, expected)


@every_loss(batches(), st.integers(0, ROWS - 1), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_nan_and_infinity_stay_in_their_row(case, engine, batch, row, bad):
    """Eight rows from some row on have it, each in another of the eight coordinates of a pair."""
    spoiled = (row + np.arange(8)) % ROWS
    coordinates = np.concatenate(batch, axis=1)
    coordinates[spoiled, np.arange(8)] = bad
    results = all_of(case, engine, *np.split(coordinates, 2, axis=1))
    for result, expected in zip(results, all_of(case, engine, *batch), strict=True):
        assert_array_equal(np.delete(result, spoiled, axis=0), np.delete(expected, spoiled, axis=0))
    assert np.isnan(results[0][spoiled]).all() or not np.isnan(bad)


@every_loss(batches(any_sizes), where=lambda case: case.name in ("giou", "ciou", "three_terms"))
def test_policy_holds_for_a_pairwise_matrix(case, engine, batch):
    """It computes numbers of one box ahead of the pairs: it is a formula of its own."""
    boxes = np.concatenate(batch)[: 2 * AXIS**2]
    matrix = case.loss.pairwise(boxes, boxes, engine=engine)
    assert_array_equal(np.diagonal(matrix), 0.0)
    assert_array_equal(matrix, matrix.T)
    assert matrix.min() >= case.low
    assert matrix.max() <= np.nextafter(matrix.dtype.type(case.high), np.inf)
    assert np.isfinite(matrix).all()
    boxes[3, 2] = np.nan
    result = case.loss.pairwise(boxes, boxes[4:], engine=engine)
    assert np.isnan(result[3]).all()
    assert_array_equal(np.delete(result, 3, axis=0), np.delete(matrix[:, 4:], 3, axis=0))


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


@pytest.mark.torch
@pytest.mark.parametrize("engine", ENGINES)
def test_bfloat16_is_computed_in_float32(engine):
    import torch

    pred, target = torch.tensor([[0.0, 0, 400, 400]]), torch.tensor([[8.0, 8, 392, 400]])
    value, grad = bl.giou.value_and_grad(pred, target, engine=engine)
    result, result_grad = bl.giou.value_and_grad(pred.bfloat16(), target.bfloat16(), engine=engine)
    assert result.dtype == torch.float32
    assert torch.equal(result, value)
    assert torch.equal(result_grad, grad.bfloat16())


@cases()
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "int64"])
def test_integers_are_promoted(case, engine, dtype):
    """In their own type the differences, and in the short ones the areas, would wrap around."""
    pred, target = np.asarray([[[0, 0, 100, 120], [1, 2, 3, 4]], [[50, 40, 127, 80], [100, 3, 101, 104]]])
    results = all_of(case, engine, pred.astype(dtype), target.astype(dtype))
    for result, expected in zip(results, all_of(case, engine, pred.astype("f8"), target.astype("f8")), strict=True):
        assert result.dtype == np.float64
        assert_array_equal(result, expected)
