"""Boxes of a matrix on the CPU: what a loss needs of each, computed once, each number of it in a row of its own."""

import math
from typing import Any, NamedTuple

import numpy as np
from numba.core import types

from boxloss.engines.machine import Machine
from boxloss.engines.numba.arrays import aligned, flat
from boxloss.engines.numba.compile import Template, compiled
from boxloss.engines.numba.memory import CACHE_LINE, load, store
from boxloss.formulas.program import Program
from boxloss.formulas.structure import Structure
from boxloss.request import Request
from boxloss.shapes.box import Image
from boxloss.shapes.shape import Format
from boxloss.typing import Number
from boxloss.verbs.pairwise.formula import of_a_box

# What a thread takes at a time; a call of fewer stays on the calling thread (bench/test_thresholds.py).
CHUNK_OF_PAIRS = 1 << 18
# So many prepared targets, 160 KiB in float32, stay in a second-level cache while the rows go over them.
BLOCK_OF_TARGETS = 1 << 13
# So many numbers behind the last one may be read with it: a vector.
SPARE = CACHE_LINE // 4


def prepare(machine: Machine, structure: Structure, box_format: Format) -> Template:
    """Prepare each box, each number of what that gives in a row; returns whether all boxes are ordinary."""
    given, size, parts = box_format.size, box_format.shape.size, len(structure.parts(box_format.shape))
    of_box = machine.function(of_a_box(structure, box_format), given, 2)
    load_box, store_box, store_parts = load(given), store(size), store(parts)

    def prepare_boxes(boxes, image, count, rows):  # type: ignore[no-untyped-def]
        all_ordinary = True
        for i in range(count):
            (box, box_parts), is_ordinary = of_box((load_box(boxes, given * i, 1), image))
            store_box(rows, i, count, box)
            store_parts(rows, size * count + i, count, box_parts)
            all_ordinary &= is_ordinary
        return all_ordinary

    return prepare_boxes, types.boolean(machine.readonly, machine.numbers(2), types.intp, machine.array)


class Prepared(NamedTuple):
    """The boxes of a call.

    Attributes
    ----------
    size
        How many numbers are prepared of a box.
    preds, targets
        What is prepared, of all batches: one flat array each. Behind targets there is room for a vector to be read.
    all_preds, all_targets
        How many boxes these are, and so how far one number of a box is from the next.
    pred_batch, target_batch
        For each batch of the result which of pred and of target it takes.
    guarded
        Whether the formula needs its guards: a box is not ordinary, or an eps is not 0.
    numbers
        What the formula takes beside boxes.
    """

    size: int
    preds: Any
    targets: Any
    all_preds: int
    all_targets: int
    pred_batch: list[int]
    target_batch: list[int]
    guarded: bool
    numbers: tuple[Number, ...]

    @property
    def rows_of_targets(self) -> Any:
        """What is prepared of targets, shape (size, all_targets)."""
        return self.targets[: self.size * self.all_targets].reshape(self.size, self.all_targets)


def prepared(program: Program, request: Request) -> Prepared:
    """Prepare the boxes of a call."""
    structure, batch = program.structure, request.shape[:-2]
    preds, ordinary_preds = _prepared(structure, request.pred, request.pred_format, request.image)
    targets, ordinary_targets = preds, ordinary_preds
    if request.target is not request.pred or request.target_format is not request.pred_format:
        targets, ordinary_targets = _prepared(structure, request.target, request.target_format, request.image)
    padded = any(program.numbers[place] for place in structure.eps_places)
    shape = request.box_shape
    all_preds, all_targets = (math.prod(boxes.shape[:-1]) for boxes in (request.pred, request.target))
    pred_batch, target_batch = (_batches(boxes.shape[:-2], batch) for boxes in (request.pred, request.target))
    size, guarded = shape.size + len(structure.parts(shape)), padded or not (ordinary_preds and ordinary_targets)
    numbers = (*request.image, *program.numbers)
    return Prepared(size, preds, targets, all_preds, all_targets, pred_batch, target_batch, guarded, numbers)


def in_groups(call: Prepared, shape: tuple[int, ...], lanes: int) -> Prepared:
    """Fill up the targets of each batch, which are of this shape, to whole vectors by NaN."""
    *lead, columns = shape
    filled = aligned((call.size, *lead, -(-columns // lanes) * lanes), call.targets.dtype)
    filled[..., columns:] = np.nan
    filled[..., :columns] = call.rows_of_targets.reshape(call.size, *shape)
    return call._replace(targets=filled.reshape(-1), all_targets=math.prod(filled.shape[1:]))


def _batches(lead: tuple[int, ...], batch: tuple[int, ...]) -> list[int]:
    """Find which of the batches that boxes have each batch of the result takes."""
    if not batch:
        return [0]
    own = np.arange(math.prod(lead)).reshape(lead)
    found: list[int] = np.broadcast_to(own, batch).reshape(-1).tolist()
    return found


def _prepared(structure: Structure, boxes: Any, box_format: Format, image: Image) -> tuple[Any, bool]:
    """Prepare boxes, and say whether all are ordinary."""
    shape = box_format.shape
    numbers = flat(boxes, boxes.shape)
    count = numbers.size // box_format.size
    rows = np.empty((shape.size + len(structure.parts(shape))) * count + SPARE, numbers.dtype)
    rows[-SPARE:] = 0.0
    return rows, compiled(prepare, numbers.dtype, structure, box_format)(numbers, tuple(image), count, rows)
