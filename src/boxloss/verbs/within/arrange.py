"""Kernels that put boxes into strips: where each box is, and the order of all of them."""

import math
from typing import Any

import numpy as np
from numba.core import types
from numpy.typing import NDArray

from boxloss.engines.machine import Machine
from boxloss.engines.numba.compile import Template, called_by_kernels, compiled
from boxloss.engines.numba.compile import machine as machine_of
from boxloss.engines.numba.digits import DIGITS, bits_for, by_digit
from boxloss.engines.numba.memory import load, widened
from boxloss.shapes.shape import Shape
from boxloss.verbs.within.strips import SMALLEST_SIDE, Indices, Strips, upright_around
from boxloss.verbs.within.windows import FARTHEST, sort, strip_at

# A search in a strip takes as long as so many boxes that are in it and need not be compared.
# So sparse boxes lie in strips several times as high as they are, and crowded ones in lower strips.
BOXES_A_SEARCH, LOWEST, HIGHEST = 50.0, 1 / 8, 8.0
# Boxes of a size that are looked at together with those of the next one. From 16 to 48 the time is the same; with 8 it
# is two thirds longer for 1,000 boxes of `nms` and a third for 20,000 (measured).
FEW_IN_A_WINDOW = 24.0
FLOAT64 = np.dtype(np.float64)
MANTISSA, EXPONENT = 52, 1022  # of a float64: the bits behind its exponent, and what that of a number from 1/2 to 1 is


def measure(machine: Machine, shape: Shape) -> Template:
    """Compute for each box without a NaN its centre, its sides and the longer one; returns how many there are.

    Where a number is infinite it returns -1. `limits` become the least and greatest of x, y and the longer side.
    """
    load_box, in_float64 = load(shape.size), widened(shape.size)
    around = machine_of("float64").function(upright_around(shape), shape.size)

    def measure_boxes(boxes, count, kept, x, y, w, h, longer, limits):  # type: ignore[no-untyped-def]
        limits[0] = limits[2] = limits[4] = math.inf
        limits[1] = limits[3] = limits[5] = -math.inf
        found = 0
        for i in range(count):
            numbers = in_float64(load_box(boxes, i, count))
            corners = around((numbers,))
            for number in numbers:
                if abs(number) == math.inf:
                    return -1
            for number in corners:
                if abs(number) == math.inf:
                    return -1
            x1, y1, x2, y2 = corners
            wide, high = max(x2 - x1, 0.0), max(y2 - y1, 0.0)
            at_x, at_y = x1 + 0.5 * wide, y1 + 0.5 * high
            if not (abs(x2 - x1) < math.inf and abs(y2 - y1) < math.inf):
                continue
            side = max(wide, high, SMALLEST_SIDE)
            kept[found], x[found], y[found], w[found], h[found], longer[found] = i, at_x, at_y, wide, high, side
            limits[0], limits[1] = min(limits[0], at_x), max(limits[1], at_x)
            limits[2], limits[3] = min(limits[2], at_y), max(limits[3], at_y)
            limits[4], limits[5] = min(limits[4], side), max(limits[5], side)
            found += 1
        return found

    reals = types.Array(types.float64, 1, "C")
    of_each = (types.Array(types.int64, 1, "C"), reals, reals, reals, reals, reals, reals)
    return measure_boxes, types.intp(machine.readonly, types.intp, *of_each)


@called_by_kernels
def window(w, h, span_x, span_y):  # type: ignore[no-untyped-def]
    """Compute what share of all boxes is in a window as far as their sides are long; half of their spans is given."""
    return min(1.0, w / max(span_x, SMALLEST_SIDE)) * min(1.0, h / max(span_y, SMALLEST_SIDE))


def levels_of(machine: Machine) -> Template:
    """Find what is known of boxes of like size, which are a level; returns how many levels there are.

    The size is the exponent of the longer side, of `apart` that occur from the `first` on; if that is 0 the sizes of
    each group are numbered in `size`. One with few boxes in a window is one level with the next of the group.
    Afterwards `size` has the level of each box.
    """

    def find_levels(  # type: ignore[no-untyped-def]
        w, h, bits, first, apart, size, group, kept, limits, owner, many, levels, first_levels
    ):
        span_x, span_y = 0.5 * limits[1] - 0.5 * limits[0], 0.5 * limits[3] - 0.5 * limits[2]
        many[:], levels[:] = 0, 0.0
        for k in range(many.size):
            levels[5 * k] = math.inf
        for i in range(size.size):
            k, longer, own = size[i], max(w[i], h[i]), group[kept[i]]
            if apart > 0:
                k = (bits[i] >> MANTISSA) - first + apart * own
                size[i] = k
            at = 5 * k
            many[k], owner[k] = many[k] + 1, own
            levels[at], levels[at + 1] = min(levels[at], longer), max(levels[at + 1], longer)
            levels[at + 2], levels[at + 3] = max(levels[at + 2], w[i]), max(levels[at + 3], h[i])
        first_levels[:] = 0
        count = before = 0
        for k in range(many.size):
            if many[k] == 0:
                many[k] = count  # nobody's level
                continue
            own, boxes, at = owner[k], many[k], 5 * (count - 1)
            least, longest, widest, highest = levels[5 * k], levels[5 * k + 1], levels[5 * k + 2], levels[5 * k + 3]
            if first_levels[own + 1] > 0:
                wide, high = max(widest, levels[at + 2]), max(highest, levels[at + 3])
                if (boxes + before) * window(wide, high, span_x, span_y) <= FEW_IN_A_WINDOW:
                    least, longest, widest, highest = min(least, levels[at]), max(longest, levels[at + 1]), wide, high
                    boxes, count = boxes + before, count - 1
                    first_levels[own + 1] -= 1
            height = highest if highest > 0.0 else longest
            height = height if height > SMALLEST_SIDE else 1.0
            in_window = max(boxes * window(widest, 0.5 * height, span_x, span_y), 1e-6)
            at = 5 * count
            levels[at], levels[at + 1], levels[at + 2], levels[at + 3] = least, longest, widest, highest
            levels[at + 4] = height * min(max(math.sqrt(BOXES_A_SEARCH / in_window), LOWEST), HIGHEST)
            many[k], before, count = count, boxes, count + 1
            first_levels[own + 1] += 1
        for own in range(first_levels.size - 1):
            first_levels[own + 1] += first_levels[own]
        for i in range(size.size):
            size[i] = many[size[i]]
        return count

    reals, indices = types.Array(types.float64, 1, "C"), types.Array(types.int64, 1, "C")
    sizes, of_levels = (indices, types.int64, types.int64, indices), (indices, indices, reals, indices)
    return find_levels, types.intp(reals, reals, *sizes, indices, indices, reals, *of_levels)


def order_of(machine: Machine) -> Template:
    """Sort boxes by level, strip and x; returns how many strips there are.

    A number of a strip, with a digit for x behind it, is sorted by a digit at a time, and few boxes are left in which
    x is not in order.
    """

    def find_order(  # type: ignore[no-untyped-def]
        x,
        y,
        level,
        levels,
        kept,
        limits,
        numbers,
        other,
        places,
        offset,
        begins,
        counts,
        order,
        centres,
        starts,
        keys,
        first_strips,
    ):
        count, number, digit = x.size, offset.size, bits_for(x.size)
        offset[:], begins[:] = FARTHEST, -FARTHEST
        for i in range(count):
            own = level[i]
            strip = int(strip_at(y[i], levels[5 * own + 4]))
            offset[own], begins[own], numbers[i] = min(offset[own], strip), max(begins[own], strip), strip
        total = 0
        for own in range(number):
            strips = begins[own] - offset[own] + 1
            offset[own], begins[own], total = total - offset[own], total, total + strips
        low = 0.5 * limits[0]
        scale = ((1 << digit) - 1) / max(0.5 * limits[1] - low, SMALLEST_SIDE)
        for i in range(count):
            numbers[i] = ((numbers[i] + offset[level[i]]) << digit) + int((0.5 * x[i] - low) * scale)
            places[i] = i
        shift, spare = 0, order
        while (total << digit) >> shift > 0:
            if by_digit(numbers, places, shift, digit, other, spare, counts):
                numbers, other, places, spare = other, numbers, spare, places
            shift += digit
        strips, before, began, last = 0, -1, 0, -1
        for at in range(count):
            i, own = places[at], numbers[at]
            order[at], centres[at] = kept[i], x[i]
            if own != last:
                sort(centres, order, began, at)
                began = at
            if own >> digit != last >> digit:
                while before < 0 or (before + 1 < number and own >> digit >= begins[before + 1]):
                    before += 1
                    first_strips[before] = strips
                starts[strips], keys[strips] = at, (own >> digit) - offset[before]
                strips += 1
            last = own
        sort(centres, order, began, count)
        first_strips[number], starts[strips] = strips, count
        return strips

    reals, indices = types.Array(types.float64, 1, "C"), types.Array(types.int64, 1, "C")
    given = (reals, reals, indices, reals, indices, reals)
    room = (indices, indices, indices, indices, indices, indices)
    return find_order, types.intp(*given, *room, indices, reals, indices, reals, indices)


def strips_of(shape: Shape, boxes: NDArray[Any], group: Indices, groups: int) -> Strips | None:
    """Sort prepared boxes into strips, those with a NaN into none; None if a number is infinite."""
    (count,), limits = group.shape, np.empty(6)
    order, room, placed = np.empty(count, np.int64), np.empty((5, count), np.int64), np.empty((5, count))
    found = compiled(measure, boxes.dtype, shape)(boxes, count, room[0], *placed, limits)
    if found < 0:
        return None
    if found < count:
        order, room, placed = order[:found], room[:, :found], placed[:, :found]
    kept, size, numbers, other, places = room
    x, y, w, h, longer = placed
    first, last = (math.frexp(side)[1] if found else 0 for side in limits[4:].tolist())
    apart, bits = last - first + 1, longer.view(np.int64)
    sizes = groups * apart
    if sizes > 4 * found + 4096:
        ids, size = np.unique((bits >> MANTISSA) + apart * group[kept], return_inverse=True)
        apart, sizes = 0, len(ids)
    owner, many, levels = np.empty(sizes, np.int64), np.empty(sizes, np.int64), np.empty(5 * sizes)
    first_levels = np.empty(groups + 1, np.int64)
    by_size, of_levels = (bits, first + EXPONENT, apart, size), (owner, many, levels, first_levels)
    number = compiled(levels_of, FLOAT64)(w, h, *by_size, group, kept, limits, *of_levels)
    first_strips, counts = np.empty(number + 1, np.int64), np.empty(DIGITS, np.int64)
    centres, starts, keys = longer, np.empty(found + 1, np.int64), np.empty(found)  # longer has been read
    more, outputs = (owner[:number], many[:number], counts), (order, centres, starts, keys, first_strips)
    strips = compiled(order_of, FLOAT64)(x, y, size, levels, kept, limits, numbers, other, places, *more, *outputs)
    return Strips(order, centres, starts[: strips + 1], keys[:strips], levels, first_strips, first_levels)
