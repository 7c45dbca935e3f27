"""A matrix on a GPU: each entry written once, and beside it no other memory."""

import math
from typing import Any

from boxloss.engines.cuda import launch
from boxloss.engines.cuda.arrays import CuPyArrays, TorchArrays, arrays_like
from boxloss.formulas.program import Program
from boxloss.request import Request
from boxloss.typing import Array

TILE_ROWS, TILE_THREADS, COLUMNS_A_THREAD = 32, 64, 4
TILE_COLUMNS = COLUMNS_A_THREAD * TILE_THREADS
LARGEST_AXIS = 65535  # of the grid, beside the first; kernels loop beyond it


def template() -> Any:
    """Import the kernel."""
    from boxloss.verbs.pairwise.cuda_kernel import pairwise

    return pairwise


def run(program: Program, request: Request) -> Array:
    """Compute the matrix."""
    arrays, out = arrays_like(request.pred), request.out
    if out is not None and not arrays.is_dense(out):
        raise ValueError("out must be C-contiguous for engine='cuda'; got one that is not")
    matrix = arrays.empty(request.shape) if out is None else out
    *batch, rows, columns = request.shape
    if math.prod(request.shape):
        pred, pred_step = batches(arrays, request.pred, batch)
        target, target_step = batches(arrays, request.target, batch)
        boxes = [arrays.argument(a) for a in (pred, target)]
        structure = program.structure
        options = (structure, request.formats, arrays.are_aligned(boxes), TILE_ROWS, TILE_THREADS)
        call = launch.kernel(template, structure.kind.__name__, arrays.dtype_name, arrays.ordinal, *options)
        count = math.prod(batch)
        sizes = (rows, columns, pred_step, target_step, count)
        numbers = (*request.image, *program.numbers)
        blocks = (-(-columns // TILE_COLUMNS), min(-(-rows // TILE_ROWS), LARGEST_AXIS), min(count, LARGEST_AXIS))
        call(arrays.stream(), blocks, TILE_THREADS, *boxes, *numbers, arrays.argument(matrix), *sizes)
    return matrix


def batches(arrays: CuPyArrays | TorchArrays, boxes: Array, batch: list[int]) -> tuple[Array, int]:
    """Make boxes of shape (..., N, size), and find how many of them it is from one batch of the matrix to the next."""
    *lead, count, size = boxes.shape
    if math.prod(lead) == 1:  # one batch, which all batches of the matrix take
        return arrays.dense(boxes, tuple(boxes.shape)), 0
    return arrays.dense(boxes, (*batch, count, size)), count
