"""Kernels on a GPU: from the cache, into the driver, onto the caller's stream.

A launch is three calls of the driver. It allocates nothing and waits for nothing, so a CUDA graph can capture it once
the kernel was loaded by a call before.
"""

import ctypes
import threading
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Any

from boxloss.engines import cuda_support
from boxloss.engines.cache import is_kept, path_of, read, write
from boxloss.engines.cuda_arrays import arrays_like as arrays_like
from boxloss.loss import Loss

Kernel = Callable[..., None]
NUMBERS = {"float32": ctypes.c_float, "float64": ctypes.c_double}
# Enough blocks for every multiprocessor to choose from; what is beyond them the loop of the kernel goes through.
BLOCKS_A_MULTIPROCESSOR = 32

_kernels: dict[Any, Kernel] = {}
_lock = threading.Lock()  # threads that want the same kernel at once wait for the first, which compiles it


def elementwise_blocks(ordinal: int, size: int, threads: int) -> int:
    """How many blocks of threads share the pairs."""
    most = BLOCKS_A_MULTIPROCESSOR * cuda_support.device(ordinal).multiprocessors
    return min(-(-size // threads), most)


def kernel(template: str, loss: Loss, dtype: str, kind: Any, ordinal: int) -> Kernel:
    """The kernel of a template of `cuda_kernels` on a device: ``kernel(stream, blocks, threads, *arguments)``."""
    key = (template, loss.structure, dtype, kind, ordinal)
    found = _kernels.get(key)
    if found is not None:
        return found
    with _lock:
        if key not in _kernels:
            code = machine_code(template, loss, dtype, kind, cuda_support.device(ordinal).capability)
            _kernels[key] = _load(code, argument_types(template, dtype, len(loss.weights)), ordinal)
        return _kernels[key]


def argument_types(template: str, dtype: str, terms: int) -> tuple[Any, ...]:
    """The types of a kernel's arguments in C: those of the signature that its template declares."""
    number, pointer, size = NUMBERS[dtype], ctypes.c_void_p, ctypes.c_longlong
    if template == "elementwise":
        return (pointer,) * 3 + (number,) * (3 + terms) + (pointer,) * 3 + (size,)
    return (pointer,) * 2 + (number,) * (2 + terms) + (pointer,) + (size,) * 5


def machine_code(template: str, loss: Loss, dtype: str, kind: Any, capability: tuple[int, int]) -> bytes:
    """The compiled kernel: from disk, or from the compiler, which is imported only then.

    If it can't be assembled here, it is PTX, which the driver may know what to do with.
    """
    compilers = version("numba-cuda"), version("cuda-bindings")  # the second tells those of CUDA 12 from those of 13
    key = ("cuda", template, loss.structure, dtype, kind, capability, *compilers)
    label = f"cuda-sm_{capability[0]}{capability[1]}-{template}-{dtype}-{type(loss).__name__}-"  # for `boxloss info`
    path = path_of(key, label) if is_kept(loss) else None
    found = read(path)
    if found is None:
        try:
            from boxloss.engines import cuda_compile, cuda_kernels
        except ImportError as error:
            raise RuntimeError(f"engine='cuda' does not work with numba-cuda {compilers[0]}: {error}") from error
        made = cuda_compile.ptx(getattr(cuda_kernels, template), loss, dtype, kind, capability)
        found = cuda_compile.machine_code(made, capability)
        if found is None:
            return made.encode() + b"\0"
        write(path, found)
    return found


@cache
def _context(ordinal: int) -> Any:
    """The context that CuPy, torch and everything of the CUDA runtime use on a device."""
    cuda_support.call("cuInit", 0)
    return cuda_support.call("cuDevicePrimaryCtxRetain", cuda_support.call("cuDeviceGet", ordinal))


def _load(code: bytes, types: tuple[Any, ...], ordinal: int) -> Kernel:
    call, context = cuda_support.call, _context(ordinal)
    call("cuCtxPushCurrent", context)
    try:
        module = _module(code)
        function = call("cuModuleGetFunction", module, b"kernel")
    finally:
        call("cuCtxPopCurrent")

    def launch(stream: int, blocks: tuple[int, int, int], threads: int, *arguments: Any) -> None:
        call("cuCtxPushCurrent", context)
        try:
            parameters, default = (arguments, types), cuda_support.LEGACY_STREAM
            call("cuLaunchKernel", function, *blocks, threads, 1, 1, 0, stream or default, parameters, 0)
        finally:
            call("cuCtxPopCurrent")

    return launch


def _module(code: bytes) -> Any:
    try:
        return cuda_support.call("cuModuleLoadData", code)
    except RuntimeError as error:
        raise RuntimeError(
            f"{error}. libnvJitLink must not be older than libnvvm, nor the driver of an earlier major version of "
            "CUDA; pip show nvidia-nvvm nvidia-nvjitlink tells the versions of the packages"
        ) from error
