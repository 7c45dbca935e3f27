"""Which engine runs a call: the only place that asks for a backend."""

import sys
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from boxloss.check import Inputs, check_choice
from boxloss.device import is_cuda_array, is_tensor, kind_of
from boxloss.engines import cuda_support

ENGINES = ("auto", "array", "numba", "cuda")


def engine(name: str, inputs: Inputs) -> ModuleType:
    """The module of the engine with this name, or of the fastest that can take the arrays."""
    check_choice("engine", name, ENGINES)
    if name == "array":
        return _module("array")
    on_cpu = isinstance(inputs.pred, np.ndarray) or (is_tensor(inputs.pred) and inputs.pred.device.type == "cpu")
    if name == "cuda":
        cuda_support.check(inputs.pred)
    elif name == "numba" and not on_cpu:
        raise ValueError(f"engine='numba' takes NumPy arrays and torch tensors on the CPU; got {kind_of(inputs.pred)}")
    elif on_cpu:
        return _module("cpu")
    elif not is_cuda_array(inputs.pred) or cuda_support.missing():
        return _module("array")
    return _module("cuda")


@cache
def _module(name: str) -> ModuleType:
    """An engine, imported when it is first asked for: Numba takes a while."""
    return import_module(f"boxloss.engines.{name}")


def is_tracked(inputs: Inputs, weight: Any) -> bool:
    """Whether a torch tensor among the arguments wants a differentiable result."""
    if type(inputs.pred) is np.ndarray or not is_tensor(inputs.pred):
        return False
    tracked = any(getattr(array, "requires_grad", False) for array in (inputs.pred, inputs.target, weight))
    return tracked and bool(sys.modules["torch"].is_grad_enabled())


def constant(inputs: Inputs) -> Inputs:
    """The inputs without autograd's record of where they came from."""
    if type(inputs.pred) is np.ndarray or not is_tensor(inputs.pred):
        return inputs
    return inputs._replace(pred=inputs.pred.detach(), target=inputs.target.detach())
