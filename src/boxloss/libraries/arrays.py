"""Arrays of libraries that may not be there: what they are and where, without importing anything."""

import sys
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

if TYPE_CHECKING:
    import cupy
    import jax
    from dask.array import Array as DaskArray
    from torch import Tensor


def whole_numpy() -> ModuleType:
    """Return NumPy with all functions of the standard, which it has by itself since 2.1.

    To import the others takes a quarter of a second: all of NumPy comes along, its build tools included.
    """
    if hasattr(np, "cumulative_sum"):
        return np
    import array_api_compat.numpy as xp

    return xp  # type: ignore[no-any-return]


def is_tensor(array: object) -> "TypeGuard[Tensor]":
    """Say whether an array is a torch tensor."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def is_compiling() -> bool:
    """Say whether torch.compile runs the code only to see what it does."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.compiler.is_compiling())


def is_written_into_graph() -> bool:
    """Say whether torch.compile reads this code to write it into a graph.

    `is_compiling` is true of its later steps too, which run the code.
    """
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.compiler.is_dynamo_compiling())


def is_cupy(array: object) -> "TypeGuard[cupy.ndarray]":
    """Say whether an array is one of CuPy."""
    cupy = sys.modules.get("cupy")
    return cupy is not None and isinstance(array, cupy.ndarray)


def is_dask(array: object) -> "TypeGuard[DaskArray]":
    """Say whether an array is one of Dask."""
    dask = sys.modules.get("dask.array")
    return dask is not None and isinstance(array, dask.Array)


def is_jax(array: object) -> "TypeGuard[jax.Array]":
    """Say whether an array is one of JAX, or its tracer of one."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(array, jax.Array)


def library_of(array: object) -> str:
    """Name the library of an array; a subclass of tensors may be of any module."""
    return "torch" if is_tensor(array) else type(array).__module__.split(".")[0]


def has_numbers(array: object) -> bool:
    """Say whether the numbers of an array are known already."""
    if is_dask(array):
        return False
    if is_jax(array):
        return not isinstance(array, sys.modules["jax"].core.Tracer)
    # A tensor without memory is one of no numbers, or stands for another while torch looks at a graph.
    return not is_tensor(array) or (array.device.type != "meta" and getattr(array, "fake_mode", None) is None)


def to_host(array: object) -> Any:
    """Make a NumPy array of what an array holds; of a float type that NumPy lacks, in float32."""
    if is_tensor(array):
        tensor = array.detach().resolve_neg().cpu()
        return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()
    host = array.get() if is_cupy(array) else np.asarray(array)
    return host.astype(np.float32) if host.dtype.kind == "V" else host


def is_cuda_array(array: object) -> bool:
    """Say whether an array is one of CuPy, or a torch tensor on a CUDA device."""
    return bool(array.device.type == "cuda") if is_tensor(array) else is_cupy(array)


def is_on_cpu(array: object) -> bool:
    """Say whether an array is on the CPU, by what its library calls its device."""
    import array_api_compat

    return "cpu" in str(array_api_compat.device(array)).lower()


def on_device(array: object) -> AbstractContextManager[Any]:
    """Make the array's device the current one, which is where CuPy computes; other libraries go by the array."""
    device: AbstractContextManager[Any] = array.device if is_cupy(array) else nullcontext()
    return device


def kind_of(array: object) -> str:
    """Say what an array is, for an error: its type and, of a tensor, its device."""
    kind = "jax.Array" if is_jax(array) else f"{type(array).__module__}.{type(array).__qualname__}"
    return f"{kind} on {array.device}" if is_tensor(array) else kind


def is_tracked(pred: object, *others: object) -> bool:
    """Say whether a torch tensor among the arguments wants a differentiable result."""
    if type(pred) is np.ndarray or not is_tensor(pred):
        return False
    tracked = any(getattr(array, "requires_grad", False) for array in (pred, *others))
    return tracked and bool(sys.modules["torch"].is_grad_enabled())
