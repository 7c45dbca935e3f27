"""Pairs within a threshold on the CPU, in one pass over windows of strips or over all pairs."""

from typing import Any

import numpy as np

from boxloss.engines.numba.arrays import aligned, as_numpy, in_library
from boxloss.engines.numba.compile import compiled
from boxloss.engines.numba.vectors import lanes_of
from boxloss.engines.threads import split_work
from boxloss.formulas.program import Program
from boxloss.request import Request
from boxloss.shapes.shape import Shape
from boxloss.verbs.pairwise.prepared import CHUNK_OF_PAIRS, Prepared, prepared
from boxloss.verbs.pairwise.rows import VALUES_AT_A_TIME
from boxloss.verbs.pairwise.values import compiled_values
from boxloss.verbs.within.arrange import strips_of
from boxloss.verbs.within.kernel import kernel
from boxloss.verbs.within.strips import everything

ROOM = 1 << 18  # for so many pairs at a time
ROWS_OF_STRIPS = 1 << 12  # that a thread takes at a time
# Fewer pairs than that are computed sooner than boxes are sorted.
PAIRS_FOR_STRIPS = 1 << 16
# A little of the IoU that a pair needs, for what rounding makes of a value at the threshold.
SLACK = 1e-3


class Windows:
    """What the kernel is given beside rows: prepared boxes, targets in the order of the strips."""

    def __init__(
        self,
        boxes: Prepared,
        shape: Shape,
        overlap: float | None,
        turns: Any = None,
        group: Any = None,
        groups: int = 1,
    ) -> None:
        columns, dtype = boxes.all_targets, boxes.preds.dtype
        lanes, self.overlap = lanes_of(dtype), 0.0
        group = np.zeros(columns, np.int64) if group is None else group
        targets = boxes.rows_of_targets
        strips = None if overlap is None else strips_of(shape, targets.reshape(-1), group, groups)
        self.is_dense = strips is None
        if overlap is not None and not self.is_dense:
            self.overlap = max(0.0, overlap * (1.0 - SLACK) - SLACK) * shape.least_extent
        self.strips = strips or everything(group, groups, np.arange(columns) if turns is None else turns)
        order = np.zeros(len(self.strips.order) + lanes, np.int64)  # a vector may read past the last box
        order[:-lanes] = self.strips.order
        self.columns, self.apart = len(order) - lanes, len(order)
        self.targets = np.take(targets, order, axis=1, mode="clip").reshape(-1)

    def run(
        self,
        call: Any,
        rows: tuple[Any, ...],
        numbers: Any,
        threshold: float,
        of_boxes: tuple[Any, ...],
        outputs: tuple[Any, ...],
    ) -> Any:
        """Run a kernel for rows of boxes."""
        strips, limits = self.strips, (numbers, threshold, self.overlap)
        ranges = (strips.first_strips, strips.levels, strips.keys, strips.starts, strips.centres)
        return call(*rows, self.targets, self.apart, *limits, *ranges, *of_boxes, *outputs)


def run(
    program: Program, request: Request, threshold: float, above: bool, overlap: float | None
) -> tuple[Any, Any, Any]:
    """Find the pairs within the threshold: row, column and value of each, row by row."""
    rows, columns = request.shape
    if not (rows and columns):  # for no pairs nothing is compiled
        types = np.int64, np.int64, as_numpy(request.pred).dtype
        i, j, value = (in_library(request, np.empty(0, dtype)) for dtype in types)
        return i, j, value
    boxes = prepared(program, request)
    dtype, shape = boxes.preds.dtype, request.box_shape
    windows = Windows(boxes, shape, None if rows * columns < PAIRS_FOR_STRIPS else overlap)
    call = compiled(kernel, dtype, shape, above, windows.is_dense)
    at, numbers = compiled_values(program, shape, boxes)
    found: dict[int, list[tuple[Any, Any, Any]]] = {}
    room, order = max(ROOM, windows.columns), windows.strips.order

    def task(start: int, stop: int) -> None:
        own, counts = found.setdefault(start, []), np.empty(stop - start, np.int64)
        index, value = np.empty(room, np.int64), np.empty(room, dtype)
        some = aligned((VALUES_AT_A_TIME,), dtype)
        done = 0
        while done < stop - start:
            turns, left = np.arange(start + done, stop), counts[done:]
            of_pred = (at, boxes.preds, boxes.all_preds, turns)
            more = windows.run(call, of_pred, numbers, threshold, (order,), (some, left, index, value))
            hits = int(left[:more].sum())
            own.append((np.repeat(turns[:more], left[:more]), index[:hits].copy(), value[:hits].copy()))
            done += more

    split_work(task, rows, max(1, CHUNK_OF_PAIRS // columns) if windows.is_dense else ROWS_OF_STRIPS)
    parts = [part for start in sorted(found) for part in found[start]]
    i, j, value = map(np.concatenate, zip(*parts, strict=True))
    return in_library(request, i), in_library(request, j), in_library(request, value)
