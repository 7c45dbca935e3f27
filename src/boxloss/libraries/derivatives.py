"""Values with the derivative of others, in the libraries that differentiate."""

import sys
from types import ModuleType
from typing import Any

from boxloss.libraries.arrays import is_jax, is_tensor


def with_derivative(xp: ModuleType, value: Any, same: Any) -> Any:
    """Give the value the derivative of what is the same but for rounding; where that is not finite, none."""
    value = constant(value)
    return xp.where(xp.isfinite(same), value + (same - constant(same)), value)


def constant(array: Any) -> Any:
    """Make an array that its library does not differentiate."""
    if is_tensor(array):
        return array.detach()
    if is_jax(array):
        return sys.modules["jax"].lax.stop_gradient(array)
    return array
