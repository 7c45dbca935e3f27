"""The order in which boxes have their turn: by falling score."""

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import register_jitable

from boxloss.engines.machine import Machine
from boxloss.engines.numba.compile import Template, compiled
from boxloss.engines.numba.digits import DIGITS, bits_for, by_digit

FLOAT64 = np.dtype(np.float64)
SIGN = -(2**63)
UPPER = 31  # from where on bits are sorted by first: some of the mantissa


def order_of(machine: Machine) -> Template:
    """Sort numbers, given with their bits, by these; a NaN comes last. It returns which of two it left places in.

    The bits of a float64 rise with it, but those of a negative one fall, and come behind. Mostly the upper half of them
    leaves few that are not in order, and these are moved one by one.
    """

    def find_order(rising, bits, other, places, spare, counts):  # type: ignore[no-untyped-def]
        for i in range(rising.size):
            places[i] = i
            bits[i] = bits[i] ^ ((bits[i] >> 63) | SIGN) if rising[i] == rising[i] else -1
        flips, digit = 0, bits_for(rising.size)
        for begin in (UPPER, 0):
            for shift in range(begin, 64, digit):
                if by_digit(bits, places, shift, digit, other, spare, counts):
                    bits, other, places, spare = other, bits, spare, places
                    flips += 1
            if begin == 0 or is_soon_sorted(bits, places):
                break
        return flips & 1

    indices, numbers = types.Array(types.int64, 1, "C"), types.Array(types.float64, 1, "C")
    return find_order, types.intp(numbers, indices, indices, indices, indices, indices)


@register_jitable
def is_soon_sorted(numbers, places):  # type: ignore[no-untyped-def]
    """Move numbers without a sign, and places with them, until all are in order or that takes too long."""
    moves = 0
    for i in range(1, numbers.size):
        number, place, at = numbers[i], places[i], i
        while at > 0 and numbers[at - 1] ^ SIGN > number ^ SIGN:
            numbers[at], places[at] = numbers[at - 1], places[at - 1]
            at -= 1
        numbers[at], places[at] = number, place
        moves += i - at
        if moves > 2 * numbers.size:
            return False
    return True


def turns_of(scores: Any) -> Any:
    """The boxes by falling score, of equal ones the first first; boxes with a NaN come last."""
    rising = 0.0 - scores  # of no zero the sign is set
    other, first, second = (np.empty(len(scores), np.int64) for _ in range(3))
    counts = np.empty(DIGITS, np.int64)
    is_second = compiled(order_of, FLOAT64)(rising, rising.view(np.int64), other, first, second, counts)
    return second if is_second else first
