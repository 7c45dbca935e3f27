"""A matrix on the CPU: what a loss needs of each box once, and then each entry once."""

from typing import Any

import numpy as np
from numba.core import types

from boxloss.engines.machine import Machine
from boxloss.engines.numba.arrays import as_numpy, buffer, in_library
from boxloss.engines.numba.compile import Template, compiled
from boxloss.engines.numba.memory import data_of
from boxloss.engines.threads import split_work
from boxloss.formulas.program import Program
from boxloss.request import Request
from boxloss.verbs.pairwise.prepared import BLOCK_OF_TARGETS, CHUNK_OF_PAIRS, prepared
from boxloss.verbs.pairwise.values import compiled_values, write_values


def kernel(machine: Machine) -> Template:
    """Compute rows of a matrix, of prepared preds against prepared targets: each entry is written once."""
    write = write_values(machine)

    def pairwise(  # type: ignore[no-untyped-def]
        values_at, preds, first_pred, pred_apart, height, targets, first_target, target_apart, numbers, stride, out
    ):
        of_pred = (data_of(preds), first_pred, pred_apart, height, data_of(numbers))
        of_target = (data_of(targets), first_target, target_apart, out.size - (height - 1) * stride)
        write(values_at, of_pred + of_target + (data_of(out), stride))

    place, boxes = types.intp, machine.readonly
    of_pred, of_target = (boxes, place, place, place), (boxes, place, place)
    return pairwise, types.void(place, *of_pred, *of_target, boxes, place, machine.array)


def run(program: Program, request: Request) -> Any:
    """Compute the matrix; beside it only what is prepared of each box is held."""
    out = request.out
    matrix = np.empty(request.shape, as_numpy(request.pred).dtype) if out is None else buffer(out)
    if matrix.size:  # for no pairs nothing is compiled
        _fill(matrix, program, request)
    return in_library(request, matrix) if out is None else out


def _fill(matrix: Any, program: Program, request: Request) -> None:
    """Write each entry of a matrix that has some."""
    boxes, entries, (*_, height, columns) = prepared(program, request), matrix.reshape(-1), request.shape
    call, (at, numbers) = compiled(kernel, matrix.dtype), compiled_values(program, request.box_shape, boxes)

    def task(start: int, stop: int) -> None:
        while start < stop:
            batch, row = divmod(start, height)
            count = min(height - row, stop - start)
            of_pred = (at, boxes.preds, boxes.pred_batch[batch] * height + row, boxes.all_preds, count)
            for column in range(0, columns, BLOCK_OF_TARGETS):
                of_target = (boxes.targets, boxes.target_batch[batch] * columns + column, boxes.all_targets)
                first, width = start * columns + column, min(columns - column, BLOCK_OF_TARGETS)
                tile = entries[first : first + (count - 1) * columns + width]
                call(*of_pred, *of_target, numbers, columns, tile)
            start += count

    split_work(task, len(boxes.pred_batch) * height, max(1, CHUNK_OF_PAIRS // columns))
