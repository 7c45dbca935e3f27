"""Sine and cosine for one number, or a vector of them, of a kernel: reduction by quarter turns, and polynomials.

Both stay within 2 ulp of the true value for angles up to `FARTHEST_RADIANS` of `boxloss.shapes.rotated.formats` (tests
hold them to it against mpmath). As calls of the C library they would keep the loop from being vectorised.

Coefficients are minimax polynomials in z = r^2 of (sin(r) / r - 1) / z and (cos(r) - 1 + z / 2) / z^2 by the Remez
algorithm in 50 digits.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from boxloss.engines.exponential import polynomial
from boxloss.engines.trace import SymbolicNamespace
from boxloss.typing import Number


class Width(NamedTuple):
    """What differs between the two float types."""

    sine: tuple[float, ...]
    cosine: tuple[float, ...]
    quarter: tuple[float, ...]  # pi / 2 in parts with so many trailing zeros that a number of turns times one is exact
    round_to_integer: float  # added to a number and subtracted again, it leaves the nearest integer
    many: float  # so many quarter turns are taken off at a time, and no more of these than parts have room for


WIDTHS: Mapping[str, Width] = MappingProxyType(
    {
        "float32": Width(
            sine=(-0.00019513327237890872876, 0.0083321465940012935734, -0.16666654389662767624),
            cosine=(0.000024430922717126444569, -0.001388729703424120783, 0.041666645295530303193),
            quarter=(1.57080078125, -4.454515874385834e-06, 6.077272018956137e-11, -1.7150994166548195e-15),
            round_to_integer=1.5 * 2.0**23,
            many=1024.0,
        ),
        "float64": Width(
            sine=(
                1.5895252940260476307e-10, -2.5050731348692870302e-8, 2.7557313519574920316e-6,
                -0.00019841269829305400193, 0.0083333333333217762193, -0.16666666666666629408,
            ),
            cosine=(
                -1.1357857685409733006e-11, 2.0875687993924759293e-9, -2.7557314086804205763e-7,
                0.000024801587288538926377, -0.0013888888888872568087, 0.041666666666666590179,
            ),
            quarter=(1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32),
            round_to_integer=1.5 * 2.0**52,
            many=0.0,
        ),
    }
)  # fmt: skip


def rounded(xp: SymbolicNamespace, a: Number, width: Width) -> Number:
    """Find the nearest integer to a number that is not much larger than a float type holds integers of."""
    return (a + width.round_to_integer) - width.round_to_integer


def _nearest(xp: SymbolicNamespace, a: Number, per: float, unit: float, width: Width) -> Number:
    """Find the multiple of a unit that is nearest to a product, or next to that."""
    shift = unit * width.round_to_integer
    with xp.writer.contracting(True):
        shifted = a * per + shift
    return shifted - shift


def _reduced(xp: SymbolicNamespace, a: Number, width: Width) -> tuple[Number, Number]:
    """Find the quarter turns next to an angle, from -2 to 2, and what is left of it.

    Each product is exact, and so is each difference before the last parts: fused or not, they are the same. What is
    left of an angle next to a quarter turn has all its digits, so the part that is as large as that is taken off first.
    """
    first, second, third, fourth = width.quarter
    many: Number = 0.0
    rest, per_quarter = a, 2.0 / math.pi
    if width.many:
        many = _nearest(xp, a, per_quarter, width.many, width)
    with xp.writer.contracting(True):
        if width.many:
            rest = rest - many * first
        few = _nearest(xp, rest - many * second if width.many else rest, per_quarter, 1.0, width)
        rest = rest - few * first
        rest = rest - many * second if width.many else rest
        high, low = _less(rest, few * second)
        if width.many:
            high, more = _less(high, many * third)
            low = low + more
        low = (low - few * third) - (many + few) * fourth
        return few - _nearest(xp, few, 1.0, 4.0, width), high + low


def _less(a: Number, b: Number) -> tuple[Number, Number]:
    """Compute a - b, and what it lacks."""
    rest = a - b
    return rest, (a - rest) - b


def _sine_and_cosine(xp: SymbolicNamespace, a: Number, width: Width) -> tuple[Number, Number, Number]:
    turns, r = _reduced(xp, a, width)
    with xp.writer.contracting(True):
        z = r * r
        sine = r + r * (z * polynomial(z, width.sine))
        cosine = 1.0 - (0.5 * z - z * (z * polynomial(z, width.cosine)))
    return turns, sine, cosine


def sine(xp: SymbolicNamespace, a: Number, width: Width) -> Number:
    """Compute the sine of an angle in radians."""
    turns, sine, cosine = _sine_and_cosine(xp, a, width)
    is_odd = xp.abs(turns) == 1.0
    value = xp.where(is_odd, cosine, sine)
    return xp.where((turns == -1.0) | (xp.abs(turns) == 2.0), -value, value)


def cosine(xp: SymbolicNamespace, a: Number, width: Width) -> Number:
    """Compute the cosine of an angle in radians."""
    turns, sine, cosine = _sine_and_cosine(xp, a, width)
    is_odd = xp.abs(turns) == 1.0
    value = xp.where(is_odd, sine, cosine)
    return xp.where((turns == 1.0) | (xp.abs(turns) == 2.0), -value, value)
