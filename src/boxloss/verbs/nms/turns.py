"""The order in which boxes have their turn: by falling score."""

import numpy as np
from numba.core import types
from numpy.typing import NDArray

from boxloss.engines.machine import Machine
from boxloss.engines.numba.compile import Template, compiled

FLOAT64 = np.dtype(np.float64)
PLACE = (1 << 32) - 1  # the lower half of a number, which has room for a place
NOT_A_NUMBER = 2**63 - 1
INDICES, NUMBERS = types.Array(types.int64, 1, "C"), types.Array(types.float64, 1, "C")


def pack(machine: Machine) -> Template:
    """Make integers in the order of numbers, a NaN last; and their upper halves, with places in the lower ones.

    The bits of a float64 rise with it, but those of a negative one fall.
    """

    def pack_all(numbers, bits, packed):  # type: ignore[no-untyped-def]
        for i in range(numbers.size):
            bits[i] = bits[i] ^ ((bits[i] >> 63) & NOT_A_NUMBER) if numbers[i] == numbers[i] else NOT_A_NUMBER
            packed[i] = (bits[i] & ~PLACE) | i

    return pack_all, types.void(NUMBERS, INDICES, INDICES)


def settle(machine: Machine) -> Template:
    """Move the places of sorted halves until all bits are in order; returns whether that took few moves."""

    def settle_all(packed, bits, places):  # type: ignore[no-untyped-def]
        moves = 0
        for i in range(packed.size):
            place, at, half = packed[i] & PLACE, i, packed[i] >> 32
            while at > 0 and packed[at - 1] >> 32 == half and bits[places[at - 1]] > bits[place]:
                places[at] = places[at - 1]
                at -= 1
            places[at] = place
            moves += i - at
            if moves > 2 * packed.size:
                return False
        return True

    return settle_all, types.boolean(INDICES, INDICES, INDICES)


def turns_of(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Sort the boxes by falling score, of equal ones the first first; boxes with a NaN come last.

    NumPy sorts integers several at a time: upper halves with places behind them take a third of what the order of the
    floats takes, and leave few that are not in order. Where they leave many, it is the order of the floats.
    """
    rising = 0.0 - scores  # of no zero the sign is set
    bits = rising.copy().view(np.int64)
    packed, places = np.empty((2, len(scores)), np.int64)
    compiled(pack, FLOAT64)(rising, bits, packed)
    packed.sort()
    return places if compiled(settle, FLOAT64)(packed, bits, places) else np.argsort(rising, kind="stable")
