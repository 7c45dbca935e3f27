"""The array engine: the array library itself runs the formula."""

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from boxloss.box import join, split
from boxloss.check_arrays import Inputs
from boxloss.device import is_on_cpu
from boxloss.formats import FORMATS
from boxloss.formula import formula_of
from boxloss.loss import Loss

# The pairs of a matrix that are computed at a time: CIoU holds 30 numbers for each. On a CPU these should stay in a
# cache: NumPy then takes a sixth of the time for 3000 x 3000. Other devices need enough work for each operation.
PAIRS_ON_CPU, PAIRS_ELSEWHERE = 1 << 16, 1 << 24


def elementwise(
    loss: Loss, inputs: Inputs, shape: tuple[int, ...], weight: Any, factor: float, wrt: tuple[str, ...]
) -> tuple[Any, tuple[Any, ...]]:
    """Weighted values, and the gradients asked for, times weight and factor."""
    formula = formula_of(loss.structure)
    xp, pred_format, target_format = inputs.xp, *(FORMATS[name] for name in inputs.formats)
    p = pred_format.decode(split(inputs.pred), *inputs.image)
    t = target_format.decode(split(inputs.target), *inputs.image)
    with _quiet(xp):
        value, residual = formula.evaluate(xp, p, t, loss.weights)
        grads = []
        for name in wrt:
            pull, box_format, dtype = (
                (formula.pull_pred, pred_format, inputs.pred_dtype)
                if name == "pred"
                else (formula.pull_target, target_format, inputs.target_dtype)
            )
            d = box_format.decode_pullback(pull(xp, p, t, residual), *inputs.image)
            grad = join(xp, d)
            grad = grad if factor == 1.0 else grad * factor
            grad = grad if weight is None else grad * weight[..., None]
            grads.append(xp.astype(grad, dtype, copy=False))
        return value if weight is None else value * weight, tuple(grads)


def pairwise(loss: Loss, inputs: Inputs, shape: tuple[int, ...], out: Any) -> Any:
    """The matrix, as many rows at a time as their temporary arrays allow."""
    import array_api_compat

    *batch, rows, columns = shape
    pairs = PAIRS_ON_CPU if is_on_cpu(inputs.pred) else PAIRS_ELSEWHERE
    count = max(1, pairs // max(1, math.prod(batch) * columns))
    if out is None:
        if rows <= count or not array_api_compat.is_writeable_array(inputs.pred):
            return matrix(loss, inputs)
        out = inputs.xp.empty(shape, dtype=inputs.pred.dtype, device=array_api_compat.device(inputs.pred))
    for first in range(0, rows, count):
        some = slice(first, min(first + count, rows))
        out[..., some, :] = matrix(loss, inputs._replace(pred=inputs.pred[..., some, :]))
    return out


def matrix(loss: Loss, inputs: Inputs) -> Any:
    """The matrix, by broadcasting columns of pred against rows of target."""
    formula = formula_of(loss.structure)
    xp, pred_format, target_format = inputs.xp, *(FORMATS[name] for name in inputs.formats)
    p = pred_format.decode(split(inputs.pred[..., :, None, :]), *inputs.image)
    t = target_format.decode(split(inputs.target[..., None, :, :]), *inputs.image)
    with _quiet(xp):
        numbers = (formula.prepare(xp, p), formula.prepare(xp, t)) if formula.prepare else (None, None)
        return formula.evaluate_prepared(xp, p, t, *numbers, loss.weights)


def _quiet(xp: Any) -> AbstractContextManager[Any]:
    """No warnings from NumPy for what `where` discards, nor for a NaN or an infinity that came in."""
    return np.errstate(all="ignore") if xp.__name__.endswith("numpy") else nullcontext()
