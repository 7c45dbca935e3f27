"""Which engine runs a call: the only place that asks for a backend."""

from types import ModuleType

import numpy as np

from boxloss.check import Inputs, check_choice

ENGINES = ("auto", "array", "numba")


def engine(name: str, inputs: Inputs) -> ModuleType:
    """The module of the engine with this name, or of the fastest that can take the arrays."""
    compiled = type(inputs.pred) is np.ndarray or _is_cpu_tensor(inputs.pred) or isinstance(inputs.pred, np.ndarray)
    if name == "auto" and compiled:
        from boxloss.engines import cpu

        return cpu
    check_choice("engine", name, ENGINES)
    if name == "numba":
        if not compiled:
            kind = f"{type(inputs.pred).__module__}.{type(inputs.pred).__qualname__}"
            raise ValueError(f"engine='numba' takes NumPy arrays and torch tensors on the CPU; got {kind}")
        from boxloss.engines import cpu

        return cpu
    from boxloss.engines import array

    return array


def is_tracked(inputs: Inputs) -> bool:
    """Whether a torch tensor wants a differentiable result."""
    if type(inputs.pred) is np.ndarray or not _is_tensor(inputs.pred):
        return False
    import torch

    return bool(torch.is_grad_enabled()) and (inputs.pred.requires_grad or inputs.target.requires_grad)


def _is_tensor(array: object) -> bool:
    # The module name first: this must not import torch, nor even array_api_compat for NumPy arrays.
    return type(array).__module__.partition(".")[0] == "torch"


def _is_cpu_tensor(array: object) -> bool:
    return _is_tensor(array) and array.device.type == "cpu"  # type: ignore[attr-defined]
