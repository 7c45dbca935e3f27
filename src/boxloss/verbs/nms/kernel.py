"""The kernel that says of each box whether it survives, in whatever order boxes are visited."""

from numba.core import types

from boxloss.engines.machine import Machine
from boxloss.engines.numba.compile import Template
from boxloss.engines.numba.compile import machine as machine_of
from boxloss.engines.numba.memory import load, prefer_wide_vectors, widened
from boxloss.engines.numba.rows import which_of
from boxloss.engines.numba.vectors import lanes_of, lowest_bit
from boxloss.formulas.structure import Structure
from boxloss.shapes.shape import Shape
from boxloss.verbs.pairwise import rows
from boxloss.verbs.pairwise.values import written_of
from boxloss.verbs.within.strips import upright_around
from boxloss.verbs.within.windows import INDICES, WINDOWS, centre_and_sides, first_from, strips_around

UNDECIDED, OUT, KEPT = 0, 1, 2
NOWHERE = -1


def kernel(machine: Machine, structure: Structure, shape: Shape, guarded: bool, above: bool, dense: bool) -> Template:
    """Put the boxes that survive into `kept`, by turn, and of a batch `most`; returns how many these are.

    A box survives if none that survives, has its turn before it and is of its group is within the threshold. So of the
    undecided boxes around one that with the first turn is decided before it, and it survives when there are none left:
    then those with later turns are out. Boxes that are visited by turn never wait. Ones that are visited as they lie
    wait for a few, and find their neighbours in a cache. If `dense` the boxes of a group are in one window, by turn.
    """
    written, size, count = written_of(machine, structure, shape, guarded)
    load_box, lanes = load(size), lanes_of(machine.dtype)
    which_are_within = which_of(written, size, count, lanes, rows.comparison(above))
    in_float64, around = widened(shape.size), machine_of("float64").function(upright_around(shape), shape.size)

    def suppress(  # type: ignore[no-untyped-def]
        boxes,
        apart,
        numbers,
        threshold,
        overlap,
        first_strips,
        levels,
        keys,
        starts,
        centres,
        first_levels,
        order,
        turns,
        group,
        batch,
        as_they_lie,
        most,
        counts,
        taken,
        state,
        rank,
        place_at,
        waiting,
        after,
        kept,
    ):
        prefer_wide_vectors()
        place_at[:] = NOWHERE
        for turn in range(turns.size):
            kept[turns[turn]] = turn
        for place in range(order.size):
            rank[place] = kept[order[place]]
            place_at[rank[place]] = place
        for visit in range(order.size if as_they_lie else turns.size):
            waiting[0] = visit if as_they_lie else place_at[visit]
            depth = 0 if waiting[0] != NOWHERE else -1
            while depth >= 0:
                i = waiting[depth]
                if state[i] != UNDECIDED or counts[batch[order[i]]] == most:
                    depth -= 1
                    continue
                box, own, number_after = load_box(boxes, i, apart), group[order[i]], 0
                first_rank, first_of_all = rank[i], i
                (x, y), sides = centre_and_sides(around((in_float64(box),)))
                for level in range(first_levels[own], first_levels[own + 1]):
                    strip, end, last, to_x = first_strips[level], first_strips[level + 1], 0.0, 0.0
                    if not dense:
                        strip, last, to_x = strips_around((x, y), sides, overlap, level, levels, keys, strip, end)
                    while strip < end and (dense or keys[strip] <= last):
                        first, stop = starts[strip], starts[strip + 1]
                        if dense:
                            at = i + 1
                        elif first <= i < stop:
                            # In its own strip back from the box itself, a vector at a time: mostly few are that near,
                            # and a search would take longer. Up to a vector of those too far is compared in vain.
                            at = i
                            while at > first and centres[at - 1] >= x - to_x:
                                at -= lanes
                            at = max(at, first)
                        else:
                            at = first_from(centres, first, stop, x - to_x)
                        while at < stop and (dense or centres[at] <= x + to_x):
                            which = which_are_within(box, numbers, boxes, at, apart, threshold)
                            if stop - at < lanes:
                                which &= (1 << (stop - at)) - 1
                            while which != 0:
                                k = at + lowest_bit(which)
                                which &= which - 1
                                if rank[k] > rank[i]:
                                    after[number_after] = k
                                    number_after += 1
                                elif rank[k] < first_rank and state[k] == UNDECIDED:
                                    first_rank, first_of_all = rank[k], k
                            at += lanes
                        strip += 1
                if first_of_all != i:
                    depth += 1
                    waiting[depth] = first_of_all
                    continue
                state[i] = KEPT
                counts[batch[order[i]]] += 1
                for k in range(number_after):
                    state[after[k]] = OUT
                depth -= 1
        found = 0
        for turn in range(turns.size):
            i, place = turns[turn], place_at[turn]
            # One that is nowhere, for a NaN, is like no other.
            if (place == NOWHERE or state[place] == KEPT) and taken[batch[i]] < most:
                taken[batch[i]] += 1
                kept[found] = i
                found += 1
        return found

    limits = machine.numbers(count), machine.number, types.float64
    given = machine.readonly, types.intp, *limits, *WINDOWS
    of_boxes = *(INDICES,) * 5, types.boolean, types.int64
    room = INDICES, INDICES, types.Array(types.uint8, 1, "C"), *(INDICES,) * 5
    return suppress, types.intp(*given, *of_boxes, *room)
