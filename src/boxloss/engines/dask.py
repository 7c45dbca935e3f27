"""The engine of Dask arrays: a lazy array whose chunks each run the engine for what they hold.

A chunk of NumPy boxes runs the compiled kernels, one of CuPy boxes whatever `select` takes for those. It does so on the
thread that Dask gave it: the chunks are the parallel work.
"""

from operator import itemgetter
from typing import Any

import dask.array as da
import numpy as np
from dask.array.utils import meta_from_array

from boxloss.check_arrays import Inputs, array_namespace, broadcast_shape, check_aligned, check_chunk
from boxloss.engines import select
from boxloss.engines.threads import on_this_thread
from boxloss.loss import Loss


class DaskEngine:
    """The verbs of an engine, for Dask arrays.

    Parameters
    ----------
    name
        The engine of the chunks, or ``"auto"``.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def elementwise(
        self, loss: Loss, inputs: Inputs, shape: tuple[int, ...], weight: Any, factor: float, wrt: tuple[str, ...]
    ) -> tuple[Any, tuple[Any, ...]]:
        """Weighted values, and the gradients asked for; one task a chunk computes them all."""
        inputs = _whole_boxes(inputs)
        arrays = [inputs.pred, inputs.target, *([] if weight is None else [weight])]
        unknown = check_aligned(arrays)
        *axes, box = every = list(range(len(shape) + 1))
        pairs = [[*_last(axes, boxes.ndim - 1), box] for boxes in arrays[:2]]
        indices = [*pairs, *(_last(axes, w.ndim) for w in arrays[2:])]
        # Each chunk is a tuple of value and gradients. That it has the axis of a box lets Dask put the tasks that make
        # boxes into this one.
        chunks = da.blockwise(
            _elementwise,
            every,
            *(part for pair in zip(arrays, indices, strict=True) for part in pair),
            loss=loss,
            options=inputs._replace(xp=None, pred=None, target=None),
            factor=factor,
            wrt=wrt,
            engine=self.name,
            unknown=unknown,
            align_arrays=not unknown,
            meta=meta_from_array(inputs.pred._meta, len(every), inputs.pred.dtype),
        )
        meta = meta_from_array(inputs.pred._meta, len(axes), inputs.pred.dtype)
        value = da.blockwise(_value, axes, chunks, every, meta=meta)
        grads = []
        for place, name in enumerate(wrt, start=1):
            boxes, dtype = (inputs.pred, inputs.pred_dtype) if name == "pred" else (inputs.target, inputs.target_dtype)
            d_meta = meta_from_array(boxes._meta, len(every), dtype)
            d = da.blockwise(itemgetter(place), every, chunks, every, meta=d_meta)
            grads.append(_chunked_like(d, boxes))
        return value, tuple(grads)

    def pairwise(self, loss: Loss, inputs: Inputs, shape: tuple[int, ...], out: Any) -> Any:
        """The matrix, chunked as preds by targets."""
        inputs = _whole_boxes(inputs)
        *batch, row, column, box = range(len(shape) + 1)
        matrix = da.blockwise(
            _pairwise,
            (*batch, row, column),
            inputs.pred,
            (*_last(batch, inputs.pred.ndim - 2), row, box),
            inputs.target,
            (*_last(batch, inputs.target.ndim - 2), column, box),
            loss=loss,
            options=inputs._replace(xp=None, pred=None, target=None),
            engine=self.name,
            meta=meta_from_array(inputs.pred._meta, len(shape), inputs.pred.dtype),
        )
        if out is None:
            return matrix
        out[...] = matrix
        return out


# --- What a task does with its chunks -------------------------------------------------------------------------------


def _elementwise(
    pred: Any,
    target: Any,
    weight: Any = None,
    *,
    loss: Loss,
    options: Inputs,
    factor: float,
    wrt: tuple[str, ...],
    engine: str,
    unknown: bool,
) -> Any:
    inputs = _chunk(pred, target, options)
    weight = np.asarray(weight) if isinstance(weight, np.generic) else weight
    if unknown:
        check_chunk(inputs.pred, inputs.target, weight)
    shape = broadcast_shape(inputs.pred.shape[:-1], inputs.target.shape[:-1])
    with on_this_thread():
        run = select.engine(engine, inputs)
        value, grads = run.elementwise(loss, inputs, shape, weight, factor, wrt)
    return value, *grads


def _value(chunks: list[tuple[Any, ...]]) -> Any:
    """The value among the results of a task; the axis of a box, which it lacks, has one chunk."""
    return chunks[0][0]


def _pairwise(preds: list[Any], targets: list[Any], *, loss: Loss, options: Inputs, engine: str) -> Any:
    (pred,), (target,) = preds, targets
    inputs = _chunk(pred, target, options)
    shape = (*broadcast_shape(pred.shape[:-2], target.shape[:-2]), pred.shape[-2], target.shape[-2])
    with on_this_thread():
        return select.engine(engine, inputs).pairwise(loss, inputs, shape, None)


def _chunk(pred: Any, target: Any, options: Inputs) -> Inputs:
    """The inputs of a chunk."""
    return options._replace(xp=array_namespace(pred=pred, target=target), pred=pred, target=target)


# --- Chunks ---------------------------------------------------------------------------------------------------------


def _whole_boxes(inputs: Inputs) -> Inputs:
    """The inputs with the four numbers of a box in one chunk."""
    pred, target = (a if a.numblocks[-1] == 1 else a.rechunk({-1: -1}) for a in (inputs.pred, inputs.target))
    return inputs._replace(pred=pred, target=target)


def _last(axes: list[int], count: int) -> list[int]:
    return axes[len(axes) - count :]


def _chunked_like(grad: Any, boxes: Any) -> Any:
    """The gradient with the chunks of its boxes, unless these were broadcast."""
    return grad.rechunk(boxes.chunks) if grad.shape == boxes.shape and grad.chunks != boxes.chunks else grad
