"""The CPU engine: compiled loops over NumPy arrays and CPU tensors, without copies."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from boxloss.check_arrays import Inputs
from boxloss.engines import kernels
from boxloss.engines.compile import compiled
from boxloss.engines.threads import split_work
from boxloss.loss import Loss

# What a thread takes at a time; a call of fewer stays on the calling thread (bench/test_thresholds.py).
CHUNK_OF_BOXES = 1 << 16
CHUNK_OF_PAIRS = 1 << 18
# So many prepared targets, 160 KiB in float32, stay in a second-level cache while the rows go over them.
BLOCK_OF_TARGETS = 1 << 13


def elementwise(
    loss: Loss, inputs: Inputs, shape: tuple[int, ...], weight: Any, factor: float, wrt: tuple[str, ...]
) -> tuple[Any, tuple[Any, ...]]:
    """Weighted values, and the gradients asked for, times weight and factor."""
    corners = (*shape, 4)
    pred, target = _flat(inputs.pred, corners), _flat(inputs.target, corners)
    dtype = pred.dtype
    value, grads = np.empty(shape, dtype), [np.empty(corners, dtype) for _ in wrt]

    # The kernel takes an array for everything; one that it does not touch is stood in for by another.
    flat_value = value.reshape(-1)
    flat_weight = flat_value if weight is None else _flat(weight, shape)
    d_pred = grads[0].reshape(-1) if "pred" in wrt else flat_value
    d_target = grads[-1].reshape(-1) if "target" in wrt else flat_value
    kind = kernels.Elementwise(inputs.formats, "pred" in wrt, "target" in wrt, factor != 1.0, weight is not None)
    run = compiled(kernels.elementwise, loss, dtype, kind)
    numbers = (factor, *inputs.image, loss.weights)
    if flat_value.size <= CHUNK_OF_BOXES:  # without slices, a quarter of the time of a call with 100 boxes
        run(pred, target, flat_weight, *numbers, flat_value, d_pred, d_target)
    else:
        _split(run, (pred, target, flat_weight, *numbers, flat_value, d_pred, d_target))
    dtypes = {"pred": inputs.pred_dtype, "target": inputs.target_dtype}
    return _in_library(inputs, value), tuple(
        [_in_library(inputs, g, dtypes[n]) for g, n in zip(grads, wrt, strict=True)]
    )


def _split(run: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Run an elementwise kernel on several threads."""
    pred, target, weight, factor, width, height, weights, value, d_pred, d_target = arguments

    def task(start: int, stop: int) -> None:
        one, four = slice(start, stop), slice(4 * start, 4 * stop)
        boxes = pred[four], target[four], weight[one]
        run(*boxes, factor, width, height, weights, value[one], d_pred[four], d_target[four])

    split_work(task, value.size, CHUNK_OF_BOXES)


def pairwise(loss: Loss, inputs: Inputs, shape: tuple[int, ...], out: Any) -> Any:
    """The matrix, each entry written once; beside it only five numbers a box are held."""
    pred, ordinary_preds = _prepared(loss, inputs.pred, inputs.formats[0], inputs.image)
    target, ordinary_targets = _prepared(loss, inputs.target, inputs.formats[1], inputs.image)
    dtype = pred.dtype
    *batch, rows, columns = shape
    matrix = np.empty(shape, dtype) if out is None else _buffer(out)
    flat = matrix.reshape(-1)
    run = compiled(kernels.pairwise, loss, dtype, not (ordinary_preds and ordinary_targets))
    weights = loss.weights
    # Which batch of pred and of target each batch of the matrix takes.
    pred_batch, target_batch = (
        np.broadcast_to(np.arange(math.prod(lead)).reshape(lead), batch).reshape(-1).tolist()
        for lead in (inputs.pred.shape[:-2], inputs.target.shape[:-2])
    )

    def task(start: int, stop: int) -> None:
        while start < stop:
            b, row = divmod(start, rows)
            count = min(rows - row, stop - start)
            p = pred[:, pred_batch[b], row : row + count]
            for column in range(0, columns, BLOCK_OF_TARGETS):
                t = target[:, target_batch[b], column : column + BLOCK_OF_TARGETS]
                run(*p, *t, weights, columns, flat[start * columns + column :])
            start += count

    if matrix.size:
        split_work(task, len(pred_batch) * rows, max(1, CHUNK_OF_PAIRS // columns))
    return _in_library(inputs, matrix) if out is None else out


def _prepared(loss: Loss, boxes: Any, box_format: str, image: tuple[float, float]) -> tuple[Any, bool]:
    """Corners and the formula's own number of each box, shape (5, batches, boxes), and whether all are ordinary."""
    count = boxes.shape[-2]
    flat = _flat(boxes, boxes.shape)
    rows = np.empty((5, flat.size // 4), flat.dtype)
    if not count:
        return rows.reshape(5, 0, 0), True
    ordinary = compiled(kernels.prepare, loss, flat.dtype, box_format)(flat, *image, *rows)
    return rows.reshape(5, -1, count), ordinary


# --- Arrays in and out ----------------------------------------------------------------------------------------------


def _as_numpy(array: Any) -> Any:
    """A NumPy array as it is, and a CPU tensor as a NumPy array over the same memory."""
    return array if isinstance(array, np.ndarray) else array.detach().numpy()


def _flat(array: Any, shape: tuple[int, ...]) -> Any:
    """The flat view of an array broadcast to a shape; a copy if it is strided or broadcast."""
    array = _as_numpy(array)
    if array.shape != shape:
        array = np.broadcast_to(array, shape)
    flags = array.flags
    if not (flags.c_contiguous and flags.aligned):
        array = np.require(array, requirements=["C", "A"])
    return array.reshape(-1)


def _buffer(out: Any) -> Any:
    """The caller's buffer as a NumPy array that a kernel can fill."""
    buffer = _as_numpy(out)
    if not (buffer.flags.carray and buffer.dtype.isnative):
        raise ValueError("out must be writeable, C-contiguous and aligned for engine='numba'; got one that is not")
    return buffer


def _in_library(inputs: Inputs, array: Any, dtype: Any = None) -> Any:
    """A result in the caller's library and, for a gradient, float type."""
    if inputs.xp is not np and not isinstance(inputs.pred, np.ndarray):  # np is the fast path of `check_pair`
        tensor = inputs.xp.from_numpy(array)
        return tensor if dtype is None else tensor.to(dtype)
    if dtype is not None and dtype is not array.dtype:
        return array.astype(dtype, copy=False)
    return array if array.ndim else array[()]
