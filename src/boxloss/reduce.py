"""Reductions of values, and the same scale on gradients."""

from typing import Any

from boxloss.check_arrays import number_of_pairs
from boxloss.device import on_device


def values(xp: Any, value: Any, reduction: str, divisor: float | None) -> Any:
    """The values, their sum, or their mean: the mean of nothing is 0."""
    if reduction == "none":
        return value
    with on_device(value):
        total = xp.sum(value)
        if reduction == "sum":
            return total
        divisor = number_of_pairs(value.shape) if divisor is None else divisor
        return total / divisor if divisor else total * 0.0


def gradient_factor(shape: tuple[int, ...], reduction: str, divisor: float | None) -> float:
    """What a reduction multiplies each pair's gradient by."""
    if reduction != "mean":
        return 1.0
    divisor = number_of_pairs(shape) if divisor is None else divisor
    return 1.0 / divisor if divisor else 0.0
