"""What this package uses of Numba and llvmlite that is not their public interface.

Seen to work with Numba 0.61 to 0.68 and the llvmlite of each. Where a name is gone, a kernel is compiled in each
process instead of read from disk, and in more time; without the names of `address_of` there are no kernels. How Numba
calls functions, its `call_conv`, is used in `boxloss.engines.numba.entries` as in every extension that calls some.
"""

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

import numba
from numba.core import config

from boxloss.engines import cache

try:
    from numba.core.compiler_lock import global_compiler_lock as compiler_lock
except ImportError:
    compiler_lock = RLock()
try:
    from numba.core.caching import NullCache
    from numba.core.codegen import JITCodeLibrary
    from numba.core.compiler import CompileResult
    from numba.core.serialize import dumps
except ImportError:
    NullCache = JITCodeLibrary = object
    CompileResult = dumps = None

__all__ = ["LEAN", "address_of", "compiler_lock", "keep_on_disk", "optimising_whole", "settings"]

# Of njit: without a wrapper for calls from C, of which there are none, and without Numba's runtime, which counts
# references to arrays: kernels make none, and who calls them holds theirs. The runtime itself would be compiled first.
LEAN = {"no_cfunc_wrapper": True, "_nrt": False}


if hasattr(os, "register_at_fork"):
    # The lock is held for as long as a thread compiles. A fork waits for it: in a child it would be held for ever, by a
    # thread that is not there.
    os.register_at_fork(
        before=compiler_lock.acquire, after_in_parent=compiler_lock.release, after_in_child=compiler_lock.release
    )


def settings() -> tuple[Any, ...]:
    """List the settings of the compiler that change what it makes."""
    names = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK", "USING_SVML")
    return tuple(getattr(config, name, None) for name in names)


class _Library(JITCodeLibrary):  # type: ignore[misc]
    """Machine code in the making."""

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout


def address_of(dispatcher: Any) -> int:
    """Find where the machine code of a dispatcher is that was compiled for one signature."""
    try:
        (result,) = dispatcher.overloads.values()
        if address := int(result.library.get_pointer_to_function(result.fndesc.llvm_func_name)):
            return address
    except AttributeError as error:
        missing = str(error)
    else:
        missing = "it has no address"
    seen = "boxloss finds compiled code in Numba 0.61 to 0.68"
    raise RuntimeError(f"{seen}, but not in Numba {numba.__version__}: {missing}")


@contextmanager
def optimising_whole(dispatcher: Any) -> Iterator[None]:
    """Let Numba run LLVM's passes over kernels as a whole, and not over each function before.

    Numba does the latter to have less to work on where many functions call each other. A kernel is one function. Its
    loops come out the same without, or differ by two instructions of eighty, and it takes a tenth less to compile.
    Versions before 0.62 have other passes, which are left as they are. Only for who holds the compiler's lock.
    """
    codegen = dispatcher.targetdescr.target_context.codegen()
    if JITCodeLibrary is object or not hasattr(codegen, "_pass_builder"):
        yield
        return
    codegen._library_class = _Library
    try:
        yield
    finally:
        del codegen._library_class


def keep_on_disk(dispatcher: Any, digest: str, label: str) -> None:
    """Let a dispatcher look for its kernel on disk before it compiles it, and put it there afterwards."""
    if dumps is not None:
        dispatcher._cache = _KernelCache(digest, label)


class _KernelCache(NullCache):  # type: ignore[misc]
    """What a Numba dispatcher asks before it compiles and tells afterwards, for one kernel.

    Numba's own `cache=True` keys a function on its pickled closure, which never repeats from process to process: no
    hit, and a folder that grows at every start. A file that is missing, unreadable or damaged counts as no file, and
    one that can't be written is not written: the cache saves time and never stands in the way.
    """

    def __init__(self, digest: str, label: str) -> None:
        self.digest, self.label = digest, label

    def path(self, target_context: Any) -> Path | None:
        """Find the file of this kernel for this CPU."""
        return cache.path_of((self.digest, target_context.codegen().magic_tuple(), settings()), self.label)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load the compiled kernel; None if it is not on disk, or cannot be read."""
        try:
            payload = cache.read(self.path(target_context))
            if payload is None:
                return None
            # Without `target_context.refresh()`, which Numba's own cache calls: it imports every implementation for the
            # compiler too, in 0.3 s.
            return CompileResult._rebuild(target_context, *pickle.loads(payload))
        except Exception:
            return None

    def save_overload(self, sig: Any, result: Any) -> None:
        """Write the compiled kernel, whole or not at all."""
        try:
            *parts, environments = result._reduce()
            path = self.path(result.target_context)
        except Exception:  # names of Numba's that are gone, or code that Ctrl-C kept LLVM from handing over
            return
        # Of the functions of Numba that a kernel calls, those without a constant: their modules, which a process that
        # reads the kernel would import first (50 ms), are for code that runs in the interpreter.
        environments = tuple(environment for environment in environments if environment.consts)
        cache.write(path, dumps((*parts, environments)))
