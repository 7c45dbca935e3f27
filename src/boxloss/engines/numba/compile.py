"""Kernels for the CPU: from memory, from disk or from Numba."""

from collections.abc import Callable
from functools import cache
from types import MappingProxyType
from typing import Any

import numba
from numba.extending import intrinsic, register_jitable

from boxloss.engines.digest import digest_of
from boxloss.engines.machine import Machine, inner
from boxloss.engines.numba.private import LEAN, compiler_lock, keep_on_disk, optimising_whole

Template = tuple[Callable[..., Any], Any]  # a kernel and its signature
NO_CHANGES: MappingProxyType[Any, Any] = MappingProxyType({})

_entries: dict[Any, Callable[..., Any]] = {}


def compiled(template: Callable[..., Template], dtype: Any, *options: Any) -> Callable[..., Any]:
    """Find the kernel of a template, ``template(machine, *options)``, or compile it.

    What comes back is the C entry point itself. It takes arguments of just the types that the template declares and
    does no dispatch, so it neither costs what Numba's dispatcher costs nor compiles for a new type of argument.
    """
    key = (template, dtype, options)
    entry = _entries.get(key)
    if entry is None:
        with compiler_lock:  # threads that want one kernel at once wait for the one that compiles it
            entry = _entries.get(key)
            if entry is None:
                kernel, signature = dispatcher(template, dtype.name, *options)
                with optimising_whole(kernel):
                    entry = _entries[key] = kernel.compile(signature)
    return entry


def dispatcher(template: Callable[..., Template], dtype: str, *options: Any) -> tuple[Any, Any]:
    """The kernel as a Numba dispatcher that is not yet compiled, and the signature to compile it for."""
    kernel, signature = template(machine(dtype), *options)
    digest = digest_of(kernel, str(signature), inner=inner)
    _name_apart(kernel, digest)
    made = numba.njit(error_model="numpy", nogil=True, **LEAN)(kernel)
    keep_on_disk(made, digest)
    return made, signature


def called_by_kernels(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let kernels call a function, which stays a function for Python."""
    _name_apart(function, digest_of(function, inner=inner))
    made: Callable[..., Any] = register_jitable(function)
    return made


def _name_apart(function: Callable[..., Any], digest: str) -> None:
    """Give a function a name of its own in machine code.

    Numba numbers functions, in each process from 1, and LLVM finds code by name: of two kernels that two processes
    compiled and a third one reads from disk, the second would run functions of the first, where these are not inlined.
    """
    function.__qualname__ += digest[:16]


@cache
def machine(dtype: str) -> Machine:
    """The CPU, for one float type."""
    return Machine(dtype, intrinsic, NO_CHANGES, NO_CHANGES)
