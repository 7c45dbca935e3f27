"""Functions that an engine may run others in place of, and those of numbers of which this package needs less.

Compiled, the latter take short cuts that the functions of `xp` must not take; see `boxloss.engines.scalar`.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from types import MappingProxyType
from typing import Any, TypeVar

from boxloss.typing import Namespace, Number

Function = Callable[..., Any]  # whatever it computes of numbers
FunctionT = TypeVar("FunctionT", bound=Function)

_NOTHING: Mapping[Function, Function] = MappingProxyType({})


def replaceable(function: FunctionT) -> FunctionT:
    """Let the namespace `xp` of a call name another function to run in place of this one, in `xp.replaced`."""

    @wraps(function)
    def call(xp: Namespace, *arguments: Any) -> Any:
        # Not getattr: for a name that NumPy lacks, its module takes a microsecond to say so.
        replaced: Mapping[Function, Function] = xp.__dict__.get("replaced", _NOTHING)
        return replaced.get(call, function)(xp, *arguments)

    return call  # type: ignore[return-value]


@replaceable
def larger(xp: Namespace, a: Number, b: Number) -> Number:
    """Return the larger number; a NaN of `a` may be lost, as is well where `a` reaches the result another way too."""
    return xp.maximum(a, b)


@replaceable
def smaller(xp: Namespace, a: Number, b: Number) -> Number:
    """Return the smaller number; likewise."""
    return xp.minimum(a, b)


@replaceable
def log1p_inside(xp: Namespace, a: Number) -> Number:
    """Compute ln(1 + a) of a finite number above -1, or of a NaN."""
    return xp.log1p(a)


@replaceable
def one_less_power(xp: Namespace, a: Number, exponent: Number) -> Number:
    """Compute 1 - (1 - a)^exponent for 0 <= a < 1, or a NaN, and an exponent of 0 or more: all digits of a small a."""
    return -xp.expm1(exponent * xp.log1p(-a))


@replaceable
def power_and_slope(xp: Namespace, a: Number, exponent: Number) -> tuple[Number, Number]:
    """Compute a^exponent and its derivative with respect to a, for 0 <= a < 1 and an exponent of 1 or more."""
    power = xp.pow(a, exponent - 1.0)
    return power * a, exponent * power


@replaceable
def exp_of_negative(xp: Namespace, a: Number) -> Number:
    """Compute e^a of a number that is not positive, or of a NaN."""
    return xp.exp(a)


@replaceable
def expm1_of_negative(xp: Namespace, a: Number) -> Number:
    """Compute e^a - 1 of a number that is not positive, or of a NaN."""
    return xp.expm1(a)


@replaceable
def one_less_exp(xp: Namespace, a: Number) -> Number:
    """Compute 1 - e^-a of a number from 0 to 1, or of a NaN."""
    return -xp.expm1(-a)
