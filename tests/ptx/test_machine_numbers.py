"""What the machine that executes PTX makes of numbers: exact operations, comparisons, and approximations."""

from fractions import Fraction

import numpy as np
import pytest

from ptx_machine.approximate import APPROXIMATIONS, NORMAL, approximations
from ptx_machine.arithmetic import COMPARISONS, FLOATS, fma, high_half, shift_left, shift_right, truncate, with_bits

# --- Numbers ----------------------------------------------------------------------------------------------------------

SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e-40, 3e38])
PAIRS = [side.ravel() for side in np.meshgrid(SPECIAL, SPECIAL)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fma_rounds_once(dtype, rng):
    """Against exact fractions; most sums cancel all but the last digits of the product."""
    a, b = rng.normal(size=(2, 2000)).astype(dtype) * np.exp2(rng.integers(-30, 30, (2, 2000))).astype(dtype)
    c = np.where(rng.random(2000) < 0.7, -a * b, rng.normal(size=2000).astype(dtype))
    exact = [Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z)) for x, y, z in zip(a, b, c, strict=True)]
    for found, true in zip(fma(a, b, c), exact, strict=True):
        around = [np.nextafter(found, direction) for direction in np.array([-np.inf, np.inf], dtype)]
        assert all(abs(Fraction(float(found)) - true) <= abs(Fraction(float(other)) - true) for other in around)


def test_fma_is_not_two_operations():
    a = np.float32(1 + 2**-12)
    assert fma(a, a, np.float32(-1 - 2**-11)) == np.float32(2**-24)


@pytest.mark.parametrize(
    ("name", "of_nan_and_one", "of_zeros"),
    [("min", 1.0, -0.0), ("max", 1.0, 0.0), ("min.NaN", np.nan, -0.0), ("max.NaN", np.nan, 0.0)],
)
def test_minimum_and_maximum(name, of_nan_and_one, of_zeros):
    a, b = (np.array(side, np.float32) for side in ([np.nan, 1.0, 0.0, -0.0], [1.0, np.nan, -0.0, 0.0]))
    result = FLOATS[name](a, b)
    np.testing.assert_array_equal(result[:2], of_nan_and_one)
    np.testing.assert_array_equal(np.signbit(result[2:]), np.signbit(of_zeros))
    assert FLOATS[name](np.float32(2), np.float32(3)) == (2 if "min" in name else 3)


@pytest.mark.parametrize("name", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_comparisons_with_nan(name):
    """Plain ones are false with a NaN, and those with a u are true."""
    a, b = PAIRS
    unordered = np.isnan(a) | np.isnan(b)
    expected = [getattr(x, f"__{name}__")(y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    np.testing.assert_array_equal(COMPARISONS[name](a, b), expected & ~unordered)
    np.testing.assert_array_equal(COMPARISONS[f"{name}u"](a, b), expected | unordered)
    np.testing.assert_array_equal(COMPARISONS["nan"](a, b), unordered)
    np.testing.assert_array_equal(COMPARISONS["num"](a, b), ~unordered)


def test_integers():
    n = np.array([0, 1, 31, 32, 99], np.uint32)
    minus, bits = np.int32(-8), np.uint32(0x80000001)
    np.testing.assert_array_equal(shift_left(bits, n), [0x80000001, 2, 0x80000000, 0, 0])
    np.testing.assert_array_equal(shift_right(bits, n), [0x80000001, 0x40000000, 1, 0, 0])
    np.testing.assert_array_equal(shift_right(minus, n), [-8, -4, -1, -1, -1])
    assert high_half(np.int32(-(2**31)), np.int32(2**31 - 1)) == -(2**30)
    assert high_half(np.uint32(2**32 - 1), np.uint32(2**32 - 1)) == 2**32 - 2


def test_truncation_of_floats():
    a = np.array([np.nan, np.inf, -np.inf, 3e9, -3e9, 2.9, -2.9], np.float32)
    large, small = 2**31 - 1, -(2**31)
    np.testing.assert_array_equal(truncate(a, np.dtype("i4")), [0, large, small, large, small, 2, -2])
    np.testing.assert_array_equal(truncate(a, np.dtype("u4")), [0, 2**32 - 1, 0, 3_000_000_000, 0, 2, 0])


@pytest.mark.parametrize(
    ("start", "count", "expected"),
    [(32, 32, 0x89ABCDEF_76543210), (4, 8, 0xFEDCBA98_76543EF0), (60, 8, 0xFEDCBA98_76543210)],
)
def test_bits_put_into_others(start, count, expected):
    a, b = np.uint64(0x01234567_89ABCDEF), np.uint64(0xFEDCBA98_76543210)
    assert with_bits(np.asarray(a), b, np.uint32(start), np.uint32(count)) == expected


# --- Approximate instructions -----------------------------------------------------------------------------------------

# How far a result may be from the true value, relative to it, with half a unit in the last place for its rounding.
RELATIVE = {"rcp.approx": 2.0**-23, "div.full": 2.0**-22, "div.approx": 2.0**-22, "sqrt.approx": 2.0**-23}
RELATIVE |= {"rsqrt.approx": 2.0**-22.9, "ex2.approx": 2.0**-22, "lg2.approx": 2.0**-22}


@pytest.mark.parametrize("name", APPROXIMATIONS)
def test_approximations_use_their_bound_and_keep_it(name, rng):
    exact, _ = APPROXIMATIONS[name]
    operands = rng.uniform(2.0, 100.0, (2 if "div" in name else 1, 5000)).astype(np.float32)
    true = exact(*operands.astype(np.float64))
    functions = [approximations(seed)[name] for seed in (1, 1, 2)]
    first, again, other = (function(*operands) for function in functions)
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.float32
    assert (first != other).mean() > 0.2
    error = np.abs(np.stack([first, other]) / true - 1.0).max()
    assert 0.6 * RELATIVE[name] < error <= RELATIVE[name]


@pytest.mark.parametrize("seed", range(20))
def test_approximate_reciprocals_of_what_is_documented(seed):
    tiny, small, huge = (np.float32(x) for x in (1e-40, NORMAL, 2.0**127))
    given = np.array([0.0, -0.0, np.inf, -np.inf, np.nan], np.float32)
    plain, flushing = approximations(seed)["rcp.approx"], approximations(seed)["rcp.approx.ftz"]
    with np.errstate(divide="ignore", over="ignore"):
        for function in (plain, flushing):
            np.testing.assert_array_equal(function(given), [np.inf, -np.inf, 0.0, -0.0, np.nan])
            np.testing.assert_array_equal(np.signbit(function(given)[:4]), [False, True, False, True])
        assert flushing(-tiny) == -np.inf
        assert flushing(huge) == 0.0
        assert 0.0 < plain(huge) < NORMAL
        assert 0.0 < flushing(small) < np.inf
        divide = approximations(seed)["div.approx"]
        assert divide(np.float32(1), huge) == 0.0
        assert np.isnan(divide(np.float32(np.inf), huge))
        assert np.isnan(divide(np.float32(1), tiny))
