"""The compiled atan2, sine and cosine against 50 digits, within 2 units in the last place; extremes, signs."""

import math

import mpmath
import numpy as np
import pytest

from scalar_functions import DTYPES, check_ulps, loop

every_dtype = pytest.mark.parametrize("dtype", DTYPES)


@pytest.fixture(scope="module", params=DTYPES)
def atan2(request):
    return loop(request.param, "atan2"), np.dtype(request.param).type


def quadrants(y, x):
    """The same points in all four quadrants, and with the axes exchanged."""
    y, x = np.concatenate([y, x]), np.concatenate([x, y])
    return np.concatenate([y, y, -y, -y]), np.concatenate([x, -x, x, -x])


def test_atan2_on_a_dense_range(atan2):
    """Every ratio of the shorter to the longer side, through the change of formula at 1 / 2."""
    run, number = atan2
    ratio = np.linspace(0.0, 1.0, 301, dtype=number)[1:]
    y, x = quadrants(ratio, np.ones_like(ratio))
    check_ulps(run(y, x), mpmath.atan2, y, x)


def test_atan2_about_the_change_of_formula(atan2):
    run, number = atan2
    y = number(0.5) * (number(1.0) + np.arange(-20, 21).astype(number) * np.finfo(number).eps)
    check_ulps(run(y, number(1.0)), mpmath.atan2, y, np.ones_like(y))


def test_atan2_behind_the_changes_of_formula(atan2, rng):
    run, number = atan2
    for low, high in ((1.0, 1.1), (0.414, 0.47), (0.5, 0.56), (1.8, 2.0)):
        y = np.append(rng.uniform(low, high, 3000), [1.0157639, 0.4145275669765955]).astype(number)
        x = np.ones_like(y)
        check_ulps(run(y, x), mpmath.atan2, y, x)


def test_atan2_on_random_magnitudes(atan2, rng):
    """Sides from 1e-12 to 1e12, so angles down to 1e-24 from an axis."""
    run, number = atan2
    y, x = quadrants(*(10.0 ** rng.uniform(-12.0, 12.0, (2, 200))).astype(number))
    check_ulps(run(y, x), mpmath.atan2, y, x)


def test_atan2_of_tiny_and_huge_sides(atan2):
    run, number = atan2
    info = np.finfo(number)
    sides = np.asarray([info.tiny, 64 * info.tiny, 1.0, info.max / 64, info.max / 4], dtype=number)
    y, x = (side.ravel() for side in np.meshgrid(sides, sides))
    normal = np.arctan2(y.astype(np.longdouble), x) >= info.tiny  # a denormal angle is 0 or itself
    check_ulps(run(y, x)[normal], mpmath.atan2, y[normal], x[normal])
    assert np.all((run(y, x)[~normal] >= 0.0) & (run(y, x)[~normal] < info.tiny))


def test_atan2_on_the_axes(atan2):
    run, number = atan2
    y, x = np.asarray([0.0, 0.0, 2.0, -2.0, 0.0], dtype=number), np.asarray([0.0, 3.0, 0.0, 0.0, -3.0], dtype=number)
    half_pi = number(math.pi / 2)
    np.testing.assert_array_equal(run(y, x), [0.0, 0.0, half_pi, -half_pi, number(math.pi)])


def test_atan2_of_infinity_and_nan(atan2):
    run, number = atan2
    y = np.asarray([1.0, np.inf, -np.inf, np.nan, 1.0, np.nan, np.nan, 0.0], dtype=number)
    x = np.asarray([np.inf, 1.0, 1.0, 1.0, np.nan, np.nan, np.inf, np.nan], dtype=number)
    nan, half_pi = np.nan, number(math.pi / 2)
    np.testing.assert_array_equal(run(y, x), [0.0, half_pi, -half_pi, nan, nan, nan, nan, nan])


def test_atan2_is_odd(atan2, rng):
    run, number = atan2
    y, x = rng.normal(size=(2, 500)).astype(number)
    np.testing.assert_array_equal(run(-y, x), -run(y, x))


@pytest.mark.parametrize("name", ["sin", "cos"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_sine_and_cosine_up_to_a_million(name, dtype, rng):
    """And next to quarter turns, where what is left of an angle is small: two of those where it is the smallest."""
    number, run = np.dtype(dtype).type, loop(dtype, name)
    quarters = rng.integers(-636_000, 636_000, 2000) * (math.pi / 2)
    spread = [rng.uniform(-10, 10, 2000), rng.uniform(-1e6, 1e6, 2000), 10 ** rng.uniform(-9, 6, 500)]
    a = np.concatenate([*spread, quarters, [801176.8125, 534117.875, 100624.96, 24819.9, -1e6]]).astype(number)
    check_ulps(run(a), getattr(mpmath, name), a)
    np.testing.assert_array_equal(run(np.asarray([0.0, np.nan], number)), [float(name == "cos"), np.nan])


@every_dtype
@pytest.mark.parametrize("name", ["minimum", "maximum"])
def test_minimum_and_maximum(name, dtype):
    a = np.asarray([1.0, 2.0, -1.0, -np.inf, 3.0, np.nan, 1.0, np.nan, np.nan])
    b = np.asarray([2.0, 1.0, -1.0, 0.0, np.inf, 1.0, np.nan, np.nan, np.inf])
    np.testing.assert_array_equal(loop(dtype, name)(a, b), getattr(np, name)(a, b).astype(dtype))


@every_dtype
@pytest.mark.parametrize("name", ["abs", "sign"])
def test_abs_and_sign(name, dtype):
    a = np.asarray([-2.5, -0.0, 0.0, 1e-30, np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(loop(dtype, name)(a), getattr(np, name)(a).astype(dtype))
