"""Kernels for the CPU: from memory, from disk or from Numba."""

from collections.abc import Callable
from functools import cache, partial
from types import FunctionType, MappingProxyType
from typing import Any, TypeVar

import numba
from numba.extending import intrinsic, register_jitable

from boxloss.engines.digest import digest_of
from boxloss.engines.machine import Machine, inner
from boxloss.engines.numba.entries import entering
from boxloss.engines.numba.private import LEAN, address_of, compiler_lock, keep_on_disk, optimising_whole

Found = TypeVar("Found")
Template = tuple[Callable[..., Any], Any]  # a kernel and its signature
NO_CHANGES: MappingProxyType[Any, Any] = MappingProxyType({})

SETTINGS: dict[str, Any] = {"error_model": "numpy", "nogil": True}

_entries: dict[Any, Callable[..., Any]] = {}
_entered: dict[Any, Callable[..., Any]] = {}  # by signature
_addresses: dict[Any, int] = {}
_alive: list[Any] = []  # kernels, of which entries know no more than the address


def compiled(template: Callable[..., Template], dtype: Any, *options: Any) -> Callable[..., Any]:
    """Find the kernel of a template, ``template(machine, *options)``, or compile it.

    What comes back takes arguments of just the types that the template declares and does no dispatch, so it neither
    costs what Numba's dispatcher costs nor compiles for a new type of argument.
    """
    return _found(_entries, _enter, (template, dtype, options))


def address(template: Callable[..., Template], dtype: Any, *options: Any) -> int:
    """Find where the kernel of a template is in memory, for `boxloss.engines.numba.entries.call_at` in another."""
    return _found(_addresses, _compile, (template, dtype, options))


def _found(known: dict[Any, Found], make: Callable[..., Found], key: tuple[Any, ...]) -> Found:
    found = known.get(key)
    if found is None:
        with compiler_lock:  # threads that want one kernel at once wait for the one that compiles it
            found = known.get(key)
            if found is None:
                template, dtype, options = key
                found = known[key] = make(*dispatcher(template, dtype.name, *options))
    return found


def _compile(kernel: Any, signature: Any) -> int:
    """Compile a kernel, or read it from disk, and find its address."""
    with optimising_whole(kernel):
        kernel.compile(signature)
    _alive.append(kernel)
    return address_of(kernel)


def _enter(kernel: Any, signature: Any) -> Callable[..., Any]:
    """Compile a kernel, and what enters it if that is the first one of its signature."""
    at = _compile(kernel, signature)
    if signature not in _entered:
        enter, own_signature = entering(signature)
        made = _kept(enter, own_signature, "entry-")
        with optimising_whole(made):
            _entered[signature] = made.compile(own_signature)
    return partial(_entered[signature], at)


def dispatcher(template: Callable[..., Template], dtype: str, *options: Any) -> tuple[Any, Any]:
    """Make the kernel a Numba dispatcher that is not yet compiled, and find the signature to compile it for."""
    kernel, signature = template(machine(dtype), *options)
    return _kept(kernel, signature, "", no_cpython_wrapper=True), signature


def _kept(function: Callable[..., Any], signature: Any, label: str, **options: Any) -> Any:
    """Make a Numba dispatcher that looks for its machine code on disk before it compiles it."""
    options = SETTINGS | LEAN | options
    digest = digest_of(function, str(signature), options, inner=inner)
    parts = function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    own = FunctionType(*parts)
    own.__qualname__ = function.__qualname__
    _name_apart(own, digest)
    made = numba.njit(**options)(own)
    keep_on_disk(made, digest, label)
    return made


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
    """Describe the CPU, for one float type."""
    return Machine(dtype, intrinsic, NO_CHANGES, NO_CHANGES)
