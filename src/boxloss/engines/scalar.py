"""The functions of `xp` that formulas use, for one number inside a compiled loop.

LLVM vectorises a loop only if everything in it is arithmetic and selects, so `atan2` and `log1p` are written as
range reduction and polynomial here: `math.atan` and `math.log1p` are calls, and one call in the loop makes the whole
kernel several times slower. Both stay within 2 ulp of the true value (tests hold them to it against mpmath).

Coefficients are minimax polynomials in z = x^2 of (atan(x) / x - 1) / z and of (2 atanh(s) / s - 2) / z, z = s^2, by
the Remez algorithm in 50 digits.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

PI = math.pi
HALF_PI = 0.5 * math.pi
QUARTER_PI, QUARTER_PI_LOW = 0.25 * math.pi, 3.061616997868383e-17  # together pi / 4 to twice the digits
TAN_PI_8 = math.sqrt(2.0) - 1.0
SQRT_HALF_BITS_32, SQRT_HALF_BITS_64 = np.int32(0x3F3504F3), np.int64(0x3FE6A09E667F3BCD)
# ln 2 in two parts: the first has trailing zeros, so an exponent times it is exact.
LN2_HIGH_32, LN2_LOW_32 = 0.693359375, -2.12194440054690583e-4
LN2_HIGH_64, LN2_LOW_64 = 6.93147180369123816490e-01, 1.90821492927058770002e-10


def where(condition: Any, a: Any, b: Any) -> Any:
    """Select."""
    return a if condition else b


def minimum(a: Any, b: Any) -> Any:
    """The smaller of the two."""
    return a if a < b else b


def maximum(a: Any, b: Any) -> Any:
    """The larger of the two."""
    return a if a > b else b


def absolute(a: Any) -> Any:
    """|a|."""
    return abs(a)


def sign(a: Any) -> Any:
    """-1, 0 or 1; NaN stays NaN."""
    a = 1.0 if a > 0.0 else a
    return -1.0 if a < 0.0 else a


def square_root(a: Any) -> Any:
    """The square root."""
    return math.sqrt(a)


def exponential(a: Any) -> Any:
    """e to the power of a: a call, and the rest of the loop is vectorised around it."""
    return math.exp(a)


def natural_logarithm(a: Any) -> Any:
    """The natural logarithm, likewise a call."""
    return math.log(a)


def _quadrant(angle: Any, y: Any, x: Any) -> Any:
    """atan2 from the angle between the nearer axis and (|x|, |y|)."""
    angle = HALF_PI - angle if abs(y) > abs(x) else angle
    angle = PI - angle if x < 0.0 else angle
    return -angle if y < 0.0 else angle


def _longer_shorter(x: Any, y: Any) -> tuple[Any, Any]:
    """The larger and the smaller; a NaN of `y` stays in the first and one of `x` in the second."""
    return x if x > y else y, y if y < x else x


def atan2_32(y: Any, x: Any) -> Any:
    """The angle of (x, y), with float32 accuracy."""
    longer, shorter = _longer_shorter(abs(x), abs(y))
    u = shorter / (longer if longer != 0.0 else 1.0)
    z = u * u
    p = 0.0029745874276161657995
    p = p * z - 0.016581172111084123641
    p = p * z + 0.04355352005474649176
    p = p * z - 0.075805765123722004504
    p = p * z + 0.10678939548271076489
    p = p * z - 0.14214208965006091701
    p = p * z + 0.19994137190130395215
    p = p * z - 0.33333166966149105246
    return _quadrant(u + u * (z * p), y, x)


def atan2_64(y: Any, x: Any) -> Any:
    """The angle of (x, y), with float64 accuracy: reduced to |angle| <= pi / 8 before the one division."""
    longer, shorter = _longer_shorter(abs(x), abs(y))
    beyond = shorter > TAN_PI_8 * longer
    numerator = shorter - longer if beyond else shorter
    denominator = shorter + longer if beyond else longer
    u = numerator / (denominator if denominator != 0.0 else 1.0)
    z = u * u
    p = -0.017937096462919515261
    p = p * z + 0.038092861263313371553
    p = p * z - 0.050404649869593682979
    p = p * z + 0.058481590428419378756
    p = p * z - 0.066631431590720248389
    p = p * z + 0.076920638793342415261
    p = p * z - 0.09090897980058580438
    p = p * z + 0.11111110791967732793
    p = p * z - 0.14285714280389489054
    p = p * z + 0.19999999999955870441
    p = p * z - 0.33333333333333207838
    angle = u + u * (z * p)
    return _quadrant(QUARTER_PI + (QUARTER_PI_LOW + angle) if beyond else angle, y, x)


def bits_32(a: Any) -> Any:
    """The bits of a float32 as an integer."""
    return np.float32(a).view(np.int32)


def number_32(bits: Any) -> Any:
    """The float32 of these bits."""
    return np.int32(bits).view(np.float32)


def bits_64(a: Any) -> Any:
    """The bits of a float64 as an integer."""
    return np.float64(a).view(np.int64)


def number_64(bits: Any) -> Any:
    """The float64 of these bits."""
    return np.int64(bits).view(np.float64)


def log1p_32(a: Any) -> Any:
    """ln(1 + a) for a > -1, with float32 accuracy."""
    b = 1.0 + a
    lost = a - (b - 1.0)
    bits = bits_32(b)
    exponent = (bits - SQRT_HALF_BITS_32) >> np.int32(23)
    mantissa = number_32(bits - (exponent << np.int32(23)))
    f = (mantissa - 1.0) + lost * (mantissa / b)
    s = f / (2.0 + f)
    z = s * s
    p = 0.29871736848941716548
    p = p * z + 0.39977541279086231786
    p = p * z + 0.66666776383088121539
    k = np.float32(exponent)
    return k * LN2_HIGH_32 + (f - (s * (f - z * p) - k * LN2_LOW_32))


def log1p_64(a: Any) -> Any:
    """ln(1 + a) for a > -1, with float64 accuracy."""
    b = 1.0 + a
    lost = a - (b - 1.0)
    bits = bits_64(b)
    exponent = (bits - SQRT_HALF_BITS_64) >> np.int64(52)
    mantissa = number_64(bits - (exponent << np.int64(52)))
    f = (mantissa - 1.0) + lost * (mantissa / b)
    s = f / (2.0 + f)
    z = s * s
    p = 0.14761234535535996077
    p = p * z + 0.15317778971617648572
    p = p * z + 0.18183405730006331657
    p = p * z + 0.22222201952869355519
    p = p * z + 0.28571428704966702322
    p = p * z + 0.39999999999613766995
    p = p * z + 0.66666666666666962059
    k = np.float64(exponent)
    return k * LN2_HIGH_64 + (f - (s * (f - z * p) - k * LN2_LOW_64))


FUNCTIONS: dict[str, dict[str, Callable[..., Any]]] = {
    dtype: {
        "where": where,
        "minimum": minimum,
        "maximum": maximum,
        "abs": absolute,
        "sign": sign,
        "sqrt": square_root,
        "exp": exponential,
        "log": natural_logarithm,
        "atan2": atan2,
        "log1p": log1p,
    }
    for dtype, atan2, log1p in [("float32", atan2_32, log1p_32), ("float64", atan2_64, log1p_64)]
}
