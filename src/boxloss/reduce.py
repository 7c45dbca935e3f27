"""Reductions of values, and the same scale on gradients."""

import math
from typing import Any


def values(xp: Any, value: Any, reduction: str, divisor: float | None) -> Any:
    """The values, their sum, or their mean: the mean of nothing is 0."""
    if reduction == "none":
        return value
    total = xp.sum(value)
    return total if reduction == "sum" else total * _per(math.prod(value.shape) if divisor is None else divisor)


def gradient_factor(shape: tuple[int, ...], reduction: str, divisor: float | None) -> float:
    """What a reduction multiplies each pair's gradient by."""
    if reduction != "mean":
        return 1.0
    return _per(math.prod(shape) if divisor is None else divisor)


def _per(divisor: float) -> float:
    return 1.0 / divisor if divisor else 0.0
