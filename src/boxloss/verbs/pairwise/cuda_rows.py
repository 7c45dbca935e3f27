"""Rows of a matrix on a GPU that are never written: a kernel goes over them and keeps what matters of each."""

import math
from collections.abc import Callable
from typing import Any

from boxloss.engines.cuda import launch
from boxloss.engines.cuda.arrays import arrays_like
from boxloss.formulas.program import Program
from boxloss.libraries.arrays import on_device
from boxloss.request import Request
from boxloss.typing import Array
from boxloss.verbs.pairwise.cuda import LARGEST_AXIS, batches
from boxloss.verbs.pairwise.tiles import nothing

# As many threads stage as many targets, each of which is prepared once for all rows of a block: the more, the less of
# the time goes into that. With still more, fewer blocks would take turns at barriers. Reasoned, and not measured.
THREADS = 256
WARP = 32


def run(
    template: Callable[[], Any],
    program: Program,
    request: Request,
    largest: bool,
    lanes_a_row: Callable[[int, int, int, int], int],
    *kept: int,
) -> tuple[Array, Array]:
    """Find values and indices of shape (..., N, *kept), by a kernel.

    ``lanes_a_row(device, batches, rows, columns)`` says how many of its threads share a row.
    """
    *batch, rows, columns = request.shape
    shape = (*batch, rows, *kept)
    if not math.prod(shape) or not columns:
        with on_device(request.pred):
            return nothing(request, shape, largest)
    arrays = arrays_like(request.pred)
    pred, pred_step = batches(arrays, request.pred, batch)
    target, target_step = batches(arrays, _targets(request), batch)
    values, indices = arrays.empty(shape), arrays.indices(shape)
    boxes = [arrays.argument(a) for a in (pred, target)]
    structure, count = program.structure, math.prod(batch)
    lanes = lanes_a_row(arrays.ordinal, count, rows, columns)
    masked = request.target_mask is not None
    options = (structure, request.formats, arrays.are_aligned(boxes), masked, largest, THREADS, lanes)
    call = launch.kernel(template, structure.kind.__name__, arrays.dtype_name, arrays.ordinal, *options)
    blocks = (-(-rows * lanes // THREADS), min(count, LARGEST_AXIS), 1)
    written = (arrays.argument(values), arrays.argument(indices))
    sizes = (rows, columns, pred_step, target_step, count, *kept)
    call(arrays.stream(), blocks, THREADS, *boxes, *request.image, *program.numbers, *written, *sizes)
    return values, indices


def _targets(request: Request) -> Array:
    """Return the targets, with NaN for those that do not count, which a kernel knows them by."""
    if request.target_mask is None:
        return request.target
    with on_device(request.target):
        targets: Array = request.xp.where(request.target_mask[..., None], request.target, float("nan"))
        return targets
