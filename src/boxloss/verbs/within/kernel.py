"""The kernel that goes through the windows of boxes and keeps, or suppresses, what is within a threshold."""

import math

from numba.core import types
from numba.extending import register_jitable

from boxloss.engines.machine import Machine
from boxloss.engines.numba.compile import Template
from boxloss.engines.numba.compile import machine as machine_of
from boxloss.engines.numba.memory import load, prefer_wide_vectors, widened
from boxloss.engines.numba.vectors import lanes_of, lanes_where, lowest_bit, row_of
from boxloss.formulas.structure import Structure
from boxloss.shapes.shape import Shape
from boxloss.verbs.pairwise import rows
from boxloss.verbs.within.strips import upright_around


@register_jitable
def first_from(numbers, begin, end, least):  # type: ignore[no-untyped-def]
    """The first place of ascending numbers from which on they are at least so much."""
    count = end - begin
    if count <= 0:
        return begin
    while count > 1:  # without a branch that nobody could predict
        half = count >> 1
        begin += half if numbers[begin + half - 1] < least else 0
        count -= half
    return begin + (1 if numbers[begin] < least else 0)


@register_jitable
def first_strip(keys, begin, end, least):  # type: ignore[no-untyped-def]
    """The same for the keys of strips, of which mostly none is missing."""
    ahead = least - keys[begin]
    if ahead <= 0.0:
        return begin
    if ahead < end - begin and keys[begin + int(ahead)] == least:
        return begin + int(ahead)
    return first_from(keys, begin, end, least)


@register_jitable
def reach(side, greatest, overlap):  # type: ignore[no-untyped-def]
    """How far apart along an axis the centres of a box and of a partner can be, whose side is at most so long.

    If an IoU above `overlap` is wanted the intersection is at least that times the longer side.
    """
    if overlap > 0.0:
        return 0.5 * (side + min(greatest, side / overlap)) - overlap * side
    return 0.5 * (side + greatest)


@register_jitable
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


def kernel(
    machine: Machine, structure: Structure, shape: Shape, guarded: bool, above: bool, dense: bool, marks: bool
) -> Template:
    """For each row the targets within the threshold.

    It returns how many rows it did: as many as have room in what it writes to. If it `marks`, preds are targets, and it
    writes nothing but which of them are out; these are passed over when their turn comes. If `dense` all targets of a
    group are in one window.
    """
    size = shape.size + len(structure.parts(shape))
    load_box, lanes = load(size), lanes_of(machine.dtype)
    row = rows.over_row(row_of, machine, structure, shape, guarded, above)
    which_are_within = lanes_where(lanes, rows.comparison(above))
    in_float64, around = widened(shape.size), machine_of("float64").function(upright_around(shape), shape.size)

    def within(  # type: ignore[no-untyped-def]
        preds,
        pred_apart,
        turns,
        targets,
        target_apart,
        columns,
        numbers,
        threshold,
        overlap,
        group,
        first_levels,
        first_strips,
        levels,
        keys,
        starts,
        centres,
        order,
        some,
        best,
        is_out,
        batch,
        left,
        counts,
        index,
        value,
    ):
        prefer_wide_vectors()
        hits = 0
        for turn in range(turns.size):
            i = turns[turn]
            if marks:
                if is_out[i] or left[batch[turn]] == 0:
                    continue
                left[batch[turn]] -= 1
                counts[turn] = 1
            elif hits + columns > index.size:
                return turn
            before = hits
            pred = load_box(preds, i, pred_apart)
            own = group[turn]
            x1, y1, x2, y2 = around((in_float64(pred),))
            w, h = x2 - x1, y2 - y1
            x, y, longer = x1 + 0.5 * w, y1 + 0.5 * h, max(w, h)
            if not dense and not math.isfinite(x + y):
                counts[turn] = 1 if marks else 0
                continue
            for level in range(first_levels[own], first_levels[own + 1]):
                begin, end = first_strips[level], first_strips[level + 1]
                to_x = to_y = last = 0.0
                if not dense:
                    least, greatest = levels[5 * level], levels[5 * level + 1]
                    if longer < overlap * least or overlap * longer > greatest:
                        continue
                    # What rounding may take from them is far less than the millionth that they get more.
                    to_x = reach(w, levels[5 * level + 2], overlap) * 1.000001 + 1e-12 * abs(x)
                    to_y = reach(h, levels[5 * level + 3], overlap) * 1.000001 + 1e-12 * abs(y)
                    height = levels[5 * level + 4]
                    begin = first_strip(keys, begin, end, math.floor((y - to_y) / height))
                    last = math.floor((y + to_y) / height)
                strip = begin
                while strip < end and (dense or keys[strip] <= last):
                    first, stop = starts[strip], starts[strip + 1]
                    if dense:
                        first = max(first, i + 1) if marks else first  # targets are in the order of their turns
                    else:
                        first = first_from(centres, first, stop, x - to_x)
                        until = first
                        while until < stop and centres[until] <= x + to_x:
                            until += 1
                        stop = until
                    while first < stop:
                        width = min(some.size, stop - first)
                        row(pred, numbers, targets, first, target_apart, -(-width // lanes), some, 0, best, 0)
                        for place in range(0, width, lanes):
                            which = which_are_within(some, place, threshold)
                            if width - place < lanes:
                                which &= (1 << (width - place)) - 1
                            while which != 0:
                                at = place + lowest_bit(which)
                                which &= which - 1
                                if marks:
                                    is_out[first + at] = 1
                                else:
                                    index[hits], value[hits] = order[first + at], some[at]
                                    hits += 1
                        first += width
                    strip += 1
            if not marks:
                counts[turn] = hits - before
                if not dense:
                    sort(index, value, before, hits)
        return turns.size

    boxes, place, number = machine.readonly, types.intp, machine.number
    indices, reals = types.Array(types.int64, 1, "C"), types.Array(types.float64, 1, "C")
    of_pred, of_target = (boxes, place, indices), (boxes, place, place)
    limits = (machine.numbers(2 + len(structure.number_names)), number, types.float64)
    ranges = (indices, indices, indices, reals, reals, indices, reals, indices)
    kept = (types.Array(types.uint8, 1, "C"), indices, indices, indices, indices, machine.array)
    arguments = *of_pred, *of_target, *limits, *ranges, machine.array, machine.array, *kept
    return within, place(*arguments)
