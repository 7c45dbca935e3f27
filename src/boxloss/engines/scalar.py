"""The functions of `xp` that are more than one operation, for one number inside a compiled loop.

LLVM vectorises a loop only if everything in it is arithmetic and selects, so `atan2` and `log1p` are written as
range reduction and polynomial here: `math.atan` and `math.log1p` are calls, and one call in the loop makes the whole
kernel several times slower. Both stay within 2 ulp of the true value (tests hold them to it against mpmath).

Coefficients are minimax polynomials in z = x^2 of (atan(x) / x - 1) / z and of (2 atanh(s) / s - 2) / z, z = s^2, by
the Remez algorithm in 50 digits. They may be fused into multiply-adds: nothing here is 0 by cancellation.
"""

import math
from collections.abc import Mapping
from functools import wraps
from types import MappingProxyType
from typing import Any

from boxloss.engines.symbols import INTEGER, NUMBER
from boxloss.shapes.replaceable import Function, larger, log1p_of_positive, smaller

PI = math.pi
HALF_PI = 0.5 * math.pi
QUARTER_PI, QUARTER_PI_LOW = 0.25 * math.pi, 3.061616997868383e-17  # together pi / 4 to twice the digits
TAN_PI_8 = math.sqrt(2.0) - 1.0
SQRT_HALF_BITS_32, SQRT_HALF_BITS_64 = 0x3F3504F3, 0x3FE6A09E667F3BCD
FRACTION_BITS_32, FRACTION_BITS_64 = 23, 52
# ln 2 in two parts: the first has trailing zeros, so an exponent times it is exact.
LN2_HIGH_32, LN2_LOW_32 = 0.693359375, -2.12194440054690583e-4
LN2_HIGH_64, LN2_LOW_64 = 6.93147180369123816490e-01, 1.90821492927058770002e-10

ATAN_32 = (
    0.0029745874276161657995, -0.016581172111084123641, 0.04355352005474649176, -0.075805765123722004504,
    0.10678939548271076489, -0.14214208965006091701, 0.19994137190130395215, -0.33333166966149105246,
)  # fmt: skip
ATAN_64 = (
    -0.017937096462919515261, 0.038092861263313371553, -0.050404649869593682979, 0.058481590428419378756,
    -0.066631431590720248389, 0.076920638793342415261, -0.09090897980058580438, 0.11111110791967732793,
    -0.14285714280389489054, 0.19999999999955870441, -0.33333333333333207838,
)  # fmt: skip
LOG1P_32 = (0.29871736848941716548, 0.39977541279086231786, 0.66666776383088121539)
LOG1P_64 = (
    0.14761234535535996077, 0.15317778971617648572, 0.18183405730006331657, 0.22222201952869355519,
    0.28571428704966702322, 0.39999999999613766995, 0.66666666666666962059,
)  # fmt: skip


def contracted(function: Function) -> Function:
    """Let the operations of a function be fused."""

    @wraps(function)
    def call(xp: Any, *arguments: Any) -> Any:
        with xp.writer.contracting(True):
            return function(xp, *arguments)

    return call


def polynomial(z: Any, coefficients: tuple[float, ...]) -> Any:
    """A polynomial by Horner's rule, from the coefficient of the highest power on."""
    p = coefficients[0]
    for coefficient in coefficients[1:]:
        p = p * z + coefficient
    return p


def _quadrant(xp: Any, angle: Any, y: Any, x: Any) -> Any:
    """atan2 from the angle between the nearer axis and (|x|, |y|)."""
    angle = xp.where(xp.abs(y) > xp.abs(x), HALF_PI - angle, angle)
    angle = xp.where(x < 0.0, PI - angle, angle)
    return xp.where(y < 0.0, -angle, angle)


def _longer_shorter(xp: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """The larger and the smaller; a NaN of `y` stays in the first and one of `x` in the second."""
    return xp.where(x > y, x, y), xp.where(y < x, y, x)


def _nonzero(xp: Any, a: Any) -> Any:
    return xp.where(a != 0.0, a, 1.0)


@contracted
def atan2_32(xp: Any, y: Any, x: Any) -> Any:
    """The angle of (x, y), with float32 accuracy."""
    longer, shorter = _longer_shorter(xp, xp.abs(x), xp.abs(y))
    u = shorter / _nonzero(xp, longer)
    z = u * u
    return _quadrant(xp, u + u * (z * polynomial(z, ATAN_32)), y, x)


@contracted
def atan2_64(xp: Any, y: Any, x: Any) -> Any:
    """The angle of (x, y), with float64 accuracy: reduced to |angle| <= pi / 8 before the one division."""
    longer, shorter = _longer_shorter(xp, xp.abs(x), xp.abs(y))
    beyond = shorter > TAN_PI_8 * longer
    u = xp.where(beyond, shorter - longer, shorter) / _nonzero(xp, xp.where(beyond, shorter + longer, longer))
    z = u * u
    angle = u + u * (z * polynomial(z, ATAN_64))
    return _quadrant(xp, xp.where(beyond, QUARTER_PI + (QUARTER_PI_LOW + angle), angle), y, x)


def _log1p(
    a: Any, xp: Any, fraction_bits: int, sqrt_half_bits: int, coefficients: tuple[float, ...], ln2: tuple[float, float]
) -> Any:
    """ln(1 + a) for a > -1: an exponent and the logarithm of a mantissa between sqrt(1 / 2) and sqrt(2)."""
    b = 1.0 + a
    lost = a - (b - 1.0)
    bits = xp.operation("bits", INTEGER, b)
    exponent = xp.operation("shift right", INTEGER, bits - sqrt_half_bits, fraction_bits, of=INTEGER)
    power = xp.operation("shift left", INTEGER, exponent, fraction_bits, of=INTEGER)
    mantissa = xp.operation("from bits", NUMBER, bits - power, of=INTEGER)
    f = (mantissa - 1.0) + lost * (mantissa / b)
    s = f / (2.0 + f)
    z = s * s
    k = xp.operation("to number", NUMBER, exponent, of=INTEGER)
    ln2_high, ln2_low = ln2
    return k * ln2_high + (f - (s * (f - z * polynomial(z, coefficients)) - k * ln2_low))


@contracted
def log1p_of_positive_32(xp: Any, a: Any) -> Any:
    """ln(1 + a) for a > -1 and finite, with float32 accuracy."""
    return _log1p(a, xp, FRACTION_BITS_32, SQRT_HALF_BITS_32, LOG1P_32, (LN2_HIGH_32, LN2_LOW_32))


@contracted
def log1p_of_positive_64(xp: Any, a: Any) -> Any:
    """ln(1 + a) for a > -1 and finite, with float64 accuracy."""
    return _log1p(a, xp, FRACTION_BITS_64, SQRT_HALF_BITS_64, LOG1P_64, (LN2_HIGH_64, LN2_LOW_64))


def _at_its_ends(xp: Any, a: Any, log1p: Any) -> Any:
    """The logarithm with what the polynomial does not give: at -1, below, and at infinity."""
    log1p = xp.where(a > -1.0, log1p, xp.where(a == -1.0, -math.inf, math.nan))
    return xp.where(a == math.inf, a, log1p)


def log1p_32(xp: Any, a: Any) -> Any:
    """ln(1 + a) with float32 accuracy."""
    return _at_its_ends(xp, a, log1p_of_positive_32(xp, a))


def log1p_64(xp: Any, a: Any) -> Any:
    """ln(1 + a) with float64 accuracy."""
    return _at_its_ends(xp, a, log1p_of_positive_64(xp, a))


def sign(xp: Any, a: Any) -> Any:
    """-1, 0 or 1; NaN stays NaN."""
    a = xp.where(a > 0.0, 1.0, a)
    return xp.where(a < 0.0, -1.0, a)


def exponential(xp: Any, a: Any) -> Any:
    """e to the power of a: a call, and the rest of the loop is vectorised around it."""
    return xp.operation("exp", NUMBER, a)


def natural_logarithm(xp: Any, a: Any) -> Any:
    """The natural logarithm, likewise a call."""
    return xp.operation("log", NUMBER, a)


_BOTH = {"sign": sign, "exp": exponential, "log": natural_logarithm}
FUNCTIONS: Mapping[str, Mapping[str, Function]] = MappingProxyType(
    {
        "float32": MappingProxyType({**_BOTH, "atan2": atan2_32, "log1p": log1p_32}),
        "float64": MappingProxyType({**_BOTH, "atan2": atan2_64, "log1p": log1p_64}),
    }
)


def _larger(xp: Any, a: Any, b: Any) -> Any:
    return xp.operation("maximum", NUMBER, a, b)


def _smaller(xp: Any, a: Any, b: Any) -> Any:
    return xp.operation("minimum", NUMBER, a, b)


_SHORT_CUTS = {larger: _larger, smaller: _smaller}
SHORT_CUTS: Mapping[str, Mapping[Function, Function]] = MappingProxyType(
    {
        "float32": MappingProxyType({**_SHORT_CUTS, log1p_of_positive: log1p_of_positive_32}),
        "float64": MappingProxyType({**_SHORT_CUTS, log1p_of_positive: log1p_of_positive_64}),
    }
)
