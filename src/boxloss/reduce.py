"""Reductions of values."""

from typing import Any

from boxloss.check_arrays import number_of_pairs
from boxloss.libraries.arrays import on_device
from boxloss.request import Request
from boxloss.typing import Array


def values(request: Request, value: Array) -> Any:
    """Return the values, their sum, or their mean: the mean of nothing is 0."""
    if request.reduction == "none":
        return value
    with on_device(value):
        total = request.xp.sum(value)
        if request.reduction == "sum":
            return total
        divisor = number_of_pairs(value.shape) if request.divisor is None else request.divisor
        return total / divisor if divisor else total * 0.0
