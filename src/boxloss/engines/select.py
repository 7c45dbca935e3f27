"""Which engine runs a call: the only place that asks for a backend."""

import sys
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from boxloss.check import Inputs, check_choice

ENGINES = ("auto", "array", "numba")


def engine(name: str, inputs: Inputs) -> Any:
    """The engine of this name, or the fastest that can take the arrays; for Dask arrays, that of their chunks."""
    check_choice("engine", name, ENGINES)
    if is_lazy(inputs.pred):
        engine(name, inputs._replace(pred=inputs.pred._meta))  # whether it can take the chunks
        return _module("dask").DaskEngine(name)
    compiled = isinstance(inputs.pred, np.ndarray) or (is_tensor(inputs.pred) and inputs.pred.device.type == "cpu")
    jax = not compiled and is_jax(inputs.pred)
    if name == "numba" and not compiled:
        kind = "jax.Array" if jax else f"{type(inputs.pred).__module__}.{type(inputs.pred).__qualname__}"
        raise ValueError(f"engine='numba' takes NumPy arrays and torch tensors on the CPU; got {kind}")
    if jax:
        return import_module("boxloss.interop.jax")
    return _module("array" if name == "array" or not compiled else "cpu")


@cache
def _module(name: str) -> ModuleType:
    """An engine, imported when it is first asked for: Numba takes a while."""
    return import_module(f"boxloss.engines.{name}")


def is_lazy(array: Any) -> bool:
    """Whether an array is one of Dask; never imports Dask."""
    if type(array) is np.ndarray:
        return False
    dask = sys.modules.get("dask.array")
    return dask is not None and isinstance(array, dask.Array)


def is_jax(array: Any) -> bool:
    """Whether an array is one of JAX, or its tracer of one; never imports JAX."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(array, jax.Array)


def is_tensor(array: Any) -> bool:
    """Whether an array is a torch tensor; never imports torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def is_traced(pred: Any, target: Any) -> bool:
    """Whether a call is for torch's dispatcher: of torch.compile, of torch.func, or with a subclass of tensors."""
    if type(pred) is np.ndarray or not is_tensor(pred):
        return False
    torch = sys.modules["torch"]
    if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        return True
    plain = (torch.Tensor, torch.nn.Parameter)
    return type(pred) not in plain or (is_tensor(target) and type(target) not in plain)


def is_tracked(pred: Any, *others: Any) -> bool:
    """Whether a torch tensor among the arguments wants a differentiable result."""
    if type(pred) is np.ndarray or not is_tensor(pred):
        return False
    tracked = any(getattr(array, "requires_grad", False) for array in (pred, *others))
    return tracked and bool(sys.modules["torch"].is_grad_enabled())


def constant(inputs: Inputs) -> Inputs:
    """The inputs without autograd's record of where they came from."""
    if type(inputs.pred) is np.ndarray or not is_tensor(inputs.pred):
        return inputs
    return inputs._replace(pred=inputs.pred.detach(), target=inputs.target.detach())
