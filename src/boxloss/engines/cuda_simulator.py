"""The CUDA engine on NumPy arrays in Numba's simulator, for tests: ``NUMBA_ENABLE_CUDASIM=1``.

The kernels are the same functions, run by Python, one of its threads for each thread of a block.
"""

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np
from numba import cuda

from boxloss.engines import cuda_kernels
from boxloss.engines.compile import Specialiser
from boxloss.formula import formula_of
from boxloss.guards import UNGUARDED
from boxloss.loss import Loss


def arrays_like(array: Any) -> "NumPyArrays":
    """NumPy, in the place of the library of an array on a device."""
    return NumPyArrays(array)


class NumPyArrays:
    """Arrays of NumPy, in the place of a device's."""

    ordinal = 0

    def __init__(self, like: Any) -> None:
        self.dtype = like.dtype

    @property
    def dtype_name(self) -> str:
        """The float type of the computation."""
        return str(self.dtype)

    def stream(self) -> int:
        """No stream: the simulator knows none."""
        return 0

    def empty(self, shape: tuple[int, ...]) -> Any:
        """A new array, whose numbers are none as long as nobody wrote them."""
        return np.full(shape, np.nan, self.dtype)

    def dense(self, array: Any, shape: tuple[int, ...]) -> Any:
        """The array broadcast to a shape, C-contiguous."""
        return np.require(np.broadcast_to(array, shape), requirements=["C", "A", "W"])

    def is_dense(self, array: Any) -> bool:
        """Whether an array is C-contiguous."""
        return bool(array.flags.c_contiguous)

    def are_aligned(self, arrays: Any) -> bool:
        """Whether boxes can be read 16 bytes a time, which the simulator does not do."""
        return False

    def argument(self, array: Any) -> Any:
        """What a kernel takes: the flat view."""
        return array.reshape(-1)


class PlainSpecialiser(Specialiser):
    """Clones with typed constants, left to Python."""

    alignment = None  # the simulator refuses any other

    def __init__(self, dtype: str, guarded: bool) -> None:
        super().__init__(dtype, _as_it_is, replaced={} if guarded else UNGUARDED)
        self.pointer = self.array

    def unguarded(self) -> "PlainSpecialiser":
        """The specialiser of the same float type that leaves the guards out."""
        return specialiser(self.dtype, guarded=False)

    def access(self, aligned: bool) -> tuple[Any, Any]:
        """Functions that load and store a box."""
        return cuda_kernels.load_numbers, cuda_kernels.store_numbers


def _as_it_is(function: FunctionType, flags: set[str]) -> Any:
    return function


@cache
def specialiser(dtype: str, guarded: bool = True) -> PlainSpecialiser:
    """The one specialiser of a float type, with guards or without."""
    return PlainSpecialiser(dtype, guarded)


def _quiet(kernel: FunctionType) -> FunctionType:
    """The kernel without NumPy's warnings of what `where` discards, in each of the simulator's threads."""
    errstate = np.errstate

    def quiet(*arguments: Any) -> None:
        with errstate(all="ignore"):
            kernel(*arguments)

    # With the kernel's globals, in which the simulator puts its own `cuda`.
    return FunctionType(quiet.__code__, kernel.__globals__, kernel.__name__, None, quiet.__closure__)


def elementwise_blocks(ordinal: int, size: int, threads: int) -> int:
    """Two blocks at most, so that the loop over a grid runs too."""
    return min(-(-size // threads), 2)


def kernel(template: str, loss: Loss, dtype: str, kind: Any, ordinal: int) -> Callable[..., None]:
    """The kernel, to be called as that of `cuda_launch`."""
    s = specialiser(dtype)
    made, _ = getattr(cuda_kernels, template)(s, formula_of(loss.structure), len(loss.weights), kind)

    simulated = cuda.jit(_quiet(made))
    terms, first = len(loss.weights), 6 if template == "elementwise" else 4

    def launch(stream: int, blocks: tuple[int, int, int], threads: int, *arguments: Any) -> None:
        typed = [s.cast(a) if isinstance(a, float) else a for a in arguments]
        weights = tuple(typed[first : first + terms])
        simulated[blocks, threads](*typed[:first], weights, *typed[first + terms :])

    return launch
