"""Losses of boxes as Gaussians, and MGIoU, on boxes with an angle."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import boxloss as bl
import gaussians
from boxloss.compat import ultralytics
from boxloss.compat.oriented import ProbabilisticScore
from errors import check_error
from rotated_boxes import boxes, differences
from test_policy import ENGINES, any_sizes, search
from test_rotated_policy import batches

FORMAT = {"format": "cxcywha"}


def of_map(distance):
    """1 - 1 / (1 + ln(1 + distance))."""
    return 1.0 - 1.0 / (1.0 + math.log1p(distance))


def normalised(p, t):
    """The Wasserstein distance over the fourth root of the areas."""
    return math.sqrt(gaussians.wasserstein(p, t)) / (p[2] * p[3] * t[2] * t[3]) ** 0.25


CASES = {
    "gwd": (bl.gwd, lambda p, t: of_map(normalised(p, t))),
    "gwd_plain": (bl.GWD("none", 0.0, False), lambda p, t: math.sqrt(gaussians.wasserstein(p, t))),
    "gwd_root": (bl.GWD("sqrt", 2.0), lambda p, t: 1.0 - 1.0 / (2.0 + math.sqrt(normalised(p, t)))),
    "kld": (bl.kld, lambda p, t: of_map(math.sqrt(gaussians.divergence(p, t)))),
    "kld_plain": (bl.KLD("none", 0.0, sqrt=False), gaussians.divergence),
    "bcd": (bl.bcd, lambda p, t: of_map(gaussians.bhattacharyya(p, t, 4.0))),
    "probiou": (bl.probiou, lambda p, t: math.sqrt(1.0 - math.exp(-gaussians.bhattacharyya(p, t, 12.0)))),
    "probiou_l2": (bl.ProbIoU("l2"), lambda p, t: gaussians.bhattacharyya(p, t, 12.0)),
    "kfiou": (bl.kfiou, lambda p, t: 1.0 - 3.0 * gaussians.kfiou(p, t)),
    "kfiou_ln": (bl.KFIoU("ln"), lambda p, t: -math.log(3.0 * gaussians.kfiou(p, t))),
    "kfiou_exp": (bl.KFIoU("exp"), lambda p, t: math.exp(1.0 - 3.0 * gaussians.kfiou(p, t)) - 1.0),
    "nwd": (bl.NWD(constant=3.0), lambda p, t: 1.0 - math.exp(-math.sqrt(gaussians.wasserstein(p, t)) / 3.0)),
    "mgiou": (bl.mgiou, gaussians.projected_loss),
}
every_case = pytest.mark.parametrize("name", CASES)
BOUNDED = [name for name in CASES if "plain" not in name and "l2" not in name]


@every_case
def test_values_are_those_of_matrices(name, rng):
    loss, reference = CASES[name]
    pred, target = boxes(rng, 100), boxes(rng, 100)
    expected = np.asarray([reference(p, t) for p, t in zip(pred, target, strict=True)])
    options = {**FORMAT, "wrt": "both"}  # the kernels of the other tests
    for engine in ENGINES:
        found, _ = loss.value_and_grad(pred, target, **options, engine=engine)
        assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    short, _ = loss.value_and_grad(pred.astype("f4"), target.astype("f4"), **options)
    wide, _ = loss.value_and_grad(pred.astype("f4").astype("f8"), target.astype("f4").astype("f8"), **options)
    assert_allclose(short, wide, rtol=3e-5)


@every_case
def test_gradients_are_those_of_central_differences(name, rng):
    loss, _ = CASES[name]
    pred, target = boxes(rng, 200), boxes(rng, 200)
    for engine in ENGINES:
        _, grads = loss.value_and_grad(pred, target, wrt="both", **FORMAT, engine=engine)
        for which, grad in enumerate(grads):
            expected = differences(loss, pred, target, which)
            assert (np.abs(grad - expected).max(-1) / (1.0 + np.abs(expected).max(-1))).max() < 1e-8


@every_case
def test_angle_of_0_is_none(name, rng):
    loss, _ = CASES[name]
    pred, target = (
        np.concatenate([side[:, :4], 0.0 * side[:, 4:]], axis=1) for side in (boxes(rng, 50), boxes(rng, 50))
    )
    value, grads = loss.value_and_grad(pred, target, wrt="both", **FORMAT)
    along_axes = {"wrt": "both", "format": "cxcywh", "engine": "array"}
    expected, expected_grads = loss.value_and_grad(pred[:, :4], target[:, :4], **along_axes)
    assert_allclose(value, expected, rtol=1e-13, atol=1e-14)
    for grad, of_four in zip(grads, expected_grads, strict=True):
        assert_allclose(grad[:, :4], of_four, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("engine", ENGINES)
@search
@given(batch=batches(any_sizes))
def test_finite_in_range_and_zero_at_a_match(engine, batch):
    for name, (loss, _) in CASES.items():
        value, grads = loss.value_and_grad(*batch, wrt="both", **FORMAT, engine=engine)
        for result in (value, *grads):
            assert np.isfinite(result).all(), name
        assert value.min() >= 0.0, name
        assert name not in BOUNDED or name in ("kfiou_ln", "kfiou_exp") or value.max() <= 1.0, name
        if name != "gwd_root":
            value, grads = loss.value_and_grad(batch[0], batch[0].copy(), wrt="both", **FORMAT, engine=engine)
            for result in (value, *grads):
                assert_array_equal(result, 0.0, name)


@search
@given(batch=batches(), row=st.integers(0, 29), bad=st.sampled_from([np.nan, np.inf]))
def test_nan_and_infinity_stay_in_their_row(batch, row, bad):
    numbers = np.concatenate(batch, axis=1)
    spoiled = row + np.arange(10)
    numbers[spoiled, np.arange(10)] = bad
    options = {**FORMAT, "wrt": "both"}
    for loss, _ in CASES.values():
        found, _ = loss.value_and_grad(*np.split(numbers, 2, axis=1), **options)
        expected, _ = loss.value_and_grad(*batch, **options)
        assert_array_equal(np.delete(found, spoiled), np.delete(expected, spoiled))
        assert np.isnan(found[spoiled]).all() or not np.isnan(bad) or "kfiou" in str(loss).lower()


@pytest.mark.parametrize("name", ["gwd", "kld", "bcd", "probiou", "kfiou"])
def test_thin_boxes_that_cross_keep_their_digits(name):
    """Their areas are small differences of large products of sums and differences of sides."""
    side = np.asarray([0.0, 1e-6, 0.3, 1.0])
    w, h = (sides.ravel() for sides in np.meshgrid(side, side))
    short = np.stack([0.1 * w, 0.2 * h, w, h, 0.0 * w], axis=1).astype("f4")
    matrix = CASES[name][0].pairwise(short, short, **FORMAT)
    expected = CASES[name][0].pairwise(short.astype("f8"), short.astype("f8"), **FORMAT, engine="array")
    assert_allclose(matrix, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["gwd", "kld", "bcd", "probiou", "kfiou"])
def test_squares_have_no_direction(name, rng):
    square = boxes(rng, 50)
    square[:, 3] = square[:, 2]
    turned = square + [0, 0, 0, 0, 0.8]
    value, _ = CASES[name][0].value_and_grad(turned, square, wrt="both", **FORMAT)
    assert value.max() < 1e-7
    assert bl.iou(turned, square, **FORMAT, engine="array").min() > 0.1


@pytest.mark.parametrize("name", [name for name in CASES if "kld" not in name])
def test_exchange_and_turns_change_nothing_but_rounding(name, rng):
    loss, pred, target = CASES[name][0], boxes(rng, 100), boxes(rng, 100)
    value, d_pred, d_target = (lambda v, g: (v, *g))(*loss.value_and_grad(pred, target, wrt="both", **FORMAT))
    found, grads = loss.value_and_grad(target, pred, wrt="both", **FORMAT)
    assert_allclose(found, value, rtol=1e-11, atol=1e-13)
    for grad, expected in zip(grads, (d_target, d_pred), strict=True):
        assert_allclose(grad, expected, rtol=1e-9, atol=1e-11)
    found, _ = loss.value_and_grad(pred + [0, 0, 0, 0, math.pi], target, wrt="both", **FORMAT)
    assert_allclose(found, value, rtol=1e-11, atol=1e-13)


def test_libraries_agree(backend, rng):
    pred, target = boxes(rng, 20), boxes(rng, 20)
    given = [backend.asarray(side) for side in (pred, target)]
    for name in ("gwd", "kld", "probiou", "kfiou_ln", "mgiou"):
        loss = CASES[name][0]
        expected, grad = loss.value_and_grad(pred, target, **FORMAT, engine="array")
        value, found = loss.value_and_grad(*given, **FORMAT)
        backend.assert_like(value, expected)
        backend.assert_like(found, grad, rtol=1e-10)


@pytest.mark.parametrize(
    ("loss", "value_range"),
    [
        (bl.gwd, "[0, 1)"),
        (bl.GWD("sqrt", 2.0), "[0.5, 1)"),
        (bl.KLD("none", 0.0), "[0, inf)"),
        (bl.BCD(tau=0.0), "[0, inf)"),
        (bl.ProbIoU("l2"), "[0, inf)"),
        (bl.KFIoU("ln"), "[0, inf)"),
        (bl.KFIoU("exp"), "[0, e - 1)"),
    ],
    ids=repr,
)
def test_ranges_are_those_of_the_parameters(loss, value_range):
    """So that suppression takes what is a threshold: a box that is far away, or thin, is 1 - L like another."""
    assert loss.value_range == value_range
    pair = np.asarray([[0, 0, 4, 1, 0], [40, 0, 1, 400, 0.5]])
    value = loss(*pair, **FORMAT)
    assert value > float(value_range[1:].partition(",")[0])
    assert (value > 1.0) == (not value_range.endswith(", 1)"))
    assert bl.nms(pair, np.asarray([2.0, 1.0]), metric=loss, threshold=1.0 - 0.99 * value, **FORMAT).tolist() == [0, 1]


def test_wrong_parameters_say_so():
    check_error(lambda: bl.GWD("log"), ValueError, "fun must be one of 'log1p', 'sqrt', 'none'; got 'log'")
    text = "tau must be 0, for the function itself, or at least 1; got 0.5"
    check_error(lambda: bl.KLD(tau=0.5), ValueError, text)
    check_error(lambda: bl.ProbIoU("l3"), ValueError, "mode must be one of 'l1', 'l2'; got 'l3'")
    check_error(lambda: bl.KFIoU("log"), ValueError, "fun must be one of 'none', 'ln', 'exp'; got 'log'")


# Of ultralytics 8.4.190: `probiou` of these pairs, without and with CIoU=True, and of a match.
OBB = [[1, 1, 3, 4, 0.5], [2, 2, 3, 4, 0.6], [7, 7, 8, 8, 0.4], [0, 0, 5, 10, 0.3], [50, 40, 30, 10, 1.0]]
OTHERS = [[0, 2, 2, 5, 0.3], [2, 1, 3, 3, 0.5], [5, 5, 6, 7, 0.4], [0, 0, 10, 5, 1.9], [55, 42, 28, 12, 0.8]]
PROBIOU = [0.5218125868066505, 0.6207472021223877, 0.5207470550280979, 0.984512579991192, 0.6170871029045237]
WITH_CIOU = [0.5202603077758605, 0.6205753164866299, 0.5207352081119793, 0.8308657663698339, 0.6170667549699904]


def test_probiou_is_that_of_ultralytics(backend):
    pred, target = (backend.asarray(np.asarray(side, float)) for side in (OBB, OTHERS))
    for options, expected in (({}, PROBIOU), ({"CIoU": True}, WITH_CIOU)):
        backend.assert_like(ultralytics.probiou(pred, target, **options), np.asarray(expected)[:, None], rtol=2e-13)
    backend.assert_like(ultralytics.probiou(pred, pred), np.full((5, 1), 0.9995527864101446), rtol=1e-12)
    matrix = backend.to_numpy(ultralytics.batch_probiou(pred, target))
    assert_allclose(np.diagonal(matrix), PROBIOU, rtol=2e-13)


@pytest.mark.parametrize("options", [{}, {"with_aspect": False, "eps": 0.1, "floor": 0.5}], ids=["theirs", "padded"])
def test_gradient_of_probiou_with_its_eps_is_that_of_central_differences(options, rng):
    loss, pred, target = ProbabilisticScore(**options), boxes(rng, 100), boxes(rng, 100)
    _, grads = loss.value_and_grad(pred, target, wrt="both", **FORMAT)
    for which, grad in enumerate(grads):
        assert_allclose(grad, differences(loss, pred, target, which), rtol=0, atol=1e-8)
