"""The functions of `xp` that are more than one operation, for one number, or a vector of them, of a kernel.

LLVM vectorises a loop only if everything in it is arithmetic and selects, so `atan2` is written as range reduction and
polynomial here, and the others in `boxloss.engines.exponential` and `boxloss.engines.trigonometric`: `math.atan` is a
call, and one call in the loop makes the whole kernel several times slower. All stay within 2 ulp of the true value
(tests hold them to it against mpmath).

Coefficients are minimax polynomials in z = x^2 of (atan(x) / x - 1) / z by the Remez algorithm in 50 digits. They may
be fused into multiply-adds: nothing here is 0 by cancellation.
"""

import math
from collections.abc import Mapping
from functools import partial, wraps
from types import MappingProxyType
from typing import Any

from boxloss.engines import exponential, powers, trigonometric
from boxloss.engines.exponential import polynomial
from boxloss.engines.symbols import NUMBER
from boxloss.engines.trace import SymbolicNamespace
from boxloss.shapes.replaceable import (
    Function,
    exp_of_negative,
    expm1_of_negative,
    larger,
    log1p_inside,
    one_less_exp,
    one_less_power,
    power_and_slope,
    smaller,
)
from boxloss.typing import Number

PI = math.pi
HALF_PI = 0.5 * math.pi
HALF_PI_LOW_32 = -4.371139000186241e-08  # what pi / 2 has beside its float32
QUARTER_PI, QUARTER_PI_LOW = 0.25 * math.pi, 3.061616997868383e-17  # together pi / 4 to twice the digits

ATAN_32 = (
    0.0029745874276161657995, -0.016581172111084123641, 0.04355352005474649176, -0.075805765123722004504,
    0.10678939548271076489, -0.14214208965006091701, 0.19994137190130395215, -0.33333166966149105246,
)  # fmt: skip
ATAN_64 = (
    0.010112046772483217248, -0.027428109262863213358, 0.041860793561726062281, -0.051218547302656844193,
    0.05858265024243013325, -0.066638056237342683864, 0.076920734254128399793, -0.090908962137541957114,
    0.1111111065840410958, -0.14285714276357570029, 0.19999999999902786972, -0.33333333333332980491,
)  # fmt: skip


def contracted(function: Function) -> Function:
    """Let the operations of a function be fused."""

    @wraps(function)
    def call(xp: SymbolicNamespace, *arguments: Any) -> Any:
        with xp.writer.contracting(True):
            return function(xp, *arguments)

    return call


def _quadrant(xp: SymbolicNamespace, angle: Number, y: Number, x: Number, low: float) -> Number:
    """Compute atan2 from the angle between the nearer axis and (|x|, |y|), and what pi / 2 has beside its float."""
    angle = xp.where(xp.abs(y) > xp.abs(x), (HALF_PI - angle) + low if low else HALF_PI - angle, angle)
    angle = xp.where(x < 0.0, PI - angle, angle)
    return xp.where(y < 0.0, -angle, angle)


def _longer_shorter(xp: SymbolicNamespace, x: Number, y: Number) -> tuple[Number, Number]:
    """Return the larger and the smaller; a NaN of `y` stays in the first and one of `x` in the second."""
    return xp.where(x > y, x, y), xp.where(y < x, y, x)


def _nonzero(xp: SymbolicNamespace, a: Number) -> Number:
    return xp.where(a != 0.0, a, 1.0)


@contracted
def atan2_32(xp: SymbolicNamespace, y: Number, x: Number) -> Number:
    """Find the angle of (x, y), with float32 accuracy."""
    longer, shorter = _longer_shorter(xp, xp.abs(x), xp.abs(y))
    u = shorter / _nonzero(xp, longer)
    z = u * u
    return _quadrant(xp, u + u * (z * polynomial(z, ATAN_32)), y, x, HALF_PI_LOW_32)


@contracted
def atan2_64(xp: SymbolicNamespace, y: Number, x: Number) -> Number:
    """Find the angle of (x, y), with float64 accuracy: reduced to |tan(angle)| <= 1 / 2 before the one division.

    Beyond that the difference of the sides is exact.
    """
    longer, shorter = _longer_shorter(xp, xp.abs(x), xp.abs(y))
    beyond = shorter > 0.5 * longer
    u = xp.where(beyond, shorter - longer, shorter) / _nonzero(xp, xp.where(beyond, shorter + longer, longer))
    z = u * u
    angle = u + u * (z * polynomial(z, ATAN_64))
    return _quadrant(xp, xp.where(beyond, QUARTER_PI + (QUARTER_PI_LOW + angle), angle), y, x, 0.0)


def sign(xp: SymbolicNamespace, a: Number) -> Number:
    """Return -1, 0 or 1; NaN stays NaN."""
    a = xp.where(a > 0.0, 1.0, a)
    return xp.where(a < 0.0, -1.0, a)


def _table(name: str, atan2: Function) -> Mapping[str, Function]:
    width = exponential.WIDTHS[name]
    own: dict[str, Function] = {
        "exp": exponential.exponential,
        "expm1": exponential.exponential_less_one,
        "log": exponential.logarithm,
        "log1p": exponential.logarithm_of_one_more,
        "pow": powers.power,
    }
    of_width = {key: partial(function, width=width) for key, function in own.items()}
    turns = {"sin": trigonometric.sine, "cos": trigonometric.cosine, "round": trigonometric.rounded}
    of_width |= {key: partial(function, width=trigonometric.WIDTHS[name]) for key, function in turns.items()}
    return MappingProxyType({"sign": sign, "atan2": atan2, **of_width})


FUNCTIONS: Mapping[str, Mapping[str, Function]] = MappingProxyType(
    {"float32": _table("float32", atan2_32), "float64": _table("float64", atan2_64)}
)


def _larger(xp: SymbolicNamespace, a: Number, b: Number) -> Number:
    return xp.operation("maximum", NUMBER, a, b)


def _smaller(xp: SymbolicNamespace, a: Number, b: Number) -> Number:
    return xp.operation("minimum", NUMBER, a, b)


COMPARISONS: Mapping[Function, Function] = MappingProxyType({larger: _larger, smaller: _smaller})


def _short_cuts(name: str) -> Mapping[Function, Function]:
    own: dict[Function, Function] = {
        log1p_inside: partial(exponential.logarithm_of_one_more, with_ends=False),
        one_less_power: powers.one_less_power,
        exp_of_negative: exponential.exponential_of_negative,
        expm1_of_negative: exponential.exponential_less_one_of_negative,
        one_less_exp: exponential.one_less_exponential,
    }
    of_width = {key: partial(function, width=exponential.WIDTHS[name]) for key, function in own.items()}
    return MappingProxyType({**COMPARISONS, power_and_slope: powers.power_and_slope, **of_width})


SHORT_CUTS: Mapping[str, Mapping[Function, Function]] = MappingProxyType(
    {name: _short_cuts(name) for name in exponential.WIDTHS}
)
