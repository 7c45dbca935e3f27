"""Ids as small numbers, and the order of scores."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SPREAD = 4  # integer ids that lie in a range of so many times their number are looked up in a table


def falling(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the order of falling scores; equal ones keep theirs.

    By 16 bits at a time, for which NumPy has a radix sort: half the time of its stable sort of floats (measured).
    """
    bits = (0.0 - scores).view(np.int64)  # 0 for both zeros
    bits ^= (bits >> 63) & 0x7FFF_FFFF_FFFF_FFFF  # floats below 0 fall as their bits rise
    order = np.argsort(bits.astype(np.uint16), kind="stable")
    for shift in (16, 32, 48):
        digits = (bits >> shift).astype(np.int16 if shift == 48 else np.uint16)
        order = order[np.argsort(digits[order], kind="stable")]
    return order


def all_of(listed: NDArray[Any] | None, *used: NDArray[Any]) -> NDArray[Any]:
    """Return the ids that are listed, or else those that are used, rising."""
    return distinct(np.concatenate([ids for ids in used if len(ids)] or used) if listed is None else listed)


def distinct(ids: NDArray[Any]) -> NDArray[Any]:
    """Return the ids, rising, each of them once.

    As `numpy.unique` does, which imports all of `numpy.ma` to look for a masked array.
    """
    rising = np.sort(ids)
    is_first = np.ones(len(rising), np.bool_)
    is_first[1:] = rising[1:] != rising[:-1]
    return rising[is_first]


def numbers_of(known: NDArray[Any], ids: NDArray[Any]) -> NDArray[Any]:
    """Return the place of each id among those that are known, in the smallest type, which NumPy sorts the fastest."""
    dtype = np.uint16 if len(known) <= 1 << 16 else np.int32
    if known.dtype.kind == "i" and len(known):
        span = int(known[-1]) - int(known[0]) + 1
        if span <= SPREAD * max(len(known), len(ids)):
            table: NDArray[Any] = np.zeros(span, dtype)
            table[known - known[0]] = np.arange(len(known))
            places: NDArray[Any] = table[ids - known[0]]
            return places
    return np.searchsorted(known, ids).astype(dtype)
