"""Dask arrays: a lazy array whose chunks each run the engine for what they hold.

A chunk of NumPy boxes runs the compiled kernels, one of CuPy boxes whatever `select` takes for those. It does so on the
thread that Dask gave it: the chunks are the parallel work.
"""

import math
from operator import itemgetter
from typing import Any

import array_api_compat
import dask.array as da
import numpy as np
from dask import delayed
from dask.array.utils import meta_from_array

from boxloss.check_arrays import array_namespace, broadcast_shape, check_aligned, check_chunk
from boxloss.engines.threads import on_this_thread
from boxloss.formulas.program import Program
from boxloss.request import EACH_WITH_EACH, Elementwise, Pairwise, Request
from boxloss.typing import Array
from boxloss.verbs import select


def empty_chunk(array: da.Array) -> Array:
    """Make an empty array of the library that the chunks are of."""
    empty: Array = meta_from_array(array)
    return empty


def elementwise(
    program: Program, request: Request, wrt: tuple[str, ...], *, engine: str
) -> tuple[da.Array, tuple[da.Array, ...]]:
    """Compute weighted values, and the gradients asked for; one task a chunk computes them all."""
    request, pred, target = _whole_boxes(request)
    weight: da.Array | None = request.weight
    arrays = [pred, target, *([] if weight is None else [weight])]
    unknown = check_aligned(arrays)
    *axes, box = every = list(range(len(request.shape) + 1))
    pairs = [[*_last(axes, boxes.ndim - 1), box] for boxes in arrays[:2]]
    indices = [*pairs, *(_last(axes, w.ndim) for w in arrays[2:])]
    # Each chunk is a tuple of value and gradients. That it has the axis of a box lets Dask put the tasks that make
    # boxes into this one.
    chunks = da.blockwise(
        _elementwise,
        every,
        *(part for pair in zip(arrays, indices, strict=True) for part in pair),
        program=program,
        options=_options(request),
        wrt=wrt,
        engine=engine,
        unknown=unknown,
        align_arrays=not unknown,
        meta=meta_from_array(pred, len(every), pred.dtype),
    )
    value = da.blockwise(_value, axes, chunks, every, meta=meta_from_array(pred, len(axes), pred.dtype))
    grads = []
    for place, name in enumerate(wrt, start=1):
        boxes, dtype = (pred, request.pred_dtype) if name == "pred" else (target, request.target_dtype)
        d_meta = meta_from_array(boxes, len(every), dtype)
        d = da.blockwise(itemgetter(place), every, chunks, every, meta=d_meta)
        grads.append(_chunked_like(d, boxes))
    return value, tuple(grads)


def pairwise(program: Program, request: Request, *, engine: str) -> da.Array:
    """Compute the matrix, chunked as preds by targets."""
    request, pred, target = _whole_boxes(request)
    *batch, row, column, box = range(len(request.shape) + 1)
    matrix = da.blockwise(
        _pairwise,
        (*batch, row, column),
        pred,
        (*_last(batch, pred.ndim - 2), row, box),
        target,
        (*_last(batch, target.ndim - 2), column, box),
        program=program,
        options=_options(request),
        engine=engine,
        meta=meta_from_array(pred, len(request.shape), pred.dtype),
    )
    if request.out is None:
        return matrix
    request.out[...] = matrix
    return request.out


def nearest(
    program: Program, request: Request, largest: bool, without_overlap: float | None = None, *, engine: str
) -> tuple[da.Array, da.Array]:
    """Find the best of each row; a task has some preds, and one chunk of targets after the other."""
    return _best("nearest", program, request, (largest, without_overlap), engine)


def topk(program: Program, request: Request, largest: bool, k: int, *, engine: str) -> tuple[da.Array, da.Array]:
    """Find the best few of each row, likewise."""
    return _best("topk", program, request, (largest, k), engine)


def _best(
    verb: str, program: Program, request: Request, arguments: tuple[Any, ...], engine: str
) -> tuple[da.Array, da.Array]:
    request, pred, target = _whole_boxes(request)
    mask: da.Array | None = request.target_mask
    *batch, row, box, column = range(len(request.shape) + 1)
    kept = [column + 1] if verb == "topk" else []
    given = [pred, (*_last(batch, pred.ndim - 2), row, box), target, (*_last(batch, target.ndim - 2), column, box)]
    if mask is not None:
        mask = mask if mask.chunks[-1] == target.chunks[-2] else mask.rechunk({-1: target.chunks[-2]})
        given += [mask, (*_last(batch, mask.ndim - 1), column)]
    # Each chunk is the pair of values and indices.
    chunks = da.blockwise(
        _best_of_chunk,
        (*batch, row, *kept),
        *given,
        verb=verb,
        program=program,
        options=_options(request),
        arguments=arguments,
        engine=engine,
        new_axes=dict.fromkeys(kept, arguments[-1]),
        meta=meta_from_array(pred, len(batch) + 1 + len(kept), pred.dtype),
    )
    axes = (*batch, row, *kept)
    value, index = (
        da.blockwise(itemgetter(place), axes, chunks, axes, meta=meta_from_array(pred, len(axes), dtype))
        for place, dtype in enumerate((pred.dtype, np.int64))
    )
    return value, index


def within(
    program: Program, request: Request, threshold: float, above: bool, overlap: float | None, *, engine: str
) -> tuple[da.Array, da.Array, da.Array]:
    """Find the pairs within a threshold, in chunks of an unknown size: one for each chunk of preds."""
    request, pred, target = _whole_boxes(request)
    targets = target.to_delayed().reshape(-1).tolist()
    task, parts = delayed(_within_of_chunk, nout=3), []
    first: Any = 0  # a number, or a task behind a chunk of which nobody knows how many boxes it has
    for chunk, rows in zip(pred.to_delayed().reshape(-1), pred.chunks[0], strict=True):
        call = (program, _options(request), threshold, above, overlap, engine)
        parts.append(task(chunk, targets, first, *call))
        first = first + (delayed(len)(chunk) if math.isnan(rows) else rows)
    index_meta = meta_from_array(pred, 1, np.int64)
    metas = (index_meta, index_meta, meta_from_array(pred, 1, pred.dtype))
    i, j, value = (
        da.concatenate([da.from_delayed(part, (np.nan,), meta=own) for part in column])
        for column, own in zip(zip(*(tuple(part) for part in parts), strict=True), metas, strict=True)
    )
    return i, j, value


# --- What a task does with its chunks -------------------------------------------------------------------------------


def _options(request: Request) -> Request:
    """Strip the request of its arrays, for tasks, and tell the factor of gradients: a chunk does not know the mean."""
    divisor = None if request.reduction != "mean" else _inverse(request.gradient_factor)
    boxes: Any = dict.fromkeys(("xp", "pred", "target"))  # a task puts the chunks and their library there
    return request._replace(**boxes, weight=None, out=None, target_mask=None, divisor=divisor)


def _inverse(factor: float) -> float:
    return 1.0 / factor if factor else 0.0


def _elementwise(
    pred: Array,
    target: Array,
    weight: Array | None = None,
    *,
    program: Program,
    options: Request,
    wrt: tuple[str, ...],
    engine: str,
    unknown: bool,
) -> tuple[Array, ...]:
    weight = np.asarray(weight) if isinstance(weight, np.generic) else weight
    if unknown:
        check_chunk(pred, target, weight)
    shape = broadcast_shape(pred.shape[:-1], target.shape[:-1], EACH_WITH_EACH)
    request = _of_chunk(pred, target, options)._replace(shape=shape, weight=weight)
    with on_this_thread():
        run: Elementwise = select.runner("elementwise", engine, pred)
        value, grads = run(program, request, wrt)
    return value, *grads


def _value(chunks: list[tuple[Array, ...]]) -> Array:
    """Take the value among the results of a task; the axis of a box, which it lacks, has one chunk."""
    return chunks[0][0]


def _pairwise(preds: list[Array], targets: list[Array], *, program: Program, options: Request, engine: str) -> Array:
    (pred,), (target,) = preds, targets
    shape = (*broadcast_shape(pred.shape[:-2], target.shape[:-2]), pred.shape[-2], target.shape[-2])
    with on_this_thread():
        run: Pairwise = select.runner("pairwise", engine, pred)
        return run(program, _of_chunk(pred, target, options)._replace(shape=shape))


def _best_of_chunk(
    preds: list[Any],
    targets: Any,
    masks: Any = None,
    *,
    verb: str,
    program: Program,
    options: Request,
    arguments: tuple[Any, ...],
    engine: str,
) -> tuple[Array, Array]:
    """Find the best of one chunk of targets after the other, as a matrix of as many chunks has them."""
    (pred,), every, first, found = _flat(preds), _flat(targets), 0, None
    how = arguments if verb == "topk" else arguments[:1]  # which of two is better, and of how many
    for target, mask in zip(every, [None] * len(every) if masks is None else _flat(masks), strict=True):
        lead = broadcast_shape(pred.shape[:-2], target.shape[:-2])
        if mask is not None:
            lead = broadcast_shape(lead, mask.shape[:-1])
        request = _of_chunk(pred, target, options)._replace(shape=(*lead, pred.shape[-2], target.shape[-2]))
        with on_this_thread():
            run = select.runner(verb, engine, pred)
            value, index = run(program, request._replace(target_mask=mask), *arguments)
        here = value, request.xp.where(index < 0, -1, index + first)
        found = here if found is None else _better_of(*found, *here, *how)
        first += target.shape[-2]
    assert found is not None  # there is one chunk at least
    return found


def _better_of(
    value: Any, index: Any, other: Any, other_index: Any, largest: bool, k: int | None = None
) -> tuple[Array, Array]:
    """Find the best of two results, the first of which has the first of equal values; an index of -1 is none."""
    xp = array_api_compat.array_namespace(value)
    if k is None:
        takes = (other > value if largest else other < value) | ((index < 0) & (other_index >= 0))
        return xp.where(takes, other, value), xp.where(takes, other_index, index)
    value, index = xp.concat([value, other], axis=-1), xp.concat([index, other_index], axis=-1)
    # By value, of equal ones as they come; and one that is infinite is before none.
    order = xp.argsort(-value if largest else value, axis=-1, stable=True)
    value, index = xp.take_along_axis(value, order, axis=-1), xp.take_along_axis(index, order, axis=-1)
    order = xp.argsort(xp.astype(index < 0, index.dtype), axis=-1, stable=True)[..., :k]
    return xp.take_along_axis(value, order, axis=-1), xp.take_along_axis(index, order, axis=-1)


def _flat(chunks: Any) -> list[Any]:
    """List the chunks of the lists, in lists, that Dask makes of axes which the result lacks."""
    return [part for chunk in chunks for part in _flat(chunk)] if isinstance(chunks, list) else [chunks]


def _within_of_chunk(
    pred: Array,
    targets: list[Array],
    first: int,
    program: Program,
    options: Request,
    threshold: float,
    above: bool,
    overlap: float | None,
    engine: str,
) -> tuple[Array, Array, Array]:
    found, first_target = [], 0
    for target in targets:
        request = _of_chunk(pred, target, options)._replace(shape=(pred.shape[0], target.shape[0]))
        with on_this_thread():
            i, j, value = select.runner("within", engine, pred)(program, request, threshold, above, overlap)
        found.append((i + first, j + first_target, value))
        first_target += target.shape[0]
    if len(found) == 1:
        return found[0]
    xp = array_api_compat.array_namespace(pred)
    i, j, value = (xp.concat(parts) for parts in zip(*found, strict=True))
    order = xp.argsort(i, stable=True)
    return i[order], j[order], value[order]


def _of_chunk(pred: Array, target: Array, options: Request) -> Request:
    """Make the request of a chunk."""
    return options._replace(xp=array_namespace(pred=pred, target=target), pred=pred, target=target)


# --- Chunks ---------------------------------------------------------------------------------------------------------


def _whole_boxes(request: Request) -> tuple[Request, da.Array, da.Array]:
    """Put the numbers of a box in one chunk, and give the boxes too."""
    boxes: tuple[da.Array, da.Array] = request.pred, request.target
    pred, target = (a if a.numblocks[-1] == 1 else a.rechunk({-1: -1}) for a in boxes)
    return request._replace(pred=pred, target=target), pred, target


def _last(axes: list[int], count: int) -> list[int]:
    return axes[len(axes) - count :]


def _chunked_like(grad: da.Array, boxes: da.Array) -> da.Array:
    """Give the gradient the chunks of its boxes, unless these were broadcast."""
    return grad.rechunk(boxes.chunks) if grad.shape == boxes.shape and grad.chunks != boxes.chunks else grad
