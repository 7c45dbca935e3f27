"""Suppression on the CPU: each box that is left when its turn comes looks through its window."""

from typing import Any

import numpy as np

from boxloss.engines.numba.compile import compiled
from boxloss.formulas.program import Program
from boxloss.request import Request
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.verbs.pairwise.prepared import prepared
from boxloss.verbs.within.kernel import kernel
from boxloss.verbs.within.numba import Windows

BOXES_FOR_STRIPS = 3000  # fewer are compared sooner than sorted
# Of boxes of another kind so much fewer are many: to compare two takes several times as long, to sort them does not.
FEWER = 6


def run(
    program: Program,
    request: Request,
    threshold: float,
    above: bool,
    overlap: float | None,
    turns: Any,
    group: Any,
    batch: Any,
    left: Any,
) -> Any:
    """The boxes that survive, in the order of their turns; of each batch at most as many as are left."""
    boxes, count = prepared(program, request), len(turns)
    shape = request.box_shape
    few = BOXES_FOR_STRIPS if shape is AXIS_ALIGNED else BOXES_FOR_STRIPS // FEWER
    overlap = None if count < few else overlap
    windows = Windows(boxes, shape, overlap, turns, group, int(group.max(initial=0)) + 1)
    dtype, kept = boxes.preds.dtype, np.zeros(count, np.int64)
    call = compiled(kernel, dtype, program.structure, shape, boxes.guarded, above, windows.is_dense, True)
    # Boxes in the order of the strips; one that is in none, for a NaN, is the box of NaN behind them.
    place = np.full(count, windows.columns)
    place[windows.strips.order] = np.arange(windows.columns)
    outputs = (np.zeros(windows.columns + 1, np.uint8), batch[turns], left, kept, np.zeros(1, np.int64))
    preds = windows.targets, windows.apart
    windows.run(call, preds, place[turns], group[turns], threshold, (*outputs, np.zeros(1, dtype)))
    return turns[kept == 1]
