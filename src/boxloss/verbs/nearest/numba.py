"""The best of a row on the CPU: a piece of the row is computed, then its best, and then the place of that."""

import math
from typing import Any

from boxloss.engines.machine import Machine
from boxloss.engines.numba.compile import Template
from boxloss.engines.numba.memory import data_of, prefer_wide_vectors
from boxloss.engines.numba.vectors import STRETCH, best_of, lanes_of
from boxloss.formulas.program import Program
from boxloss.request import Request
from boxloss.verbs.pairwise import rows
from boxloss.verbs.pairwise.values import write_values


def kernel(machine: Machine, largest: bool) -> Template:
    """For each pred the best value and its first target; both stay as they come where every value is NaN."""
    lanes, write = lanes_of(machine.dtype), write_values(machine)
    best, spare = best_of(lanes, rows.comparison(largest)), rows.spare_values(lanes)
    leave_out = rows.leave_out(lanes)

    def nearest(  # type: ignore[no-untyped-def]
        values_at,
        preds,
        first_pred,
        pred_apart,
        targets,
        first_target,
        target_apart,
        begin,
        stop,
        left_out,
        numbers,
        some,
        places,
        value,
        index,
        kept,
    ):
        prefer_wide_vectors()
        at_a_time = some.size - spare
        for first in range(begin, stop, at_a_time):
            width, own = min(at_a_time, stop - first), first_target + first
            for j in range(width, width + STRETCH):  # the last stretch may be longer than what is left
                some[j] = math.nan
            for i in range(value.size):
                of_pred = (data_of(preds), first_pred + i, pred_apart, 1, data_of(numbers))
                of_target = (data_of(targets), own, target_apart)
                write(values_at, of_pred + of_target + (width, data_of(some), 0))
                leave_out(some, left_out, first, width)
                found, at = best(some, -(-width // STRETCH), value[i])
                if at >= 0:
                    value[i], index[i] = found, first + at
                elif index[i] < 0:  # nothing beats infinity: it may be the value of a target
                    for j in range(width):
                        if some[j] == found:
                            index[i] = first + j
                            break

    return nearest, rows.signature_of(machine)


def run(program: Program, request: Request, largest: bool) -> tuple[Any, Any]:
    """For each pred the best value and the first target that has it."""
    value, index = rows.run(kernel, program, request, largest, 1)
    return value[..., 0], index[..., 0]
