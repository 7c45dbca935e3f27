"""The array engine: the array library itself runs the formula."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from boxloss.box import join, split
from boxloss.check_arrays import Inputs
from boxloss.formats import FORMATS
from boxloss.formula import formula_of
from boxloss.loss import Loss


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
    """The matrix, by broadcasting columns of pred against rows of target."""
    formula = formula_of(loss.structure)
    xp, pred_format, target_format = inputs.xp, *(FORMATS[name] for name in inputs.formats)
    p = pred_format.decode(split(inputs.pred[..., :, None, :]), *inputs.image)
    t = target_format.decode(split(inputs.target[..., None, :, :]), *inputs.image)
    with _quiet(xp):
        numbers = (formula.prepare(xp, p), formula.prepare(xp, t)) if formula.prepare else (None, None)
        value = formula.evaluate_prepared(xp, p, t, *numbers, loss.weights)
    if out is None:
        return value
    out[...] = value
    return out


def _quiet(xp: Any) -> AbstractContextManager[Any]:
    """No warnings from NumPy for what `where` discards, nor for a NaN or an infinity that came in."""
    return np.errstate(all="ignore") if xp.__name__.endswith("numpy") else nullcontext()
