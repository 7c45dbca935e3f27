"""Suppression on the CPU: each box looks through its window."""

from typing import Any

import numpy as np

from boxloss.engines.numba.compile import compiled
from boxloss.formulas.program import Program
from boxloss.request import Request
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.verbs.nms.kernel import KEPT, kernel
from boxloss.verbs.pairwise.prepared import prepared
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
    max_kept: int | None,
    symmetric: bool,
) -> Any:
    """The boxes that survive, in the order of their turns; of each batch at most `max_kept`.

    If the formula is `symmetric` to the last bit boxes may be visited in any order.
    """
    boxes, count = prepared(program, request), len(turns)
    shape = request.box_shape
    few = BOXES_FOR_STRIPS if shape is AXIS_ALIGNED else BOXES_FOR_STRIPS // FEWER
    overlap = None if count < few else overlap
    windows = Windows(boxes, shape, overlap, turns, group, int(group.max(initial=0)) + 1)
    dtype, order = boxes.preds.dtype, windows.strips.order
    call = compiled(kernel, dtype, program.structure, shape, boxes.guarded, above, windows.is_dense)
    turn = np.empty(count, np.int64)
    turn[turns] = np.arange(count)
    rank = turn[order]
    if symmetric and max_kept is None and not windows.is_dense:
        visits = np.arange(windows.columns)
    else:
        place = np.full(count, -1)
        place[order] = np.arange(windows.columns)
        visits = place[turns]
        visits = visits[visits >= 0]
    left = np.full(int(batch.max(initial=0)) + 1, count if max_kept is None else max_kept)
    state, waiting, after = (np.zeros(windows.columns + 1, kind) for kind in (np.uint8, np.int64, np.int64))
    of_boxes = (windows.strips.first_levels, visits, rank, group[order], batch[order], left)
    windows.run(call, (), of_boxes, threshold, (state, waiting, after))
    survives = np.ones(count, bool)  # as those do that are in no strip, for a NaN
    survives[order] = state[:-1] == KEPT
    kept = turns[survives[turns]]
    return kept if max_kept is None else first_of_each(kept, batch[kept], max_kept)


def first_of_each(kept: Any, batch: Any, most: int) -> Any:
    """Of each batch the first so many."""
    by_batch = np.argsort(batch, kind="stable")
    ends = np.cumsum(np.bincount(batch))
    place = np.empty(len(kept), np.int64)
    place[by_batch] = np.arange(len(kept)) - np.concatenate([[0], ends])[batch[by_batch]]
    return kept[place < most]
