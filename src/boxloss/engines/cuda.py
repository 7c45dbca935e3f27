"""The CUDA engine: kernels over CuPy arrays and CUDA tensors, without copies, on the library's current stream."""

import math
from importlib import import_module
from typing import Any

from boxloss.check_arrays import Inputs
from boxloss.device import on_device
from boxloss.engines import cuda_support
from boxloss.engines.cuda_kinds import COLUMNS_A_THREAD, Elementwise, Pairwise
from boxloss.loss import Loss

THREADS, TILE_ROWS, TILE_THREADS = (32, 8, 8) if cuda_support.is_simulated() else (256, 32, 64)
TILE_COLUMNS = COLUMNS_A_THREAD * TILE_THREADS
LARGEST_AXIS = 1 if cuda_support.is_simulated() else 65535  # of the grid, beside the first; kernels loop beyond it
runtime = import_module(f"boxloss.engines.cuda_{'simulator' if cuda_support.is_simulated() else 'launch'}")


def elementwise(
    loss: Loss, inputs: Inputs, shape: tuple[int, ...], weight: Any, factor: float, wrt: tuple[str, ...]
) -> tuple[Any, tuple[Any, ...]]:
    """Weighted values, and the gradients asked for, times weight and factor."""
    arrays, corners, size = runtime.arrays_like(inputs.pred), (*shape, 4), math.prod(shape)
    pred, target = arrays.dense(inputs.pred, corners), arrays.dense(inputs.target, corners)
    value, grads = arrays.empty(shape), [arrays.empty(corners) for _ in wrt]
    if size:
        boxes = [arrays.argument(a) for a in (pred, target)]
        outputs = [arrays.argument(g) for g in grads]
        # A kernel takes an array for everything; one that it does not touch is stood in for by pred.
        weights = pred if weight is None else arrays.dense(weight, shape)
        d_pred = outputs[0] if "pred" in wrt else boxes[0]
        d_target = outputs[-1] if "target" in wrt else boxes[0]
        aligned = arrays.are_aligned(boxes + outputs)
        kind = Elementwise(inputs.formats, "pred" in wrt, "target" in wrt, factor != 1.0, weight is not None, aligned)
        run = runtime.kernel("elementwise", loss, arrays.dtype_name, kind, arrays.ordinal)
        blocks = (runtime.elementwise_blocks(arrays.ordinal, size, THREADS), 1, 1)
        numbers = (factor, *inputs.image, *loss.weights)
        written = (arrays.argument(value), d_pred, d_target)
        run(arrays.stream(), blocks, THREADS, *boxes, arrays.argument(weights), *numbers, *written, size)
    dtypes = {"pred": inputs.pred_dtype, "target": inputs.target_dtype}
    with on_device(value):
        return value, tuple(inputs.xp.astype(g, dtypes[n], copy=False) for g, n in zip(grads, wrt, strict=True))


def pairwise(loss: Loss, inputs: Inputs, shape: tuple[int, ...], out: Any) -> Any:
    """The matrix, each entry written once, and beside it no other memory."""
    arrays = runtime.arrays_like(inputs.pred)
    if out is not None and not arrays.is_dense(out):
        raise ValueError("out must be C-contiguous for engine='cuda'; got one that is not")
    matrix = arrays.empty(shape) if out is None else out
    *batch, rows, columns = shape
    if math.prod(shape):
        pred, pred_step = _batches(arrays, inputs.pred, batch)
        target, target_step = _batches(arrays, inputs.target, batch)
        boxes = [arrays.argument(a) for a in (pred, target)]
        kind = Pairwise(inputs.formats, arrays.are_aligned(boxes), TILE_ROWS, TILE_THREADS)
        run = runtime.kernel("pairwise", loss, arrays.dtype_name, kind, arrays.ordinal)
        batches = math.prod(batch)
        sizes = (rows, columns, pred_step, target_step, batches)
        numbers = (*inputs.image, *loss.weights)
        blocks = (-(-columns // TILE_COLUMNS), min(-(-rows // TILE_ROWS), LARGEST_AXIS), min(batches, LARGEST_AXIS))
        run(arrays.stream(), blocks, TILE_THREADS, *boxes, *numbers, arrays.argument(matrix), *sizes)
    return matrix


def _batches(arrays: Any, boxes: Any, batch: list[int]) -> tuple[Any, int]:
    """Boxes of shape (..., N, 4) and how many of them it is from one batch of the matrix to the next."""
    lead, count = tuple(boxes.shape[:-2]), boxes.shape[-2]
    if math.prod(lead) == 1:  # one batch, which all batches of the matrix take
        return arrays.dense(boxes, tuple(boxes.shape)), 0
    return arrays.dense(boxes, (*batch, count, 4)), count
