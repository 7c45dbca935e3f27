"""The types and functions that a template closes a kernel over, for one float type on one kind of machine."""

from collections.abc import Callable, Mapping
from typing import Any

import numba
import numpy as np
from numba.core import types

from boxloss.engines import llvm, scalar
from boxloss.engines.trace import Function, Trace, trace
from boxloss.shapes.guards import UNGUARDED


class Machine:
    """Makes functions for kernels from plain ones.

    Parameters
    ----------
    dtype
        The name of the float type.
    intrinsic
        The decorator of that name, of the compiler's package.
    replaced
        Functions of formulas that others run in place of on this machine.
    instructions
        See `boxloss.engines.llvm.emit`.
    """

    def __init__(
        self,
        dtype: str,
        intrinsic: Callable[..., Any],
        replaced: Mapping[Function, Function],
        instructions: Mapping[str, Function],
    ) -> None:
        self.dtype, self.intrinsic, self.replaced, self.instructions = dtype, intrinsic, replaced, instructions
        self.number = numba.from_dtype(np.dtype(dtype))
        self.array = types.Array(self.number, 1, "C")
        self.readonly = types.Array(self.number, 1, "C", readonly=True)

    def numbers(self, count: int) -> Any:
        """Make the type of a tuple of numbers."""
        return types.UniTuple(self.number, count)  # type: ignore[attr-defined]

    def function(self, function: Function, *sizes: int | None, guarded: bool = True) -> Any:
        """Make a function of one tuple that does what ``function(xp, *arguments)`` does.

        `sizes` says for each argument how many numbers it is a tuple of, or None for a single one. Without guards it
        is right for ordinary boxes only.
        """
        written = self.trace(function, *sizes, guarded=guarded)
        return llvm.function_of(written, self.number, self.intrinsic, self.instructions)

    def trace(self, function: Function, *sizes: int | None, guarded: bool = True) -> Trace:
        """Write down a function, with what this machine runs in place of others."""
        replaced = {**scalar.SHORT_CUTS[self.dtype], **({} if guarded else UNGUARDED), **self.replaced}
        return trace(function, sizes, scalar.FUNCTIONS[self.dtype], replaced)


def inner(value: Any) -> Any:
    """Find what a compiler's object is made of: a function, and its options; a type's text. None of anything else."""
    if isinstance(value, types.Type):
        return str(value)
    if (function := getattr(value, "py_func", None)) is not None:
        options = getattr(value, "targetoptions", {}).items()
        return function, [f"{name}={sorted(own) if isinstance(own, set) else own}" for name, own in sorted(options)]
    return getattr(value, "__wrapped__", None)
