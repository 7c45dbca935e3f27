"""Which strips, and which places of each, the partners of a box are in: what kernels over windows share."""

import math

from numba.core import types

from boxloss.engines.numba.compile import called_by_kernels

FARTHEST = 2.0**28  # keys of strips further away are the same, so that int64 has room for numbers of all strips


INDICES, REALS = types.Array(types.int64, 1, "C"), types.Array(types.float64, 1, "C")
WINDOWS = INDICES, REALS, REALS, INDICES, REALS  # the types of first strips, levels, keys, starts and centres


@called_by_kernels
def centre_and_sides(corners):  # type: ignore[no-untyped-def]
    """Compute the centre and the sides of a box along the axes."""
    x1, y1, x2, y2 = corners
    w, h = x2 - x1, y2 - y1
    return (x1 + 0.5 * w, y1 + 0.5 * h), (w, h)


@called_by_kernels
def first_from(numbers, begin, end, least):  # type: ignore[no-untyped-def]
    """Find the first place of ascending numbers from which on they are at least so much."""
    count = end - begin
    if count <= 0:
        return begin
    while count > 1:  # without a branch that nobody could predict
        half = count >> 1
        begin += half if numbers[begin + half - 1] < least else 0
        count -= half
    return begin + (1 if numbers[begin] < least else 0)


@called_by_kernels
def first_strip(keys, begin, end, least):  # type: ignore[no-untyped-def]
    """Find the same for the keys of strips, of which mostly none is missing."""
    ahead = least - keys[begin]
    if ahead <= 0.0:
        return begin
    if ahead < end - begin and keys[begin + int(ahead)] == least:
        return begin + int(ahead)
    return first_from(keys, begin, end, least)


@called_by_kernels
def reach(side, greatest, overlap):  # type: ignore[no-untyped-def]
    """Compute how far apart along an axis the centres of a box and of a partner can be, whose side is at most so long.

    If an IoU above `overlap` is wanted the intersection is at least that times the longer side.
    """
    if overlap > 0.0:
        return 0.5 * (side + min(greatest, side / overlap)) - overlap * side
    return 0.5 * (side + greatest)


@called_by_kernels
def strip_at(y, height):  # type: ignore[no-untyped-def]
    """Compute the key of the strip of a centre."""
    return float(math.floor(min(max(y / height, -FARTHEST), FARTHEST)))  # of more there is no whole number


@called_by_kernels
def strips_around(centre, sides, overlap, level, levels, keys, begin, end):  # type: ignore[no-untyped-def]
    """Find for a level the first strip to look into, the last key, and how far along x; no strip if sizes differ."""
    (x, y), (w, h) = centre, sides
    longer = max(w, h)
    if longer < overlap * levels[5 * level] or overlap * longer > levels[5 * level + 1]:
        return end, 0.0, 0.0
    # What rounding may take from them is far less than the millionth that they get more.
    to_x = reach(w, levels[5 * level + 2], overlap) * 1.000001 + 1e-12 * abs(x)
    to_y = reach(h, levels[5 * level + 3], overlap) * 1.000001 + 1e-12 * abs(y)
    height = levels[5 * level + 4]
    return first_strip(keys, begin, end, strip_at(y - to_y, height)), strip_at(y + to_y, height), to_x


@called_by_kernels
def places_around(x, to_x, centres, first, stop):  # type: ignore[no-untyped-def]
    """Find those places of a strip whose centres are so near along x."""
    first = first_from(centres, first, stop, x - to_x)
    until = first
    while until < stop and centres[until] <= x + to_x:
        until += 1
    return first, until


@called_by_kernels
def sort(keys, values, begin, end):  # type: ignore[no-untyped-def]
    """Sort by key, in place (Shell 1959): mostly a few, and never slow for many."""
    gap = 1
    while 3 * gap < end - begin:
        gap = 3 * gap + 1
    while gap > 0:
        for k in range(begin + gap, end):
            key, value, at = keys[k], values[k], k
            while at >= begin + gap and keys[at - gap] > key:
                keys[at], values[at] = keys[at - gap], values[at - gap]
                at -= gap
            keys[at], values[at] = key, value
        gap //= 3
