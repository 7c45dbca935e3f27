"""Rows of a matrix that are never written: some values at a time, of which a verb keeps what matters."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba.core import types

from boxloss.engines.machine import Machine
from boxloss.engines.numba.arrays import aligned, as_numpy, in_library
from boxloss.engines.numba.compile import Template, called_by_kernels, compiled
from boxloss.engines.numba.vectors import STRETCH, lanes_of, nan_where
from boxloss.engines.threads import split_work
from boxloss.formulas.program import Program
from boxloss.request import Request
from boxloss.verbs.pairwise.prepared import BLOCK_OF_TARGETS, CHUNK_OF_PAIRS, Prepared, in_groups, prepared
from boxloss.verbs.pairwise.values import compiled_values

# So many values, 8 KiB in float32, stay in a first-level cache until it is known which of them to keep.
VALUES_AT_A_TIME = 1 << 11
# A piece of a row is divided into at most so many parts, and has at most so many shares, a lane of a part each, whose
# best values are known: the more there are, the fewer values are left to look at. With 64 shares, for which AVX-512 has
# room, `topk(10)` takes 1.15 times as long as with 32.
PARTS, SHARES = 4, 32


def comparison(largest: bool) -> str:
    """Say how a better value compares with another."""
    return ">" if largest else "<"


def nothing(largest: bool) -> float:
    """Return the value where there is none to keep."""
    return float("-inf" if largest else "inf")


def shares_of(lanes: int) -> int:
    """Find how many shares a piece of a row has, of each of which the best value is known."""
    return min(PARTS * lanes, SHARES)


def few_values(lanes: int) -> int:
    """Find how many values are so few that all of them are compared with each other."""
    return 2 * shares_of(lanes)


def spare_values(lanes: int) -> int:
    """Find how much room there is behind the values of a piece of a row.

    That is a stretch for `nearest`; for `topk` the best of each share, few values, and what is written behind these.
    """
    word = shares_of(lanes)
    return max(STRETCH, word + few_values(lanes) + word)


def lanes_to_leave_out(request: Request, places: int, lanes: int) -> list[Any]:
    """List for each batch the vectors that hold masked targets, or places behind the last one.

    One after the other the place where one begins, and a bit for each lane to leave out.
    """
    *batch, _, columns = request.shape
    mask = np.ones(1, bool) if request.target_mask is None else as_numpy(request.target_mask)
    lead = batch if mask.ndim > 1 else ()  # else what is left out of one batch is left out of all
    masks = np.broadcast_to(mask, (*lead, columns)).reshape(-1, columns)
    left_out = np.ones((len(masks), places), bool)
    left_out[:, :columns] = ~masks
    each = np.packbits(left_out.reshape(len(masks), -1, lanes), axis=-1, bitorder="little").astype(np.int64)
    bits = (each << 8 * np.arange(each.shape[-1])).sum(-1)
    found = [np.stack([lanes * np.flatnonzero(own), own[own != 0]], axis=1).reshape(-1) for own in bits]
    return found if lead else found * math.prod(batch)


@cache
def leave_out(lanes: int) -> Any:
    """Make ``leave_out(values, lanes_out, first, width)``, for a piece of a row.

    It makes NaN of values, which nothing keeps: a formula of somebody's own may make a number of NaN.
    """
    put_nan = nan_where(lanes)

    @called_by_kernels
    def of_piece(values, lanes_out, first, width):  # type: ignore[no-untyped-def]
        for k in range(0, lanes_out.size, 2):
            if first <= lanes_out[k] < first + width:
                put_nan(values, lanes_out[k] - first, lanes_out[k + 1])

    return of_piece


def signature_of(machine: Machine) -> Any:
    """Make the signature of a kernel that `run` calls."""
    place, boxes, indices = types.intp, machine.readonly, types.Array(types.int64, 1, "C")
    of_pred, of_target = (boxes, place, place), (boxes, place, place, place, place, indices)
    return types.void(place, *of_pred, *of_target, boxes, machine.array, indices, machine.array, indices, place)


def run(
    template: Callable[..., Template], program: Program, request: Request, largest: bool, kept: int
) -> tuple[Any, Any]:
    """Find values and indices of shape (..., N, kept), by a kernel that fills them for some rows."""
    value, index = nothing_found(request, kept, largest)
    if value.size and request.shape[-1]:  # for no pairs nothing is compiled
        fill(value, index, template, program, request, prepared(program, request), largest)
    return in_library(request, value), in_library(request, index)


def nothing_found(request: Request, kept: int, largest: bool) -> tuple[Any, Any]:
    """Make values and indices of shape (..., N, kept) where nothing has been found yet."""
    value = np.full((*request.shape[:-1], kept), nothing(largest), as_numpy(request.pred).dtype)
    return value, np.full(value.shape, -1, np.int64)


def fill(
    value: Any,
    index: Any,
    template: Callable[..., Template],
    program: Program,
    request: Request,
    boxes: Prepared,
    largest: bool,
) -> None:
    """Keep the best of rows that have some, of shape (..., N, kept): N may be fewer than the request has."""
    (*_, height, kept), columns, dtype = value.shape, request.shape[-1], value.dtype
    lanes = lanes_of(dtype)
    boxes = in_groups(boxes, request.target.shape[:-1], lanes)
    columns = -(-columns // lanes) * lanes
    left_out = lanes_to_leave_out(request, columns, lanes)
    call = compiled(template, dtype, largest)
    at, numbers = compiled_values(program, request.box_shape, boxes)
    values, indices = value.reshape(-1), index.reshape(-1)

    def task(start: int, stop: int) -> None:
        some = aligned((VALUES_AT_A_TIME + spare_values(lanes),), dtype)
        places = np.empty(few_values(lanes) + shares_of(lanes), np.int64)
        while start < stop:
            batch, row = divmod(start, height)
            count = min(height - row, stop - start)
            of_pred = (at, boxes.preds, boxes.pred_batch[batch] * height + row, boxes.all_preds)
            of_target = (boxes.targets, boxes.target_batch[batch] * columns, boxes.all_targets)
            own = slice(start * kept, (start + count) * kept)
            for first in range(0, columns, BLOCK_OF_TARGETS):
                block = (first, min(columns, first + BLOCK_OF_TARGETS), left_out[batch])
                call(*of_pred, *of_target, *block, numbers, some, places, values[own], indices[own], kept)
            start += count

    split_work(task, value.size // kept, max(1, CHUNK_OF_PAIRS // columns))
