"""Suppression on the CPU: each box looks through its window."""

import numpy as np
from numpy.typing import NDArray

from boxloss.engines.numba.compile import compiled
from boxloss.formulas.program import Program
from boxloss.request import Request
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.verbs.nms.kernel import kernel
from boxloss.verbs.nms.turns import turns_of
from boxloss.verbs.pairwise.prepared import prepared
from boxloss.verbs.within.numba import Windows

BOXES_FOR_STRIPS = 400  # fewer are compared sooner than sorted
# Of boxes of another kind so much fewer are many: to compare two takes several times as long, to sort them does not.
FEWER = 4


def run(
    program: Program,
    request: Request,
    threshold: float,
    above: bool,
    overlap: float | None,
    scores: NDArray[np.float64],
    group: NDArray[np.int64] | None,
    batch: NDArray[np.int64] | None,
    max_kept: int | None,
    symmetric: bool,
) -> NDArray[np.int64]:
    """Find the boxes that survive, by falling score; of each batch at most `max_kept`.

    If the formula is `symmetric` to the last bit boxes may be visited in any order.
    """
    count, shape = len(scores), request.box_shape
    if not count:  # nothing is compiled
        return np.empty(0, np.int64)
    boxes = prepared(program, request)
    groups, batches = (1 if ids is None else int(ids.max(initial=0)) + 1 for ids in (group, batch))
    none = np.zeros(count if group is None or batch is None else 0, np.int64)
    group, batch, turns = none if group is None else group, none if batch is None else batch, turns_of(scores)
    few = BOXES_FOR_STRIPS if shape is AXIS_ALIGNED else BOXES_FOR_STRIPS // FEWER
    windows = Windows(boxes, shape, None if count < few else overlap, turns, group, groups)
    as_they_lie = symmetric and max_kept is None and not windows.is_dense
    strips, most = windows.strips, count if max_kept is None else max_kept
    of_boxes = (strips.first_levels, strips.order, turns, group, batch, as_they_lie, most)
    kept, *room = np.empty((5, count + 1), np.int64)
    outputs = (*np.zeros((2, batches), np.int64), np.zeros(windows.columns, np.uint8), *room, kept)
    call = compiled(kernel, boxes.preds.dtype, program.structure, shape, boxes.guarded, above, windows.is_dense)
    found = windows.run(call, (), boxes.numbers, threshold, of_boxes, outputs)
    return kept[:found]
