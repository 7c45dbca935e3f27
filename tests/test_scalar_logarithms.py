"""The compiled exponentials and logarithms against 50 digits: within 2 units in the last place."""

import math

import mpmath
import numpy as np
import pytest

from boxloss.shapes.replaceable import exp_of_negative, expm1_of_negative, log1p_inside, one_less_exp
from scalar_functions import DTYPES, check_ulps, loop


@pytest.fixture(scope="module", params=DTYPES)
def log1p(request):
    return loop(request.param, "log1p"), np.dtype(request.param).type


def test_log1p_on_a_dense_range(log1p):
    """What the log IoU loss asks for, 0 to 1e6, and the whole of the domain below."""
    run, number = log1p
    dense = [np.linspace(-0.99, 3.0, 400), np.geomspace(1e-3, 1e6, 400), -np.geomspace(1e-3, 0.999, 200)]
    a = np.concatenate(dense).astype(number)
    check_ulps(run(a), mpmath.log1p, a)


def test_log1p_of_tiny_numbers_is_the_number(log1p):
    run, number = log1p
    a = np.geomspace(np.finfo(number).tiny, np.finfo(number).eps, 200).astype(number)
    a = np.concatenate([a, -a])
    check_ulps(run(a), mpmath.log1p, a)


def test_log1p_about_the_changes_of_exponent(log1p):
    """1 + a about sqrt(2) times powers of two, where the mantissa is reduced to the other side of 1."""
    run, number = log1p
    near = number(1.0) + np.arange(-8, 9).astype(number) * np.finfo(number).eps
    turns = (math.sqrt(0.5) * 2.0 ** np.arange(0, 21)).astype(number)
    a = (turns[:, None] * near - number(1.0)).ravel()
    check_ulps(run(a), mpmath.log1p, a)


def test_log1p_of_huge_numbers(log1p, rng):
    run, number = log1p
    a = (10.0 ** rng.uniform(6.0, 0.99 * np.log10(float(np.finfo(number).max)), 200)).astype(number)
    check_ulps(run(a), mpmath.log1p, a)


def test_log1p_of_zero_and_nan(log1p):
    run, _ = log1p
    np.testing.assert_array_equal(run(np.asarray([0.0, np.nan])), [0.0, np.nan])


def test_log1p_at_the_ends_of_its_domain(log1p):
    run, _ = log1p
    a = np.asarray([-1.0, -1.5, -np.inf, np.inf])
    np.testing.assert_array_equal(run(a), [-np.inf, np.nan, np.nan, np.inf])


@pytest.fixture(scope="module", params=[(name, dtype) for name in ("exp", "expm1", "log") for dtype in DTYPES])
def function(request):
    """A function of one number with what it should be: in mpmath and in NumPy."""
    name, dtype = request.param
    return name, loop(dtype, name), np.dtype(dtype).type


def domain_of(name, number):
    """Numbers whose image is a normal number."""
    tiny, largest = float(np.finfo(number).tiny), 0.99 * float(np.finfo(number).max)
    small = np.geomspace(1e-12, 0.5, 100)
    if name == "log":
        near = 1.0 + np.arange(-8, 9) * float(np.finfo(number).eps)
        turns = (math.sqrt(0.5) * 2.0 ** np.arange(-20, 21)[:, None] * near).ravel()
        return np.concatenate([turns, 10 ** np.linspace(math.log10(tiny), math.log10(largest), 300), 1.0 + small])
    turns = (np.arange(-20, 21)[:, None] + 0.5) * math.log(2.0) * (1.0 + np.arange(-4, 5) * 1e-7)
    everywhere = [np.linspace(0.999999 * math.log(tiny), math.log(largest), 300), turns.ravel(), small, -small]
    return np.concatenate(everywhere if name == "exp" else [*everywhere, [1e-30, -1e-30]])


def test_exponentials_and_logarithms(function):
    name, run, number = function
    a = domain_of(name, number).astype(number)
    check_ulps(run(a), getattr(mpmath, name), a)


def test_exponentials_behind_the_first_change_of_exponent(function, rng):
    name, run, number = function
    low, high = (-0.43, 0.43) if name in ("exp", "expm1") else (0.5, 1.5)
    a = np.concatenate([rng.uniform(0.34, 0.43, 4000), rng.uniform(low, high, 4000), [0.36041932472320726]])
    check_ulps(run(a.astype(number)), getattr(mpmath, name), a.astype(number))


def test_edges_of_exponentials_and_logarithms(function):
    """What they are where no polynomial reaches, as NumPy has it."""
    name, run, number = function
    tiny = float(np.finfo(number).tiny)
    edges = np.asarray([0.0, -0.0, 1.0, -1.0, tiny, 1e4, -1e4, np.inf, -np.inf, np.nan, 3e38, -3e38], dtype=number)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(run(edges), getattr(np, name)(edges), rtol=4 * np.finfo(number).eps)


def test_exp_fades_to_zero(function):
    """Below the normal numbers it is 0, or what it should be."""
    name, run, number = function
    if name == "exp":
        a = np.linspace(-760.0, 1.001 * math.log(float(np.finfo(number).tiny)), 500).astype(number)
        np.testing.assert_array_equal(run(a), 0.0)
        about = (math.log(float(np.finfo(number).tiny)) * (1 + np.linspace(-1e-6, 1e-6, 201))).astype(number)
        assert np.all((run(about) == 0.0) | (np.abs(run(about) / np.exp(about) - 1.0) < 1e-6))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", [exp_of_negative, expm1_of_negative], ids=["exp", "expm1"])
def test_exponentials_of_negative_numbers(function, dtype):
    """That of a slope that fades is 0 where it is so small that not all its products would be normal numbers."""
    number, name = np.dtype(dtype).type, function.__name__.removesuffix("_of_negative")
    run, a = loop(dtype, function), domain_of(name, number).astype(number)
    end = -math.log(2.0) * {"float32": 100, "float64": 1000}[dtype] if name == "exp" else -np.inf
    before = a[(a <= 0) & (a > end)]
    check_ulps(run(before), getattr(mpmath, name), before)
    edges = np.asarray([0.0, -0.0, -1e-30, -1e4, -3e38, -np.inf, np.nan], dtype=number)
    np.testing.assert_array_equal(run(edges), getattr(np, name)(edges))
    faded = math.log(float(np.finfo(number).tiny)) * np.linspace(0.7, 1.02, 301)
    least = math.exp(end) * (1 + 1e-5) if name == "exp" else 0.0
    np.testing.assert_allclose(run(faded.astype(number)), getattr(np, name)(faded), rtol=1e-4, atol=least)
    if name == "exp":
        np.testing.assert_array_equal(run(np.asarray([1.001 * end], number)), 0.0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_less_exponential_of_numbers_up_to_one(dtype):
    number = np.dtype(dtype).type
    a = np.concatenate([np.linspace(0.0, 1.0, 4001), np.geomspace(1e-30, 1.0, 100), [1.0 + 1e-6]]).astype(number)
    run = loop(dtype, one_less_exp)
    check_ulps(run(a), lambda a: -mpmath.expm1(-a), a)
    np.testing.assert_array_equal(run(np.asarray([0.0, -0.0, np.nan], number)), [0.0, 0.0, np.nan])


@pytest.mark.parametrize("dtype", DTYPES)
def test_logarithm_of_one_and_a_number_inside(dtype):
    number = np.dtype(dtype).type
    a = np.concatenate([np.linspace(-0.999, 3.0, 500), np.geomspace(1e-30, 1e9, 100), -np.geomspace(1e-30, 0.5, 100)])
    a = a.astype(number)
    run = loop(dtype, log1p_inside)
    check_ulps(run(a), mpmath.log1p, a)
    np.testing.assert_array_equal(run(np.asarray([0.0, np.nan], number)), [0.0, np.nan])


def test_logarithms_of_numbers_that_are_not_normal(function):
    """They are as those of others."""
    name, run, number = function
    if name == "log":
        small = np.finfo(number).smallest_subnormal * number(2.0) ** np.arange(0, 20)
        check_ulps(run(small), mpmath.log, small)
