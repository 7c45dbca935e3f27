"""mmdet's reductions: a weight, and a divisor to which float32's epsilon is added."""

from typing import Any, cast

import numpy as np

from boxloss.check import REDUCTIONS, check_choice
from boxloss.check_arrays import array_namespace
from boxloss.compat.arrays import reduced
from boxloss.losses.loss import Loss
from boxloss.typing import Array, ArrayT, Reduction

FLOAT32_EPS = float(np.finfo(np.float32).eps)


def weight_of_pairs(weight: Any) -> Any:
    """Make a weight of shape (N,): of the coordinates, shape (N, 4), the mean."""
    if weight is None or weight.ndim < 2:
        return weight
    return array_namespace(weight=weight).mean(weight, axis=-1)


def reduced_loss(
    loss: Loss, pred: ArrayT, target: ArrayT, weight: Array | None, reduction: Reduction, avg_factor: Any
) -> ArrayT:
    """Compute a loss of pairs, in one kernel; a divisor may be a tensor, and stays on its device."""
    if not _is_divided(reduction, avg_factor):
        return loss(pred, target, weight=weight, reduction=reduction)
    total: Any = loss(pred, target, weight=weight, reduction="sum")
    return cast(ArrayT, total / (avg_factor + FLOAT32_EPS))


def reduced_values(xp: Any, values: Any, weight: Any, reduction: str, avg_factor: Any) -> Any:
    """Reduce values that are there, each times its weight."""
    if weight is not None:
        values = values * weight
    if not _is_divided(reduction, avg_factor):
        return reduced(xp, values, reduction)
    return xp.sum(values) / (avg_factor + FLOAT32_EPS)


def _is_divided(reduction: str, avg_factor: Any) -> bool:
    check_choice("reduction", reduction, REDUCTIONS)
    if avg_factor is None or reduction == "none":
        return False
    if reduction == "sum":
        raise ValueError('avg_factor is the divisor of reduction="mean"; got it with reduction="sum"')
    return True
