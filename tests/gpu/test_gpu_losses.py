"""Every row of the table of losses on a GPU, by every verb, against the float64 array engine on the host."""

import numpy as np
import pytest

import boxloss as bl
from bounds import BOUND, in_dtype, value_error
from cases import CASES
from generators import KINKS, boxes, inverted, match, mixed, zero_side

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
every_zero = pytest.mark.parametrize("case", [c for c in CASES if c.has_minimum_zero], ids=lambda case: case.name)
both_floats = pytest.mark.parametrize("precision", ["float32", "float64"])


def everything(library, loss, pairs):
    """Values and both gradients, as NumPy arrays."""
    pred, target = map(library.asarray, pairs)
    value, grads = loss.value_and_grad(pred, target, wrt="both", engine=library.engine)
    return [library.to_numpy(result) for result in (value, *grads)]


def check_elementwise(library, loss, pairs, precision, floor=0.0):
    given, exact = in_dtype(pairs, precision)
    value, grads = loss.value_and_grad(*map(library.asarray, given), wrt="both", engine=library.engine)
    expected, expected_grads = loss.value_and_grad(*exact, wrt="both", engine="array")
    library.check_value(value, expected, precision)
    for grad, d in zip(grads, expected_grads, strict=True):
        library.check_gradient(grad, d, precision, floor)


@both_floats
@every_case
def test_value_and_both_gradients(case, precision, library, rng):
    check_elementwise(library, case.loss, mixed(rng, 1000), precision, case.gradient_floor)


@both_floats
@every_case
def test_call(case, precision, library, rng):
    given, exact = in_dtype(mixed(rng, 1000), precision)
    value = case.loss(*map(library.asarray, given), engine=library.engine)
    library.check_value(value, case.loss(*exact, engine="array"), precision)


@pytest.mark.parametrize("wrt", ["pred", "target"])
@both_floats
@every_case
def test_one_gradient(case, precision, wrt, library, rng):
    given, exact = in_dtype(mixed(rng, 1000), precision)
    value, grad = case.loss.value_and_grad(*map(library.asarray, given), wrt=wrt, engine=library.engine)
    expected, d = case.loss.value_and_grad(*exact, wrt=wrt, engine="array")
    library.check_value(value, expected, precision)
    library.check_gradient(grad, d, precision, case.gradient_floor)


@both_floats
@every_case
def test_pairwise(case, precision, library, rng):
    given, (pred, target) = in_dtype((boxes(rng, 137), boxes(rng, 261)), precision)
    matrix = case.loss.pairwise(*map(library.asarray, given), engine=library.engine)
    library.check_value(matrix, case.loss(pred[:, None], target, engine="array"), precision)


WITH_EPS = ("giou_eps", "ciou_eps", "eiou_eps")  # at a match, float32 has few digits of eps / (union + eps)
KINKY = [(case, p) for case in CASES for p in ("float32", "float64") if p == "float64" or case.name not in WITH_EPS]


@pytest.mark.parametrize(("case", "precision"), KINKY, ids=lambda given: getattr(given, "name", given))
def test_kinks(case, precision, library, rng):
    """On a grid, so that a tie in float64 is one in float32."""
    for kind in KINKS.values():
        check_elementwise(library, case.loss, [np.round(64 * side) / 64 for side in kind(rng, 60)], precision)


def anywhere(rng, n, precision):
    """Boxes of any size and place that the numerical policy speaks of: large, small, empty, inverted."""
    sides = np.exp(rng.uniform(np.log(1e-9), np.log(1e9), (n, 2))) * rng.choice([1.0, 1.0, 1.0, 0.0, -1.0], (n, 2))
    corner = rng.choice([-1.0, 1.0], (n, 2)) * np.exp(rng.uniform(np.log(1e-9), np.log(1e9), (n, 2)))
    return np.concatenate([corner, corner + sides], axis=1).astype(precision)


@both_floats
@every_zero
def test_value_and_gradient_at_a_match_are_exactly_zero(case, precision, library, rng):
    pairs = np.concatenate([match(rng, 300)[0], zero_side(rng, 300)[0]]).astype(precision)
    for pred in (pairs, anywhere(rng, 3000, precision)):
        for result in everything(library, case.loss, (pred, pred.copy())):
            np.testing.assert_array_equal(result, 0.0)


@both_floats
@every_zero
def test_diagonal_of_a_matrix_of_boxes_with_themselves_is_exactly_zero(case, precision, library, rng):
    pred = library.asarray(np.concatenate([boxes(rng, 200).astype(precision), anywhere(rng, 200, precision)]))
    matrix = library.to_numpy(case.loss.pairwise(pred, pred, engine=library.engine))
    np.testing.assert_array_equal(np.diagonal(matrix), 0.0)


@both_floats
@every_case
def test_finite_in_finite_out_and_in_range(case, precision, library, rng):
    value, *grads = everything(library, case.loss, (anywhere(rng, 3000, precision), anywhere(rng, 3000, precision)))
    assert all(np.isfinite(result).all() for result in (value, *grads))
    assert value.min() >= case.low
    assert value.max() <= np.nextafter(value.dtype.type(case.high), np.inf)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@both_floats
@every_case
def test_nan_and_infinity_stay_in_their_row(case, precision, bad, library, rng):
    """Eight rows have it, each in another of the eight coordinates of a pair."""
    pairs = [side.astype(precision) for side in mixed(rng, 200)]
    spoiled = 17 + 3 * np.arange(8)
    coordinates = np.concatenate(pairs, axis=1)
    coordinates[spoiled, np.arange(8)] = bad
    results = everything(library, case.loss, np.split(coordinates, 2, axis=1))
    for result, expected in zip(results, everything(library, case.loss, pairs), strict=True):
        np.testing.assert_array_equal(np.delete(result, spoiled, axis=0), np.delete(expected, spoiled, axis=0))
    assert np.isnan(results[0][spoiled]).all() or not np.isnan(bad)


# --- Matrices, where boxes of all kinds share a tile ------------------------------------------------------------------


def of_every_kind(rng, n):
    """Preds and targets, ordinary ones and others in turns, on a grid so that a tie in float64 is one in float32."""
    kinds = [kind(rng, n) for kind in (*KINKS.values(), inverted, mixed)]
    return [np.round(64 * np.stack(side, axis=1).reshape(-1, 4)) / 64 for side in zip(*kinds, strict=True)]


def check_matrix(library, loss, sides, precision):
    given, exact = in_dtype(sides, precision)
    matrix = loss.pairwise(*map(library.asarray, given), engine=library.engine)
    library.check_value(matrix, loss.pairwise(*exact, engine="array"), precision)


@pytest.mark.parametrize(("case", "precision"), KINKY, ids=lambda given: getattr(given, "name", given))
def test_boxes_of_every_kind_in_a_matrix(case, precision, library, rng):
    """With each other, and with ordinary ones."""
    pred, target = of_every_kind(rng, 25)
    ordinary = np.round(64 * boxes(rng, 150)) / 64
    for sides in ((pred, target), (pred, ordinary), (ordinary, target)):
        check_matrix(library, case.loss, sides, precision)


@pytest.mark.parametrize("place", [0, 31, 63, 64, 100, 128, 192, 255, 256, 299])
def test_one_inverted_box_in_a_matrix(place, library, rng):
    """Wherever it is in a tile."""
    ordinary, spoiled = boxes(rng, 300), boxes(rng, 300)
    spoiled[place] = spoiled[place, [2, 1, 0, 3]]
    for sides in ((spoiled, ordinary), (ordinary, spoiled)):
        check_matrix(library, bl.giou, sides, "float32")


@pytest.mark.device
@both_floats
@pytest.mark.parametrize("loss", [bl.giou, bl.ciou, bl.eiou], ids=["giou", "ciou", "eiou"])
def test_guards_change_no_bit_of_ordinary_boxes(loss, precision, library, rng):
    """A box that needs them changes its own row alone, in the tile that it puts under guards; not so on the CPU."""
    pred, target = (boxes(rng, n).astype(precision) for n in (20, 40))
    spoiled = pred.copy()
    spoiled[7] = spoiled[7, [2, 1, 0, 3]]
    matrices = [loss.pairwise(*map(library.asarray, (side, target)), engine=library.engine) for side in (pred, spoiled)]
    plain, guarded = (np.delete(library.to_numpy(matrix), 7, axis=0) for matrix in matrices)
    np.testing.assert_array_equal(guarded, plain)


@both_floats
@every_case
def test_matrix_of_boxes_anywhere_is_finite_and_in_range(case, precision, library, rng):
    sides = [library.asarray(anywhere(rng, n, precision)) for n in (150, 140)]
    matrix = library.to_numpy(case.loss.pairwise(*sides, engine=library.engine))
    assert np.isfinite(matrix).all()
    assert case.low <= matrix.min() <= matrix.max() <= np.nextafter(matrix.dtype.type(case.high), np.inf)


@both_floats
@every_case
def test_nan_and_infinity_stay_in_their_row_and_column_of_a_matrix(case, precision, library, rng):
    pred, target = (boxes(rng, n).astype(precision) for n in (70, 150))
    spoiled = pred.copy(), target.copy()
    rows, columns = np.array([3, 40, 41]), np.array([5, 50, 140])
    for side, places in zip(spoiled, (rows, columns), strict=True):
        side[places, [0, 1, 3]] = np.nan, np.inf, -np.inf
    matrix = library.to_numpy(case.loss.pairwise(*map(library.asarray, spoiled), engine=library.engine))
    expected = case.loss.pairwise(pred.astype("float64"), target.astype("float64"), engine="array")
    for axis, places in enumerate((rows, columns)):
        assert np.isnan(matrix.take(places[0], axis=axis)).all()
        matrix, expected = np.delete(matrix, places, axis=axis), np.delete(expected, places, axis=axis)
    assert value_error(matrix, expected) <= BOUND[precision]
