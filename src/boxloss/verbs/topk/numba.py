"""The best few of a row on the CPU: what beats the last of them is put in its place among them."""

from typing import Any

from boxloss.engines.machine import Machine
from boxloss.engines.numba.compile import Template
from boxloss.engines.numba.memory import load, prefer_wide_vectors
from boxloss.engines.numba.vectors import lanes_of, lanes_where, lowest_bit, row_of
from boxloss.formulas.program import Program
from boxloss.formulas.structure import Structure
from boxloss.request import Request
from boxloss.shapes.shape import Shape
from boxloss.verbs.pairwise import rows


def kernel(machine: Machine, structure: Structure, shape: Shape, guarded: bool, largest: bool) -> Template:
    """For each pred the best values in order, and the target of each; of equal ones the first target first.

    As long as fewer than `kept` were found, anything could be one of them. So the targets are divided into shares, a
    lane of a vector each, and the best value of each share is known: `kept` values at least reach the best but as many
    of these, and no others are looked at. Of 1,000 values in random order these are 10 and a few instead of 60.
    """
    size = shape.size + len(structure.parts(shape))
    load_box, lanes = load(size), lanes_of(machine.dtype)
    row = rows.over_row(row_of, machine, structure, shape, guarded, largest)
    better = rows.comparison(largest)
    which_beat, which_reach = lanes_where(lanes, better), lanes_where(lanes, better + "=")
    none, most = rows.nothing(largest), rows.PARTS

    def topk(  # type: ignore[no-untyped-def]
        preds,
        first_pred,
        pred_apart,
        targets,
        first_target,
        target_apart,
        begin,
        stop,
        numbers,
        some,
        value,
        index,
        kept,
    ):
        prefer_wide_vectors()
        at_a_time = some.size - 2 * most * lanes
        best, bounds = some[at_a_time : at_a_time + most * lanes], some[at_a_time + most * lanes :]
        # Half as many shares again as are kept bound well; more take longer than they save.
        parts = min(most, -(-8 * kept // (5 * lanes)))
        shares = parts * lanes
        for i in range(value.size // kept):
            pred = load_box(preds, first_pred + i, pred_apart)
            start, last = kept * i, kept * i + kept - 1
            end = start  # of those that were found
            while end <= last and index[end] >= 0:
                end += 1
            for first in range(begin, stop, at_a_time):
                width = min(at_a_time, stop - first)
                part = -(-width // (parts * lanes)) * lanes
                for k in range(parts):
                    at = min(width, k * part)
                    groups, of_part = (min(width, at + part) - at) // lanes, first_target + first + at
                    row(pred, numbers, targets, of_part, target_apart, groups, some, at, best, k * lanes)
                bound = value[last]
                if end <= last and kept <= shares:
                    bounds[:kept] = none
                    for k in range(shares):
                        own, at = best[k], kept - 1
                        if own > bounds[at] if largest else own < bounds[at]:
                            while at > 0 and (bounds[at - 1] < own if largest else bounds[at - 1] > own):
                                bounds[at] = bounds[at - 1]
                                at -= 1
                            bounds[at] = own
                    bound = bounds[kept - 1]
                for group in range(0, width, lanes):
                    which = which_beat(some, group, value[last]) if end > last else which_reach(some, group, bound)
                    while which != 0:
                        j = group + lowest_bit(which)
                        which &= which - 1
                        own = some[j]
                        if end > last and (own <= value[last] if largest else own >= value[last]):
                            continue
                        at = min(end, last)
                        while at > start and (value[at - 1] < own if largest else value[at - 1] > own):
                            value[at], index[at] = value[at - 1], index[at - 1]
                            at -= 1
                        value[at], index[at] = own, first + j
                        end = min(end + 1, last + 1)

    return topk, rows.signature_of(machine, structure)


def run(program: Program, request: Request, largest: bool, k: int) -> tuple[Any, Any]:
    """For each pred the best values, sorted, and the target of each."""
    return rows.run(kernel, program, request, largest, k)
