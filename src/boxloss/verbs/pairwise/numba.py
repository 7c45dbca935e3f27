"""A matrix on the CPU: what a loss needs of each box once, and then each entry once."""

import math
from typing import Any

import numpy as np
from numba.core import types

from boxloss.engines.machine import Machine
from boxloss.engines.numba.arrays import buffer, flat, in_library
from boxloss.engines.numba.compile import Template, compiled
from boxloss.engines.numba.memory import load, prefer_wide_vectors, store
from boxloss.engines.threads import split_work
from boxloss.formulas.program import Program, Structure
from boxloss.request import Request
from boxloss.shapes.formats import FORMATS
from boxloss.shapes.shape import Shape
from boxloss.verbs.pairwise.formula import of_a_box, of_prepared

# What a thread takes at a time; a call of fewer stays on the calling thread (bench/test_thresholds.py).
CHUNK_OF_PAIRS = 1 << 18
# So many prepared targets, 160 KiB in float32, stay in a second-level cache while the rows go over them.
BLOCK_OF_TARGETS = 1 << 13


def prepare(machine: Machine, structure: Structure, box_format: str) -> Template:
    """What is prepared of each box, each number of it in a row; returns whether all boxes are ordinary."""
    shape = FORMATS[box_format].shape
    size, parts = shape.size, len(structure.parts(shape))
    of_box = machine.function(of_a_box(structure, box_format), size, 2)
    load_box, store_box, store_parts = load(size), store(size), store(parts)

    def prepare_boxes(boxes, image, count, rows):  # type: ignore[no-untyped-def]
        all_ordinary = True
        for i in range(count):
            (box, box_parts), is_ordinary = of_box((load_box(boxes, size * i, 1), image))
            store_box(rows, i, count, box)
            store_parts(rows, size * count + i, count, box_parts)
            all_ordinary &= is_ordinary
        return all_ordinary

    return prepare_boxes, types.boolean(machine.readonly, machine.numbers(2), types.intp, machine.array)


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
    structure, out, (*batch, rows, columns) = program.structure, request.out, request.shape
    preds, ordinary_preds = _prepared(structure, request.pred, request.formats[0], request.image)
    targets, ordinary_targets = _prepared(structure, request.target, request.formats[1], request.image)
    matrix = np.empty(request.shape, preds.dtype) if out is None else buffer(out)
    entries = matrix.reshape(-1)
    padded = any(program.numbers[place] for place in structure.eps_places)
    ordinary = ordinary_preds and ordinary_targets and not padded
    call = compiled(kernel, preds.dtype, structure, request.pred_format.shape, not ordinary)
    numbers = (*request.image, *program.numbers)
    all_preds, all_targets = (math.prod(boxes.shape[:-1]) for boxes in (request.pred, request.target))
    # Which batch of pred and of target each batch of the matrix takes.
    pred_batch, target_batch = (
        np.broadcast_to(np.arange(math.prod(lead)).reshape(lead), batch).reshape(-1).tolist()
        for lead in (request.pred.shape[:-2], request.target.shape[:-2])
    )

    def task(start: int, stop: int) -> None:
        while start < stop:
            b, row = divmod(start, rows)
            count = min(rows - row, stop - start)
            of_pred = (preds, pred_batch[b] * rows + row, all_preds, count)
            for column in range(0, columns, BLOCK_OF_TARGETS):
                of_target = (targets, target_batch[b] * columns + column, all_targets)
                first, width = start * columns + column, min(columns - column, BLOCK_OF_TARGETS)
                call(*of_pred, *of_target, numbers, columns, entries[first : first + (count - 1) * columns + width])
            start += count

    if matrix.size:
        split_work(task, len(pred_batch) * rows, max(1, CHUNK_OF_PAIRS // columns))
    return in_library(request, matrix) if out is None else out


def _prepared(structure: Structure, boxes: Any, box_format: str, image: tuple[float, float]) -> tuple[Any, bool]:
    """What is prepared of the boxes, each number of it in a row of one flat array, and whether all are ordinary."""
    shape = FORMATS[box_format].shape
    numbers = flat(boxes, boxes.shape)
    count = numbers.size // shape.size
    prepared = np.empty((shape.size + len(structure.parts(shape))) * count, numbers.dtype)
    if not count:
        return prepared, True
    return prepared, compiled(prepare, numbers.dtype, structure, box_format)(numbers, tuple(image), count, prepared)
