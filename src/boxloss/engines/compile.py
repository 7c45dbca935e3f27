"""How a plain formula becomes a compiled kernel of one float type.

Every function that a formula calls is cloned with it. In a clone each float constant, literal or global, has the
float type of the kernel: without that one bare `0.5` turns a whole float32 kernel into float64.
"""

from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from types import CellType, FunctionType, MappingProxyType, ModuleType
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.core.compiler_lock import global_compiler_lock

from boxloss.engines import scalar
from boxloss.engines.cache import KernelCache, is_kept
from boxloss.formula import formula_of
from boxloss.guards import UNGUARDED
from boxloss.loss import Loss

# Signed zeros do not matter. No contraction into fused multiply-adds in formulas: an unrounded product leaves a
# residue where a formula is 0 by cancellation, at a match. The polynomials of `scalar` have no such cancellation.
FORMULA_FLAGS = {"nsz"}
CONTRACTED_FLAGS = {"nsz", "contract"}


_entries: dict[Any, Callable[..., Any]] = {}


def compiled(template: Callable[..., Any], loss: Loss, dtype: Any, *options: Any) -> Callable[..., Any]:
    """The compiled kernel of a template of `boxloss.engines.kernels`: from memory, from disk or from the compiler.

    What comes back is the C entry point itself. It takes arguments of just the types that the template declares and
    does no dispatch, so it neither costs what Numba's dispatcher costs nor compiles for a new type of argument.
    """
    key = (template, loss.structure, dtype, *options)
    entry = _entries.get(key)
    if entry is None:
        with global_compiler_lock:  # threads that want one kernel at once wait for the one that compiles it
            entry = _entries.get(key)
            if entry is None:
                entry = _entries[key] = _compile(template, loss, dtype.name, *options)
    return entry


def _compile(template: Callable[..., Any], loss: Loss, dtype: str, *options: Any) -> Callable[..., Any]:
    kernel, signature = dispatcher(template, loss, dtype, *options)
    if is_kept(loss):
        kernel._cache = KernelCache(_token(template, loss, dtype, *options))
    entry: Callable[..., Any] = kernel.compile(signature)
    return entry


def _token(template: Callable[..., Any], loss: Loss, dtype: str, *options: Any) -> str:
    """All that a kernel is compiled for."""
    return repr((template.__name__, loss.structure, dtype, options))


def dispatcher(template: Callable[..., Any], loss: Loss, dtype: str, *options: Any) -> tuple[Any, Any]:
    """The kernel as a Numba dispatcher that is not yet compiled, and the signature to compile it for."""
    kernel, signature = template(specialiser(dtype), formula_of(loss.structure), len(loss.weights), *options)
    # Numba numbers functions, in each process from 1, and LLVM finds code by name: kernels that several processes
    # compiled must not meet in one under the same name.
    kernel.__qualname__ += sha256(_token(template, loss, dtype, *options).encode()).hexdigest()[:16]
    return numba.njit(error_model="numpy", fastmath=FORMULA_FLAGS, nogil=True)(kernel), signature


def _compile_for_cpu(function: FunctionType, flags: set[str]) -> Any:
    return numba.njit(error_model="numpy", fastmath=flags, nogil=True, forceinline=True)(function)


class Specialiser:
    """Compiles plain functions for one float type, each once, by `compiler(function, fastmath flags)`.

    `known` are functions that have a compiled counterpart already, `replaced` those that another plain function stands
    in for.
    """

    def __init__(
        self,
        dtype: str,
        compiler: Callable[[FunctionType, set[str]], Any] = _compile_for_cpu,
        known: Mapping[Callable[..., Any], Any] = MappingProxyType({}),
        replaced: Mapping[Callable[..., Any], Callable[..., Any]] = MappingProxyType({}),
    ) -> None:
        self.compiler, self.replaced = compiler, replaced
        self.dtype = dtype
        self.cast = np.dtype(dtype).type
        self.number = numba.from_dtype(np.dtype(dtype))
        self.array = types.Array(self.number, 1, "C")
        self.readonly = types.Array(self.number, 1, "C", readonly=True)
        self.memo: dict[Callable[..., Any], Any] = dict(known)
        self.xp = ModuleType(f"boxloss_scalar_{dtype}")
        for name, function in scalar.FUNCTIONS[dtype].items():
            setattr(self.xp, name, self.function(function))

    def unguarded(self) -> "Specialiser":
        """The specialiser of the same float type that leaves the guards out."""
        return specialiser(self.dtype, guarded=False)

    def may_contract(self, function: Callable[..., Any]) -> bool:
        """Whether a function may be compiled with contraction."""
        return function.__module__ == scalar.__name__

    def numbers(self, count: int) -> Any:
        """The type of a tuple of numbers."""
        return types.UniTuple(self.number, count)  # type: ignore[attr-defined]

    def value(self, v: Any) -> Any:
        """A constant, global or captured variable as the clone sees it."""
        if isinstance(v, float):
            return self.cast(v)
        if isinstance(v, tuple):
            values = [self.value(item) for item in v]
            return type(v)(*values) if hasattr(v, "_fields") else tuple(values)
        if isinstance(v, FunctionType):
            return self.function(v)
        return v

    def function(self, function: Callable[..., Any]) -> Any:
        """The njit-compiled clone of a function."""
        function = self.replaced.get(function, function)
        if function not in self.memo:
            flags = CONTRACTED_FLAGS if self.may_contract(function) else FORMULA_FLAGS
            self.memo[function] = self.compiler(self.clone(function), flags)
        return self.memo[function]

    def clone(self, function: Callable[..., Any]) -> FunctionType:
        """The function with typed constants and compiled callees."""
        code = function.__code__
        known = function.__globals__
        names = {name: self.value(known[name]) for name in code.co_names if name in known}
        clone = FunctionType(
            code.replace(co_consts=tuple(self.value(c) for c in code.co_consts)),
            {"__builtins__": __builtins__, "__name__": function.__module__, **names},
            function.__name__,
            function.__defaults__,
            tuple(CellType(self.value(cell.cell_contents)) for cell in function.__closure__ or ()),
        )
        clone.__module__ = function.__module__
        return clone


@cache
def specialiser(dtype: str, guarded: bool = True) -> Specialiser:
    """The one specialiser of a float type, with guards or without them: for ordinary boxes only."""
    return Specialiser(dtype, replaced={} if guarded else UNGUARDED)
