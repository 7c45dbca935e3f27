"""The compiled powers, by logarithms and by products, against 50 digits: within 2 units in the last place."""

import mpmath
import numpy as np
import pytest

from boxloss.formulas.structure import HALVES
from boxloss.shapes.replaceable import one_less_power
from scalar_functions import (
    DTYPES,
    EXPONENTS,
    LITERALS,
    check_ulps,
    loop,
    one_less_power_of_halves,
    power_of_halves,
    power_of_one_less,
)


@pytest.fixture(scope="module", params=DTYPES)
def power(request):
    return loop(request.param, "pow"), np.dtype(request.param).type


def test_power(power, rng):
    """Shares to powers, and numbers of every size."""
    run, number = power
    base = np.concatenate(
        [rng.uniform(0.0, 1.0, 400), 1.0 - np.geomspace(1e-7, 0.5, 100), 10 ** rng.uniform(-9, 9, 300)]
    )
    exponent = rng.choice([0.5, 1.9, 2.0, 3.0, -1.5, 0.01, 3.7], base.size)
    base, exponent = base.astype(number), exponent.astype(number)
    check_ulps(run(base, exponent), mpmath.power, base, exponent)


def test_edges_of_power(power):
    run, number = power
    base = np.asarray([0.0, 0.0, 0.0, -1.0, np.nan, 1.0, 1e-30, 1e30, 1e-30, 0.5, np.inf, np.inf, 2.0], dtype=number)
    exponent = np.asarray([2.0, 0.0, -1.0, 0.5, 1.0, 1e30, 1e5, 1e5, -1e5, 0.0, 0.5, -1.0, np.nan], dtype=number)
    expected = [0.0, 1.0, np.inf, np.nan, np.nan, 1.0, 0.0, np.inf, np.inf, 1.0, np.inf, 0.0, np.nan]
    np.testing.assert_array_equal(run(base, exponent), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_by_products(dtype, rng):
    number = np.dtype(dtype).type
    base = np.concatenate([rng.uniform(0.0, 1.0, 400), 10 ** rng.uniform(-9, 9, 300)]).astype(number)
    exponent = rng.choice(HALVES, base.size).astype(number)
    run = loop(dtype, power_of_halves)
    check_ulps(run(base, exponent), mpmath.power, base, exponent)
    exponent = np.maximum(exponent, 1.0).astype(number)
    less = loop(dtype, power_of_one_less)
    np.testing.assert_array_equal(less(base, exponent), run(base, exponent - 1))
    base = np.asarray([0.0, 0.0, -1.0, -1.0, np.nan, np.nan, np.inf, np.inf, 1e30, 1e30], dtype=number)
    edges = run(base, np.asarray([0.0, 2.0, 1.0, 0.5, 0.0, 3.0, 0.0, 2.5, 1.0, 0.0], dtype=number))
    np.testing.assert_array_equal(edges, [1.0, 0.0, np.nan, np.nan, np.nan, np.nan, 1.0, np.inf, base[-1], 1.0])
    assert np.isnan(less(base[:1] + 2, exponent[:1] * 0)).all()  # it would be a quotient
    assert np.isnan(run(base[:1] + 2, exponent[:1] * 0 + 3.5)).all()  # none of them


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exponent", EXPONENTS)
def test_power_and_its_slope(exponent, dtype, rng):
    """To an exponent that the kernel is made for by products, and to any other by way of the slope."""
    number = np.dtype(dtype).type
    a = np.concatenate([rng.random(500), np.geomspace(1e-6, 1.0, 50)]).astype(number)
    value, slope = loop(dtype, ("value", exponent)), loop(dtype, ("slope", exponent))
    wide = a.astype(np.longdouble)
    np.testing.assert_allclose(value(a), wide**exponent, rtol=4.0 * np.finfo(number).eps)
    np.testing.assert_allclose(slope(a), exponent * wide ** (exponent - 1.0), rtol=4.0 * np.finfo(number).eps)
    np.testing.assert_array_equal(value(np.asarray([0.0, np.nan], number)), [0.0, np.nan])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exponent", HALVES)
def test_powers_that_a_kernel_is_made_for(exponent, dtype, rng):
    number = np.dtype(dtype).type
    base = np.concatenate([rng.uniform(0.0, 2.0, 2000), 10 ** rng.uniform(-9, 9, 300)]).astype(number)
    run = loop(dtype, ("power", exponent))
    check_ulps(run(base), mpmath.power, base, np.full_like(base, exponent))
    np.testing.assert_array_equal(run(np.asarray([0.0, np.inf], number)), np.asarray([0.0, np.inf]) ** exponent)


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_less_a_power(dtype, rng):
    """Near 0, where 1 less the power has no digits left, too; a few roundings in each of up to four products."""
    number = np.dtype(dtype).type
    a = np.concatenate([rng.uniform(0.0, 1.0, 300), np.geomspace(1e-30, 0.5, 100)]).astype(number)
    exponent = rng.choice(HALVES, a.size).astype(number)
    oracle = lambda a, exponent: -mpmath.expm1(exponent * mpmath.log1p(-a))  # noqa: E731
    check_ulps(loop(dtype, one_less_power_of_halves)(a, exponent), oracle, a, exponent)
    for literal in LITERALS:
        found = loop(dtype, ("one less power", literal))(a)
        check_ulps(found, oracle, a, np.full_like(a, literal))
    general = loop(dtype, one_less_power)
    found = general(a[a > 0], number(2.3))
    np.testing.assert_allclose(
        found,
        [float(oracle(mpmath.mpf(float(x)), number(2.3).item())) for x in a[a > 0]],
        rtol=8 * np.finfo(number).eps,
    )
    assert np.isnan(general(np.asarray([np.nan], number), number(3.0))).all()


def test_roots_of_numbers_that_are_not_normal(power):
    """They are as those of others."""
    run, number = power
    small = np.finfo(number).smallest_subnormal * number(2.0) ** np.arange(0, 20)
    check_ulps(run(small, number(0.5)), mpmath.power, small, np.full_like(small, 0.5))
