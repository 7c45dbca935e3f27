"""Powers for one number, or a vector of them, of a kernel: in general by a logarithm, and to 1/2, 1, ... by products.

A logarithm and an exponential are as much as a whole loss: SIoU and its gradient take 1.7 of the time of CIoU with
them, 1.15 with products that exponents choose at run time, 1.0 where the kernel is made for the exponents. What it
knows of these stands in `boxloss.formulas.structure`.
"""

import math

from boxloss.engines.exponential import (
    Width,
    exponential_less_one_of_negative,
    exponential_of_sum,
    fused,
    logarithm_of_one_more,
    long_logarithm,
)
from boxloss.engines.symbols import NUMBER
from boxloss.engines.trace import SymbolicNamespace
from boxloss.formulas.structure import HALVES
from boxloss.typing import Number, Truth

KNOWN = tuple(round(2.0 * half) for half in HALVES)  # twice these exponents
ODD = tuple(n for n in KNOWN if n % 2)


def power(xp: SymbolicNamespace, a: Number, exponent: Number, width: Width) -> Number:
    """Compute a^exponent for a >= 0, to whatever numbers: the logarithm and its product with it have twice the digits.

    Below 0 it is NaN, but for a whole exponent that the kernel is made for.
    """
    if isinstance(exponent, int | float) and exponent > 1.0 and _is_half(xp, exponent):
        # What falls below the normal numbers is 0, as by an exponential: see `exponential_of_negative`. The cube of a
        # penalty does where it is small, and Alpha of CIoU took 1.4 times as long.
        a = xp.where(a < 2.0 ** ((1 - width.bias) / exponent), 0.0, a)
    if _is_half(xp, exponent):
        return _power_by_products(xp, a, exponent)
    high, low = long_logarithm(xp, a, width)
    product = high * exponent
    rest = fused(xp, high, exponent, -product) + low * exponent
    value = exponential_of_sum(xp, product, rest, width)
    falls, rises = exponent < 0.0, exponent > 0.0
    of_zero = xp.where(rises, 0.0, xp.where(falls, math.inf, 1.0))
    value = xp.where(a < math.inf, value, xp.where(rises, math.inf, xp.where(falls, 0.0, 1.0)))
    return xp.where(a > 0.0, value, xp.where(a == 0.0, of_zero, math.nan))


def power_and_slope(xp: SymbolicNamespace, a: Number, exponent: Number) -> tuple[Number, Number]:
    """Compute a^exponent and its derivative: each a product of its own for an exponent that the kernel is made for."""
    power = xp.pow(a, exponent - 1.0)
    return xp.pow(a, exponent) if isinstance(exponent, float) and exponent in HALVES else power * a, exponent * power


def one_less_power(xp: SymbolicNamespace, a: Number, exponent: Number, width: Width) -> Number:
    """Compute 1 - (1 - a)^exponent for 0 <= a < 1 and an exponent of 0 or more: what the factors take, in turn."""
    if not _is_half(xp, exponent):
        logarithm = logarithm_of_one_more(xp, -a, width, with_ends=False)
        return -exponential_less_one_of_negative(xp, exponent * logarithm, width)
    value: Number = 0.0
    for number in _falls(xp, a, exponent):
        value = fused(xp, number, 1.0 - value, value)
    return value


# --- Powers by products -----------------------------------------------------------------------------------------------


def _is_half(xp: SymbolicNamespace, exponent: Number) -> bool:
    """Say whether an exponent is one of `HALVES`, which a kernel is made for or is told of at run time."""
    return exponent in HALVES if isinstance(exponent, int | float) else xp.is_half(exponent)


def _power_by_products(xp: SymbolicNamespace, a: Number, exponent: Number) -> Number:
    """Multiply a and its root, each as often as is needed; for an exponent that no kernel is made for too.

    Then what is not needed is made 1 by arithmetic, with a factor and a term that stand outside of the loop: a choice
    by a condition that no number of the loop is part of would be a branch in it.
    """
    if isinstance(exponent, int | float):
        whole = int(exponent)
        value: Number = xp.sqrt(a) if exponent % 1.0 else 1.0
        value = value * a if whole % 2 else value
        square = a * a if whole > 1 else 1.0
        return value * square * (square if whole == 4 else 1.0)
    n, root = 2.0 * exponent, xp.sqrt(a)

    def once_for(number: Number, *halves: int, otherwise: Number = 1.0) -> Number:
        is_needed = _is_one_of(n, *halves)
        return fused(xp, number, xp.where(is_needed, 1.0, 0.0), xp.where(is_needed, 0.0, otherwise))

    twice, is_known = once_for(a, 4, 5, 6, 8), _is_one_of(n, *KNOWN)
    more = once_for(a, 2, 3, 6, 8, otherwise=xp.where(is_known, 1.0, math.nan))
    value = twice * twice * more * once_for(a, 8) * once_for(root, *ODD)
    # Infinity stays what it is, but to the power of 0, and below 0 there is NaN.
    return xp.where(root < math.inf, value, xp.operation("minimum", NUMBER, xp.where(n == 0.0, 1.0, math.inf), root))


def _falls(xp: SymbolicNamespace, a: Number, exponent: Number) -> list[Number]:
    """Find what the factors of (1 - a)^exponent lack to 1: those of 1 - a first, and that of its root."""
    if isinstance(exponent, int | float):
        return [a] * int(exponent) + ([_fall_of_root(xp, a)] if exponent % 1.0 else [])
    n = 2.0 * exponent
    is_known = _is_one_of(n, *KNOWN)
    needed = [xp.where(_is_one_of(n, *range(2 * k, 9)), 1.0, 0.0) for k in (1, 2, 3, 4)]
    root = xp.where(_is_one_of(n, *ODD), 1.0, xp.where(is_known, 0.0, math.nan))
    return [*(a * each for each in needed), _fall_of_root(xp, a) * root]


def _fall_of_root(xp: SymbolicNamespace, a: Number) -> Number:
    """Compute 1 - sqrt(1 - a)."""
    return a / (1.0 + xp.sqrt(1.0 - a))


def _is_one_of(n: Number, *numbers: int) -> Truth:
    found = n == float(numbers[0])
    for number in numbers[1:]:
        found = found | (n == float(number))
    return found
