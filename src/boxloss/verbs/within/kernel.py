"""The kernel that goes through the windows of boxes and keeps what is within a threshold."""

import math

from numba.core import types

from boxloss.engines.machine import Machine
from boxloss.engines.numba.compile import Template
from boxloss.engines.numba.compile import machine as machine_of
from boxloss.engines.numba.memory import data_of, load, prefer_wide_vectors, widened
from boxloss.engines.numba.vectors import lanes_of, lanes_where, lowest_bit
from boxloss.shapes.shape import Shape
from boxloss.verbs.pairwise import rows
from boxloss.verbs.pairwise.values import write_values
from boxloss.verbs.within.strips import upright_around
from boxloss.verbs.within.windows import (
    INDICES,
    WINDOWS,
    centre_and_sides,
    places_around,
    sort,
    strips_around,
)


def kernel(machine: Machine, shape: Shape, above: bool, dense: bool) -> Template:
    """Find for each row the targets within the threshold.

    It returns how many rows it did: as many as have room in what it writes to. If `dense` all targets are in one
    window.
    """
    load_box, lanes = load(shape.size), lanes_of(machine.dtype)
    write = write_values(machine)
    which_are_within = lanes_where(lanes, rows.comparison(above))
    in_float64, around = widened(shape.size), machine_of("float64").function(upright_around(shape), shape.size)

    def within(  # type: ignore[no-untyped-def]
        values_at,
        preds,
        pred_apart,
        turns,
        targets,
        target_apart,
        numbers,
        threshold,
        overlap,
        first_strips,
        levels,
        keys,
        starts,
        centres,
        order,
        some,
        counts,
        index,
        value,
    ):
        prefer_wide_vectors()
        hits = 0
        for turn in range(turns.size):
            i = turns[turn]
            if hits + order.size > index.size:
                return turn
            before = hits
            of_pred = (data_of(preds), i, pred_apart, 1, data_of(numbers))
            (x, y), sides = centre_and_sides(around((in_float64(load_box(preds, i, pred_apart)),)))
            counts[turn] = 0
            if not dense and not math.isfinite(x + y):
                continue
            for level in range(first_strips.size - 1):
                strip, end, last, to_x = first_strips[level], first_strips[level + 1], 0.0, 0.0
                if not dense:
                    strip, last, to_x = strips_around((x, y), sides, overlap, level, levels, keys, strip, end)
                while strip < end and (dense or keys[strip] <= last):
                    first, stop = starts[strip], starts[strip + 1]
                    if not dense:
                        first, stop = places_around(x, to_x, centres, first, stop)
                    while first < stop:
                        width = min(some.size, stop - first)
                        of_target = (data_of(targets), first, target_apart)
                        write(values_at, of_pred + of_target + (-(-width // lanes) * lanes, data_of(some), 0))
                        for place in range(0, width, lanes):
                            which = which_are_within(some, place, threshold)
                            if width - place < lanes:
                                which &= (1 << (width - place)) - 1
                            while which != 0:
                                at = place + lowest_bit(which)
                                which &= which - 1
                                index[hits], value[hits] = order[first + at], some[at]
                                hits += 1
                        first += width
                    strip += 1
            counts[turn] = hits - before
            if not dense:
                sort(index, value, before, hits)
        return turns.size

    boxes, place = machine.readonly, types.intp
    limits = boxes, machine.number, types.float64
    given = place, boxes, place, INDICES, boxes, place, *limits, *WINDOWS, INDICES
    return within, place(*given, machine.array, INDICES, INDICES, machine.array)
