"""The order in which boxes have their turn: by falling score."""

from typing import Any

import numpy as np
from numba.core import types

from boxloss.engines.machine import Machine
from boxloss.engines.numba.compile import Template, compiled
from boxloss.engines.numba.digits import DIGITS, bits_for, by_digit

FLOAT64 = np.dtype(np.float64)
SIGN = -(2**63)


def order_of(machine: Machine) -> Template:
    """Sort numbers, given with their bits, by these; a NaN comes last. It returns which of two it left places in.

    The bits of a float64 rise with it, but those of a negative one fall, and come behind.
    """

    def find_order(rising, bits, other, places, spare, counts):  # type: ignore[no-untyped-def]
        for i in range(rising.size):
            places[i] = i
            bits[i] = bits[i] ^ ((bits[i] >> 63) | SIGN) if rising[i] == rising[i] else -1
        moves, digit = 0, bits_for(rising.size)
        for shift in range(0, 64, digit):
            if by_digit(bits, places, shift, digit, other, spare, counts):
                bits, other, places, spare = other, bits, spare, places
                moves += 1
        return moves & 1

    indices = types.Array(types.int64, 1, "C")
    numbers = types.Array(types.float64, 1, "C", aligned=True)
    return find_order, types.intp(numbers, indices, indices, indices, indices, indices)


def turns_of(scores: Any) -> Any:
    """The boxes by falling score, of equal ones the first first; boxes with a NaN come last."""
    rising = 0.0 - scores  # of no zero the sign is set
    other, *places = np.empty((3, len(scores)), np.int64)
    counts = np.empty(DIGITS, np.int64)
    return places[compiled(order_of, FLOAT64)(rising, rising.view(np.int64), other, *places, counts)]
