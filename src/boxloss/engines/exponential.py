"""Exponentials and logarithms for one number, or a vector of them, of a kernel: range reduction and polynomials.

All stay within 2 ulp of the true value where that is a normal number (tests hold them to it against mpmath), and keep
NaN. A call of the C library instead would keep the loop from being vectorised: SIoU took ten times as long.

Coefficients are those of minimax polynomials by the Remez algorithm in 50 digits; see `Width`.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from boxloss.engines.symbols import INTEGER, NUMBER
from boxloss.engines.trace import SymbolicNamespace
from boxloss.typing import Number

Function = Callable[..., Any]


class Width(NamedTuple):
    """What differs between the two float types."""

    expm1: tuple[float, ...]  # (expm1(r) - r) / r^2, for |r| <= ln(2) / 2
    fall: tuple[float, ...]  # (1 - exp(-a) - a) / a^2, for a from 0 to 1
    atanh: tuple[float, ...]  # (2 atanh(s) / s - 2) / s^2, in s^2
    ln2: tuple[float, float]  # in two parts: the first has trailing zeros, so an exponent times it is exact
    fraction_bits: int
    bias: int
    round_to_integer: float  # added to a number and subtracted again, it leaves the nearest integer
    sqrt_half_bits: int
    largest: float  # the logarithm of the largest number
    smallest: float  # that of the smallest normal number
    faded: float  # that of a number with which many others may be multiplied and stay normal


WIDTHS: Mapping[str, Width] = MappingProxyType(
    {
        "float32": Width(
            expm1=(
                0.00139464584922511704, 0.00836658418312326276, 0.0416662818721700726, 0.166665429899367097,
                0.500000006200004888,
            ),
            fall=(
                1.2913095047455907454e-4, -0.0013011265446197769291, 0.0082762087905322362512, -0.041647468322347604499,
                0.16666365621941710425, -0.49999984055430145519,
            ),
            atanh=(0.29871736848941716548, 0.39977541279086231786, 0.66666776383088121539),
            ln2=(0.693359375, -2.12194440054690583e-4),
            fraction_bits=23,
            bias=127,
            round_to_integer=1.5 * 2.0**23,
            sqrt_half_bits=0x3F3504F3,
            largest=88.72283,
            smallest=-87.33654,
            faded=-69.31472,
        ),
        "float64": Width(
            expm1=(
                2.51144807842431503e-8, 2.76263267279479648e-7, 2.75572279345027215e-6, 2.48015044453941652e-5,
                1.98412699030480811e-4, 0.00138888889323794136, 0.00833333333331458542, 0.0416666666665736218,
                0.166666666666666860, 0.500000000000000555,
            ),
            fall=(
                -1.319945268314321666e-9, 2.3189476272079147472e-8, -2.7286852617637972339e-7, 2.7531999310253239039e-6,
                -2.480000959634378413e-5, 1.9841204043235015337e-4, -0.0013888887082359609359, 0.0083333333020108154964,
                -0.041666666663497969864, 0.16666666666650607712, -0.49999999999999715565,
            ),
            atanh=(
                0.14761234535535996077, 0.15317778971617648572, 0.18183405730006331657, 0.22222201952869355519,
                0.28571428704966702322, 0.39999999999613766995, 0.66666666666666962059,
            ),
            ln2=(6.93147180369123816490e-01, 1.90821492927058770002e-10),
            fraction_bits=52,
            bias=1023,
            round_to_integer=1.5 * 2.0**52,
            sqrt_half_bits=0x3FE6A09E667F3BCD,
            largest=709.78271289338397,
            smallest=-708.39641853226408,
            faded=-693.14718055994531,
        ),
    }
)  # fmt: skip


def polynomial(z: Number, coefficients: tuple[float, ...]) -> Number:
    """Compute a polynomial by Horner's rule, from the coefficient of the highest power on."""
    p: Number = coefficients[0]
    for coefficient in coefficients[1:]:
        p = p * z + coefficient
    return p


def _by_pairs(z: Number, square: Number, coefficients: tuple[float, ...]) -> Number:
    """Compute the same from two coefficients at a time, in z^2: where that is known, in a chain half as long."""
    is_odd = len(coefficients) % 2 == 1
    p = coefficients[0] if is_odd else coefficients[0] * z + coefficients[1]
    for k in range(1 if is_odd else 2, len(coefficients), 2):
        pair = coefficients[k] * z + coefficients[k + 1]
        p = p * square + pair
    return p


def _power_of_two(xp: SymbolicNamespace, bits: Number, width: Width) -> Number:
    """Compute 2^k, for the bits of an integer k that is the exponent of a normal number; 0 for the one below these."""
    shifted = xp.operation("shift left", INTEGER, bits + width.bias, width.fraction_bits, of=INTEGER)
    return xp.operation("from bits", NUMBER, shifted, of=INTEGER)


def _reduced(xp: SymbolicNamespace, a: Number, width: Width) -> tuple[Number, Number]:
    """Compute the last bits of an integer k, all that an exponent has, and a - k ln(2), for |a| below 2^9."""
    high, low = width.ln2
    with xp.writer.contracting(True):
        shifted = a * (1.0 / math.log(2.0)) + width.round_to_integer
    k = shifted - width.round_to_integer
    with xp.writer.contracting(True):
        return xp.operation("bits", INTEGER, shifted), (a - k * high) - k * low


def _expm1_of_reduced(xp: SymbolicNamespace, r: Number, width: Width) -> Number:
    """Compute exp(r) - 1 for |r| <= ln(2) / 2."""
    with xp.writer.contracting(True):
        square = r * r
        return r + square * _by_pairs(r, square, width.expm1)


def _scaled(xp: SymbolicNamespace, a: Number, bits: Number, width: Width) -> Number:
    """Compute a 2^k, for a and a result that are normal numbers: k more in the exponent."""
    shifted = xp.operation("shift left", INTEGER, bits, width.fraction_bits, of=INTEGER)
    return xp.operation("from bits", NUMBER, xp.operation("bits", INTEGER, a) + shifted, of=INTEGER)


def exponential_of_sum(xp: SymbolicNamespace, a: Number, rest: Number | None, width: Width) -> Number:
    """Compute exp(a + rest) for a small rest; 0 below the normal numbers and infinite above."""
    bits, r = _reduced(xp, a, width)
    value = _scaled(xp, 1.0 + _expm1_of_reduced(xp, r if rest is None else r + rest, width), bits, width)
    value = xp.where(a < width.smallest, 0.0, value)
    value = xp.where(a > width.largest, math.inf, value)
    return xp.where(a == a, value, a)


def exponential(xp: SymbolicNamespace, a: Number, width: Width) -> Number:
    """Compute e to the power of a; 0 where that is less than the normal numbers."""
    return exponential_of_sum(xp, a, None, width)


def exponential_less_one(xp: SymbolicNamespace, a: Number, width: Width) -> Number:
    """Compute e^a - 1, with all its digits where a is small."""
    clamped = xp.where(a < -50.0, -50.0, a)  # where e^a counts for nothing beside 1
    bits, r = _reduced(xp, clamped, width)
    half = _power_of_two(xp, bits - 1, width)  # of 2^k, which is no number for the largest k
    with xp.writer.contracting(True):
        square = r * r
        p = _by_pairs(r, square, width.expm1)
    value = 2.0 * fused(xp, half * square, p, fused(xp, half, r, half - 0.5))
    return xp.where(a > width.largest, math.inf, value)


def _parts_of_negative(xp: SymbolicNamespace, a: Number, width: Width) -> tuple[Number, Number, Number, Number]:
    """Compute 2^k, r, r^2 and p(r), where e^a for a <= 0 or a NaN is 2^k (1 + r + r^2 p(r)).

    2^k is 0 where e^a is less than 0.71 of a normal number. What formulas know is -a, and k comes with its bias: a sign
    and a sum less, and a constant less for each, which is 0.94 of the time of a matrix of PIoU2.
    """
    high, low = width.ln2
    clamped = xp.operation("minimum", NUMBER, width.bias * math.log(2.0), xp.writer.negative(a))
    to_integer = width.round_to_integer + width.bias
    with xp.writer.contracting(True):
        shifted = to_integer - clamped * (1.0 / math.log(2.0))
    k = shifted - to_integer
    with xp.writer.contracting(True):
        r = (-clamped - k * high) - k * low
        square = r * r
        p = _by_pairs(r, square, width.expm1)
    bits = xp.operation("bits", INTEGER, shifted)
    shifted_bits = xp.operation("shift left", INTEGER, bits, width.fraction_bits, of=INTEGER)
    return xp.operation("from bits", NUMBER, shifted_bits, of=INTEGER), r, square, p


def exponential_of_negative(xp: SymbolicNamespace, a: Number, width: Width) -> Number:
    """Compute e^a for a <= 0, and NaN for NaN: half as many instructions as for every number.

    It is 0 below 2^-100, in float64 2^-1000: the slope of a loss that fades, which is multiplied with lengths and their
    inverses. Where such products fell below the normal numbers an Intel processor would take some 150 clock cycles more
    for each vector that holds one: GCD of pairs of which a third lie anywhere in an image took 2.6 times as long, and
    PIoU2 of boxes ten sides apart six times.

    All but p(r) is there when that is: a matrix of PIoU2, where one exponential waits for another, takes 0.95 of the
    time that it takes with e^r - 1 before 2^k, which is a multiplication less.
    """
    power, r, square, p = _parts_of_negative(xp, a, width)
    power = xp.where(a < width.faded, 0.0, power)
    return fused(xp, power * square, p, fused(xp, power, r, power))


def exponential_less_one_of_negative(xp: SymbolicNamespace, a: Number, width: Width) -> Number:
    """Compute e^a - 1 likewise, with all its digits where a is small."""
    power, r, square, p = _parts_of_negative(xp, a, width)
    return fused(xp, power, fused(xp, square, p, r), power - 1.0)


def one_less_exponential(xp: SymbolicNamespace, a: Number, width: Width) -> Number:
    """Compute 1 - e^-a for a from 0 to 1, and NaN for NaN: a polynomial, without range reduction."""
    with xp.writer.contracting(True):
        square = a * a
        return a + square * _by_pairs(a, square, width.fall)


def logarithm(xp: SymbolicNamespace, b: Number, width: Width) -> Number:
    """Compute the natural logarithm; -inf for 0, NaN below."""
    return _with_ends(xp, b, _logarithm(xp, b, None, width))


def logarithm_of_one_more(xp: SymbolicNamespace, a: Number, width: Width, with_ends: bool = True) -> Number:
    """Compute ln(1 + a), with all its digits where a is small; with the ends of its domain -inf for -1, NaN below."""
    b = 1.0 + a
    value = _logarithm(xp, b, a - (b - 1.0), width)
    return _with_ends(xp, b, value) if with_ends else value


def _with_ends(xp: SymbolicNamespace, b: Number, value: Number) -> Number:
    """Take the value of ln(b) for a positive number, and what ln(b) is elsewhere."""
    value = xp.where(b < math.inf, value, b)
    return xp.where(b > 0.0, value, xp.where(b == 0.0, -math.inf, math.nan))


def _mantissa(xp: SymbolicNamespace, b: Number, width: Width) -> tuple[Number, Number]:
    """Find an exponent k and b / 2^k between sqrt(1 / 2) and sqrt(2), for a positive number b."""
    is_small, more = b < 2.0 ** (1 - width.bias), width.fraction_bits + 1.0  # no normal number
    k, mantissa = _mantissa_of_normal(xp, xp.where(is_small, b * 2.0**more, b), width)
    return k - xp.where(is_small, more, 0.0), mantissa


def _mantissa_of_normal(xp: SymbolicNamespace, b: Number, width: Width) -> tuple[Number, Number]:
    bits = xp.operation("bits", INTEGER, b)
    exponent = xp.operation("shift right", INTEGER, bits - width.sqrt_half_bits, width.fraction_bits, of=INTEGER)
    shifted = xp.operation("shift left", INTEGER, exponent, width.fraction_bits, of=INTEGER)
    mantissa = xp.operation("from bits", NUMBER, bits - shifted, of=INTEGER)
    return xp.operation("to number", NUMBER, exponent, of=INTEGER), mantissa


def _logarithm(xp: SymbolicNamespace, b: Number, lost: Number | None, width: Width) -> Number:
    """Compute ln(b + lost) for a positive number b, and for what was lost when it was rounded."""
    with xp.writer.contracting(True):
        k, mantissa = (_mantissa if lost is None else _mantissa_of_normal)(xp, b, width)
        f = mantissa - 1.0 if lost is None else (mantissa - 1.0) + lost * (mantissa / b)
        s = f / (2.0 + f)
        z = s * s
        high, low = width.ln2
        return k * high + (f - (s * (f - z * polynomial(z, width.atanh)) - k * low))


def long_logarithm(xp: SymbolicNamespace, b: Number, width: Width) -> tuple[Number, Number]:
    """Compute ln(b) for a positive number b, as a number and what it lacks."""
    k, mantissa = _mantissa(xp, b, width)
    f = mantissa - 1.0
    t = 2.0 + f
    per_t = 1.0 / t
    s = f * per_t
    s_low = (fused(xp, -s, t, f) - s * (f - (t - 2.0))) * per_t
    z = s * s
    high, low = width.ln2
    sum_high, sum_low = _sum(k * high, 2.0 * s)
    return _sum(sum_high, sum_low + (2.0 * s_low + s * z * polynomial(z, width.atanh) + k * low))


def _sum(a: Number, b: Number) -> tuple[Number, Number]:
    """Compute a + b, and what it lacks, for a that is 0 or not smaller than b."""
    total = a + b
    return total, b - (total - a)


def fused(xp: SymbolicNamespace, a: Number, b: Number, c: Number) -> Number:
    """Compute a b + c, rounded once."""
    return xp.operation("fused", NUMBER, a, b, c)
