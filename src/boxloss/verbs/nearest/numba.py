"""The best of a row on the CPU, value and place at once, several targets at a time."""

from typing import Any

from boxloss.engines.machine import Machine
from boxloss.engines.numba.compile import Template
from boxloss.engines.numba.memory import load, prefer_wide_vectors
from boxloss.engines.numba.vectors import best_of, lanes_of
from boxloss.formulas.program import Program
from boxloss.formulas.structure import Structure
from boxloss.request import Request
from boxloss.shapes.shape import Shape
from boxloss.verbs.pairwise import rows
from boxloss.verbs.pairwise.formula import of_prepared


def kernel(machine: Machine, structure: Structure, shape: Shape, guarded: bool, largest: bool) -> Template:
    """For each pred the best value and its first target; both stay as they come where every value is NaN."""
    size, count = shape.size + len(structure.parts(shape)), 2 + len(structure.number_names)
    load_box, lanes = load(size), lanes_of(machine.dtype)
    best_of_row = rows.over_row(best_of, machine, structure, shape, guarded, largest)
    value_of = machine.function(of_prepared(structure, shape, padded=guarded), size, size, count, guarded=guarded)

    def nearest(  # type: ignore[no-untyped-def]
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
        places,
        value,
        index,
        kept,
    ):
        prefer_wide_vectors()
        for i in range(value.size):
            pred, groups = load_box(preds, first_pred + i, pred_apart), (stop - begin) // lanes
            found, at = best_of_row(pred, numbers, targets, first_target + begin, target_apart, groups, value[i])
            if at >= 0:
                value[i], index[i] = found, begin + at
            elif index[i] < 0:  # nothing beats infinity: it may be the value of a target
                for j in range(begin, stop):
                    if value_of((pred, load_box(targets, first_target + j, target_apart), numbers)) == found:
                        index[i] = j
                        break

    return nearest, rows.signature_of(machine, structure)


def run(program: Program, request: Request, largest: bool) -> tuple[Any, Any]:
    """For each pred the best value and the first target that has it."""
    value, index = rows.run(kernel, program, request, largest, 1)
    return value[..., 0], index[..., 0]
