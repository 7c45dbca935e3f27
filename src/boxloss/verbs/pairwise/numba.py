"""A matrix on the CPU: what a loss needs of each box once, and then each entry once."""

from typing import Any

import numpy as np
from numba.core import types

from boxloss.engines.machine import Machine
from boxloss.engines.numba.arrays import as_numpy, buffer, in_library
from boxloss.engines.numba.compile import Template, compiled
from boxloss.engines.numba.memory import load, prefer_wide_vectors
from boxloss.engines.threads import split_work
from boxloss.formulas.program import Program
from boxloss.formulas.structure import Structure
from boxloss.request import Request
from boxloss.shapes.shape import Shape
from boxloss.verbs.pairwise.formula import of_prepared
from boxloss.verbs.pairwise.prepared import BLOCK_OF_TARGETS, CHUNK_OF_PAIRS, prepared


def kernel(machine: Machine, structure: Structure, shape: Shape, guarded: bool) -> Template:
    """Rows of a matrix, of prepared preds against prepared targets: each entry is written once.

    Without guards it is right for ordinary boxes and an eps of 0 only. With AVX2 the additions of eps, and a register
    for it, would take a quarter of the time of a matrix of CIoU.
    """
    size, count = shape.size + len(structure.parts(shape)), 2 + len(structure.number_names)
    value = machine.function(of_prepared(structure, shape, padded=guarded), size, size, count, guarded=guarded)
    load_box = load(size)

    def pairwise(preds, first_pred, pred_apart, rows, targets, first_target, target_apart, numbers, stride, out):  # type: ignore[no-untyped-def]
        prefer_wide_vectors()
        columns = out.size - (rows - 1) * stride
        for i in range(rows):
            p = load_box(preds, first_pred + i, pred_apart)
            row = out[i * stride : i * stride + columns]
            for j in range(columns):
                row[j] = value((p, load_box(targets, first_target + j, target_apart), numbers))

    index, boxes = types.intp, machine.readonly
    of_pred, of_target = (boxes, index, index, index), (boxes, index, index)
    return pairwise, types.void(*of_pred, *of_target, machine.numbers(count), index, machine.array)


def run(program: Program, request: Request) -> Any:
    """The matrix; beside it only what is prepared of each box is held."""
    out = request.out
    matrix = np.empty(request.shape, as_numpy(request.pred).dtype) if out is None else buffer(out)
    if matrix.size:  # for no pairs nothing is compiled
        _fill(matrix, program, request)
    return in_library(request, matrix) if out is None else out


def _fill(matrix: Any, program: Program, request: Request) -> None:
    """Write each entry of a matrix that has some."""
    boxes, entries, (*_, rows, columns) = prepared(program, request), matrix.reshape(-1), request.shape
    call = compiled(kernel, matrix.dtype, program.structure, request.box_shape, boxes.guarded)

    def task(start: int, stop: int) -> None:
        while start < stop:
            batch, row = divmod(start, rows)
            count = min(rows - row, stop - start)
            of_pred = (boxes.preds, boxes.pred_batch[batch] * rows + row, boxes.all_preds, count)
            for column in range(0, columns, BLOCK_OF_TARGETS):
                of_target = (boxes.targets, boxes.target_batch[batch] * columns + column, boxes.all_targets)
                first, width = start * columns + column, min(columns - column, BLOCK_OF_TARGETS)
                tile = entries[first : first + (count - 1) * columns + width]
                call(*of_pred, *of_target, boxes.numbers, columns, tile)
            start += count

    split_work(task, len(boxes.pred_batch) * rows, max(1, CHUNK_OF_PAIRS // columns))
