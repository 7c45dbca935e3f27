"""Kernels that put boxes into strips: where each box is, and the order of all of them."""

import math
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import register_jitable

from boxloss.engines.machine import Machine
from boxloss.engines.numba.compile import Template, compiled
from boxloss.engines.numba.compile import machine as machine_of
from boxloss.engines.numba.memory import load, widened
from boxloss.shapes.shape import Shape
from boxloss.verbs.within.strips import SMALLEST_SIDE, Strips, upright_around
from boxloss.verbs.within.windows import FARTHEST, sort, strip_at

# A search in a strip takes as long as so many boxes that are in it and need not be compared.
# So sparse boxes lie in strips several times as high as they are, and crowded ones in lower strips.
BOXES_A_SEARCH, LOWEST, HIGHEST = 50.0, 1 / 8, 8.0
FEW_IN_A_WINDOW = 8.0  # boxes of a size that are looked at together with those of the next one
DIGIT = 11  # bits of a number that are sorted by at a time
DIGITS = 1 << DIGIT
MANTISSA, EXPONENT = 52, 1022  # of a float64: the bits behind its exponent, and what that of a number from 1/2 to 1 is


def measure(machine: Machine, shape: Shape) -> Template:
    """For each box without a NaN its centre, its sides and the longer one; returns how many there are.

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


def levels_of(machine: Machine) -> Template:
    """What is known of boxes of like size, `sizes` of which become fewer levels; returns how many.

    A size with few boxes in a window becomes one level with the next. On the way back each box has its level in `size`,
    each level its group in `owner`.
    """

    def find_levels(  # type: ignore[no-untyped-def]
        w, h, size, group, of_size, level_of, owner, levels, span_x, span_y
    ):
        sizes = owner.size
        for k in range(sizes):
            levels[5 * k], owner[k] = math.inf, -1
            for column in range(1, 5):
                levels[5 * k + column] = 0.0
            of_size[k] = 0.0
        for i in range(w.size):
            k, longer = size[i], max(w[i], h[i])
            at = 5 * k
            of_size[k] += 1.0
            owner[k] = group[i]
            levels[at], levels[at + 1] = min(levels[at], longer), max(levels[at + 1], longer)
            levels[at + 2], levels[at + 3] = max(levels[at + 2], w[i]), max(levels[at + 3], h[i])
        count = 0
        for k in range(sizes):
            if owner[k] < 0:
                continue
            least, greatest, widest, highest = levels[5 * k], levels[5 * k + 1], levels[5 * k + 2], levels[5 * k + 3]
            many, before = of_size[k], count - 1
            joins = False
            if before >= 0 and owner[before] == owner[k]:
                at = 5 * before
                wide, high = max(widest, levels[at + 2]), max(highest, levels[at + 3])
                share = min(1.0, 2.0 * wide / span_x) * min(1.0, 2.0 * high / span_y)
                joins = (many + of_size[before]) * share <= FEW_IN_A_WINDOW
            if joins:
                many += of_size[before]
                least, widest, highest = min(least, levels[at]), wide, high
                greatest = max(greatest, levels[at + 1])
                count = before
            own = owner[k]
            level_of[k], owner[count], of_size[count] = count, own, many
            levels[5 * count], levels[5 * count + 1] = least, greatest
            levels[5 * count + 2], levels[5 * count + 3] = widest, highest
            height = highest if highest > 0.0 else greatest
            height = height if height > SMALLEST_SIDE else 1.0
            share = min(1.0, 2.0 * widest / span_x) * min(1.0, height / span_y)
            in_window = max(many * share, 1e-6)
            levels[5 * count + 4] = height * min(max(math.sqrt(BOXES_A_SEARCH / in_window), LOWEST), HIGHEST)
            count += 1
        for i in range(w.size):
            size[i] = level_of[size[i]]
        return count

    reals, indices = types.Array(types.float64, 1, "C"), types.Array(types.int64, 1, "C")
    of_boxes, of_levels = (reals, reals, indices, indices), (reals, indices, indices, reals)
    return find_levels, types.intp(*of_boxes, *of_levels, types.float64, types.float64)


@register_jitable
def by_digit(numbers, shift, given, sorted_by_it, counts):  # type: ignore[no-untyped-def]
    """Sort places of numbers by one digit of these, equal ones in the order that they come in."""
    counts[:] = 0
    for i in range(given.size):
        counts[(numbers[given[i]] >> shift) & (DIGITS - 1)] += 1
    total = 0
    for digit in range(DIGITS):
        total, counts[digit] = total + counts[digit], total
    for i in range(given.size):
        place = given[i]
        digit = (numbers[place] >> shift) & (DIGITS - 1)
        sorted_by_it[counts[digit]] = place
        counts[digit] += 1


def order_of(machine: Machine) -> Template:
    """Sort boxes by level, strip and x; returns how many strips there are."""

    def find_order(  # type: ignore[no-untyped-def]
        x,
        y,
        level,
        levels,
        kept,
        least_x,
        greatest_x,
        strip,
        digit,
        by,
        other,
        counts,
        offset,
        order,
        centres,
        starts,
        keys,
        first_strips,
    ):
        number, count = first_strips.size - 1, x.size
        offset[:] = FARTHEST
        starts[:number] = -FARTHEST
        for i in range(count):
            own = level[i]
            strip[i] = int(strip_at(y[i], levels[5 * own + 4]))
            offset[own], starts[own] = min(offset[own], strip[i]), max(starts[own], strip[i])
        total = 0
        for own in range(number):
            total, offset[own] = total + starts[own] - offset[own] + 1, total - offset[own]
        low = 0.5 * least_x
        scale = (DIGITS - 1) / max(0.5 * greatest_x - low, SMALLEST_SIDE)
        for i in range(count):
            strip[i] += offset[level[i]]
            digit[i] = int((0.5 * x[i] - low) * scale)
            other[i] = i
        by_digit(digit, 0, other, by, counts)
        shift = 0
        while total >> shift > 0:
            by_digit(strip, shift, by, other, counts)
            by, other = other, by
            shift += DIGIT
        strips, before, began = 0, -1, 0
        for place in range(count):
            i = by[place]
            order[place], centres[place] = kept[i], x[i]
            if place == 0 or strip[i] != strip[by[place - 1]] or digit[i] != digit[by[place - 1]]:
                sort(centres, order, began, place)
                began = place
            if place == 0 or strip[i] != strip[by[place - 1]]:
                own = level[i]
                while before < own:
                    before += 1
                    first_strips[before] = strips
                starts[strips], keys[strips] = place, strip[i] - offset[own]
                strips += 1
        sort(centres, order, began, count)
        first_strips[number], starts[strips] = strips, count
        return strips

    reals, indices = types.Array(types.float64, 1, "C"), types.Array(types.int64, 1, "C")
    given = (reals, reals, indices, reals, indices, types.float64, types.float64)
    room = (indices, indices, indices, indices, indices, indices)
    return find_order, types.intp(*given, *room, indices, reals, indices, reals, indices)


def strips_of(shape: Shape, boxes: Any, group: Any, groups: int) -> Strips | None:
    """Sort prepared boxes into strips, those with a NaN into none; None if a number is infinite."""
    count = len(group)
    kept, limits = np.empty(count, np.int64), np.empty(6)
    placed = np.empty((5, count))
    found = compiled(measure, boxes.dtype, shape)(boxes, count, kept, *placed, limits)
    if found < 0:
        return None
    kept, (x, y, w, h, longer) = kept[:found], placed[:, :found]
    group = group[kept] if found < count else group
    least, most = np.frexp(limits[4:])[1].tolist() if found else (0, 0)
    size = (longer.view(np.int64) >> MANTISSA) - (least + EXPONENT)
    sizes = most - least + 1
    if groups > 1:
        size += group * sizes
    sizes *= groups
    if sizes > 4 * found + 4096:
        ids, size = np.unique(size, return_inverse=True)
        sizes = len(ids)
    (least_x, greatest_x, least_y, greatest_y), levels, owner = (
        limits[:4].tolist(),
        np.empty(5 * sizes),
        np.empty(sizes, np.int64),
    )
    spans = (max(b - a, SMALLEST_SIDE) for a, b in ((least_x, greatest_x), (least_y, greatest_y)))
    of_levels = (np.empty(sizes), np.empty(sizes, np.int64), owner, levels)
    float64 = np.dtype(np.float64)
    number = compiled(levels_of, float64)(w, h, size, group, *of_levels, *spans)
    room = np.empty((4, found), np.int64)
    order, centres, starts, keys = (
        np.empty(found, np.int64),
        np.empty(found),
        np.empty(found + 1, np.int64),
        np.empty(found),
    )
    first_strips, more = np.empty(number + 1, np.int64), (np.empty(DIGITS, np.int64), np.empty(number, np.int64))
    of_boxes = (x, y, size, levels, kept, least_x, greatest_x)
    outputs = (order, centres, starts, keys, first_strips)
    strips = compiled(order_of, float64)(*of_boxes, *room, *more, *outputs)
    first_levels = np.searchsorted(owner[:number], np.arange(groups + 1))
    return Strips(order, centres, starts[: strips + 1], keys[:strips], levels[: 5 * number], first_strips, first_levels)
