"""The values of some preds and some targets on the CPU: what every verb over pairs of boxes does something with.

Kernels of verbs call it by its address, and know nothing of a formula. So they are compiled once, and of another loss
only this is, and what is prepared of its boxes.
"""

from typing import Any

import numpy as np
from numba.core import types

from boxloss.engines.machine import Machine
from boxloss.engines.numba.compile import Template, address
from boxloss.engines.numba.entries import call_at
from boxloss.engines.numba.memory import prefer_wide_vectors
from boxloss.engines.numba.rows import values_of_rows
from boxloss.engines.numba.vectors import lanes_of
from boxloss.engines.trace import Trace
from boxloss.formulas.program import Program
from boxloss.formulas.structure import Structure
from boxloss.shapes.shape import Shape
from boxloss.verbs.pairwise.formula import of_prepared
from boxloss.verbs.pairwise.prepared import Prepared


def values_of(machine: Machine, structure: Structure, shape: Shape, guarded: bool) -> Template:
    """Compute rows of a matrix, of prepared preds against prepared targets: each entry is written once.

    Without guards it is right for ordinary boxes and an eps of 0 only. With AVX2 the additions of eps, and a register
    for it, would take a quarter of the time of a matrix of CIoU.
    """
    written, size, count = written_of(machine, structure, shape, guarded)
    of_rows = values_of_rows(written, size, count, lanes_of(machine.dtype))

    def of_pairs(preds, pred, pred_apart, height, numbers, targets, first, apart, width, values, stride):  # type: ignore[no-untyped-def]
        prefer_wide_vectors()
        of_rows(preds, pred, pred_apart, height, numbers, targets, first, apart, width, values, stride)

    return of_pairs, _signature(machine)


def _signature(machine: Machine) -> Any:
    """Make a signature of pointers to numbers, and places among them."""
    numbers, place = types.CPointer(machine.number), types.intp  # type: ignore[attr-defined]
    of_pred, of_target = (numbers, place, place, place), (numbers, place, place, place)
    return types.void(*of_pred, numbers, *of_target, numbers, place)


def compiled_values(program: Program, shape: Shape, boxes: Prepared) -> tuple[int, Any]:
    """Find what `values_of` makes for the boxes of a call: its address, and the numbers that it takes beside them."""
    dtype = boxes.preds.dtype
    at = address(values_of, dtype, program.structure, shape, boxes.guarded)
    return at, np.array(boxes.numbers, dtype)


def write_values(machine: Machine) -> Any:
    """Make ``write_values(address, arguments)``, which runs what `values_of` makes."""
    return call_at(_signature(machine))


def written_of(machine: Machine, structure: Structure, shape: Shape, guarded: bool) -> tuple[Trace, int, int]:
    """Write down the formula of the matrix; count the numbers that it takes of a box, and those that pairs share."""
    size, count = shape.size + len(structure.parts(shape)), 2 + len(structure.number_names)
    formula = of_prepared(structure, shape, padded=guarded)
    return machine.trace(formula, size, size, count, guarded=guarded), size, count
