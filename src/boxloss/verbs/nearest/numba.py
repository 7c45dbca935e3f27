"""The best of a row on the CPU: a piece of the row is computed, then its best, and then the place of that."""

import math
from typing import Any

import numpy as np

from boxloss.engines.machine import Machine
from boxloss.engines.numba.arrays import aligned, as_numpy, in_library
from boxloss.engines.numba.compile import Template, compiled
from boxloss.engines.numba.memory import data_of, prefer_wide_vectors
from boxloss.engines.numba.vectors import STRETCH, best_of, lanes_of
from boxloss.engines.threads import split_work
from boxloss.formulas.program import Program
from boxloss.request import Request
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.verbs.nearest import near
from boxloss.verbs.pairwise import rows
from boxloss.verbs.pairwise.prepared import CHUNK_OF_PAIRS, Prepared, prepared
from boxloss.verbs.pairwise.values import compiled_values, write_values

# Of fewer all targets are compared sooner than put into groups.
MANY_PREDS, MANY_TARGETS = 1 << 12, 400


def kernel(machine: Machine, largest: bool) -> Template:
    """Find for each pred the best value and its first target; both stay as they come where every value is NaN."""
    lanes, write = lanes_of(machine.dtype), write_values(machine)
    best, spare = best_of(lanes, rows.comparison(largest)), rows.spare_values(lanes)
    leave_out = rows.leave_out(lanes)

    def nearest(  # type: ignore[no-untyped-def]
        values_at,
        preds,
        first_pred,
        pred_apart,
        targets,
        first_target,
        target_apart,
        begin,
        stop,
        left_out,
        numbers,
        some,
        places,
        value,
        index,
        kept,
    ):
        prefer_wide_vectors()
        at_a_time = some.size - spare
        for first in range(begin, stop, at_a_time):
            width, own = min(at_a_time, stop - first), first_target + first
            for j in range(width, width + STRETCH):  # the last stretch may be longer than what is left
                some[j] = math.nan
            for i in range(value.size):
                of_pred = (data_of(preds), first_pred + i, pred_apart, 1, data_of(numbers))
                of_target = (data_of(targets), own, target_apart)
                write(values_at, of_pred + of_target + (width, data_of(some), 0))
                leave_out(some, left_out, first, width)
                found, at = best(some, -(-width // STRETCH), value[i])
                if at >= 0:
                    value[i], index[i] = found, first + at
                elif index[i] < 0:  # nothing beats infinity: it may be the value of a target
                    for j in range(width):
                        if some[j] == found:
                            index[i] = first + j
                            break

    return nearest, rows.signature_of(machine)


def run(program: Program, request: Request, largest: bool, without_overlap: float | None = None) -> tuple[Any, Any]:
    """Find for each pred the best value and the first target that has it.

    Boxes without overlap have nothing better than `without_overlap`, if that is a number.
    """
    is_near = without_overlap is not None and len(request.shape) == 2 and request.box_shape is AXIS_ALIGNED
    if not is_near or request.shape[0] < MANY_PREDS or request.shape[1] < MANY_TARGETS:
        value, index = rows.run(kernel, program, request, largest, 1)
        return value[..., 0], index[..., 0]
    value, index = rows.nothing_found(request, 1, largest)
    boxes = prepared(program, request)
    _fill_near(value[:, 0], index[:, 0], program, request, boxes, largest, without_overlap)
    left = np.flatnonzero(index < 0)
    if left.size:
        some = np.take(boxes.preds[: boxes.size * boxes.all_preds].reshape(boxes.size, -1), left, axis=1)
        boxes, found = boxes._replace(preds=some.reshape(-1), all_preds=left.size), (value[left], index[left])
        rows.fill(*found, kernel, program, request, boxes, largest)
        value[left], index[left] = found
    return in_library(request, value[:, 0]), in_library(request, index[:, 0])


def _fill_near(
    value: Any, index: Any, program: Program, request: Request, boxes: Prepared, largest: bool, without_overlap: Any
) -> None:
    """Fill in what has a target around it that is better than boxes without overlap may be."""
    dtype, targets = value.dtype, boxes.rows_of_targets
    kept = ~np.isnan(targets[:4]).any(axis=0)
    if request.target_mask is not None:
        kept &= as_numpy(request.target_mask).reshape(-1)
    if not kept.any():
        return
    groups = near.groups_of(targets, np.flatnonzero(kept))
    call = compiled(near.kernel, dtype, largest)
    at, numbers = compiled_values(program, request.box_shape, boxes)
    of_pred = at, boxes.preds, boxes.all_preds, numbers
    (_, all_targets), (_, all_groups) = groups.targets.shape, groups.bounds.shape
    of_target = groups.targets.reshape(-1), all_targets, groups.bounds.reshape(-1), all_groups, groups.order
    slack = near.SLACK * abs(without_overlap)
    limit, room = without_overlap + (slack if largest else -slack), all_targets + STRETCH
    is_in_vain: list[bool] = []  # what is not filled in is looked for among all targets
    chunk = max(1, CHUNK_OF_PAIRS // request.shape[-1])

    def task(start: int, stop: int) -> None:
        some, places = aligned((room,), dtype), np.empty(room // near.GROUP, np.int64)
        for first in range(start, stop, chunk):
            own = slice(first, min(first + chunk, stop))
            if is_in_vain:
                return
            call(*of_pred, own.start, own.stop, *of_target, limit, some, places, value, index)
            if np.count_nonzero(index[own] >= 0) < (own.stop - own.start) // 4:
                is_in_vain.append(True)

    split_work(task, len(value), chunk)
