"""NumPy arrays and CPU tensors as the CPU engine sees them, and its results in the caller's library."""

import math
from typing import Any

import numpy as np

from boxloss.engines.numba.memory import CACHE_LINE
from boxloss.request import Request


def as_numpy(array: Any) -> Any:
    """Make a NumPy array, without a subclass that keeps two axes; of a CPU tensor one over the same memory."""
    return np.asarray(array) if isinstance(array, np.ndarray) else array.detach().resolve_neg().numpy()


def flat(array: Any, shape: tuple[int, ...]) -> Any:
    """Make the flat view of an array broadcast to a shape; a copy if it is strided or broadcast."""
    if type(array) is not np.ndarray:
        array = as_numpy(array)
    if array.shape != shape:
        array = np.broadcast_to(array, shape)
    if not array.flags.carray and not (array.flags.c_contiguous and array.flags.aligned):
        array = np.require(array, requirements=["C", "A"])
    return array.ravel()  # a view in half the time of reshape(-1)


def buffer(out: Any) -> Any:
    """Return the caller's buffer as a NumPy array that a kernel can fill."""
    array = as_numpy(out)
    is_own = isinstance(out, np.ndarray) or not out.is_neg()  # a tensor may be the negative of memory
    if not (is_own and array.flags.carray and array.dtype.isnative):
        raise ValueError("out must be writeable, C-contiguous and aligned for engine='numba'; got one that is not")
    return array


def aligned(shape: tuple[int, ...], dtype: Any) -> Any:
    """Make an array that begins with a cache line, so that no vector of a kernel lies in two."""
    numbers = np.empty(math.prod(shape) + CACHE_LINE // dtype.itemsize - 1, dtype)
    first = -numbers.ctypes.data % CACHE_LINE // dtype.itemsize
    return numbers[first : first + math.prod(shape)].reshape(shape)


def in_library(request: Request, array: Any, dtype: Any = None) -> Any:
    """Put a result in the caller's library and, for a gradient, float type."""
    if request.xp is not np and not isinstance(request.pred, np.ndarray):  # np is what `check_pair` finds first
        tensor = request.xp.from_numpy(array)
        return tensor if dtype is None else tensor.to(dtype)
    if dtype is not None and dtype is not array.dtype:
        return array.astype(dtype, copy=False)
    return array if array.ndim else array[()]
