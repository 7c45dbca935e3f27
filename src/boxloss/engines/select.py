"""Which engine runs a call: the only place that asks for a backend."""

import sys
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from boxloss.check import check_choice
from boxloss.check_arrays import Inputs
from boxloss.device import is_cuda_array, is_dask, is_jax, is_tensor, kind_of
from boxloss.engines import cuda_support
from boxloss.engines.threads import get_num_threads

ENGINES = ("auto", "array", "numba", "cuda")


def engine(name: str, inputs: Inputs) -> Any:
    """The engine of this name, or the fastest that can take the arrays; for Dask arrays, that of their chunks."""
    check_choice("engine", name, ENGINES)
    pred = inputs.pred
    on_cpu = isinstance(pred, np.ndarray) or (is_tensor(pred) and pred.device.type == "cpu")
    if on_cpu and name in ("auto", "numba"):
        return _module("cpu")
    if is_dask(pred):
        engine(name, inputs._replace(pred=pred._meta))  # whether it can take the chunks
        return _module("dask").DaskEngine(name)
    if name == "numba":
        raise ValueError(f"engine='numba' takes NumPy arrays and torch tensors on the CPU; got {kind_of(pred)}")
    if name == "cuda":
        cuda_support.check(pred)
        return _module("cuda")
    if is_jax(pred):
        return import_module("boxloss.interop.jax")
    takes_cuda = name == "auto" and is_cuda_array(pred) and not cuda_support.missing()
    return _module("cuda" if takes_cuda else "array")


@cache
def _module(name: str) -> ModuleType:
    """An engine, imported when it is first asked for: Numba takes a while."""
    if name != "array":
        get_num_threads()  # what Numba says of a wrong NUMBA_NUM_THREADS does not name it
    return import_module(f"boxloss.engines.{name}")


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
