"""Kernels on a GPU: from the cache, into the driver, onto the caller's stream.

A launch is three calls of the driver. It allocates nothing and waits for nothing, so a CUDA graph can capture it once
the kernel was loaded by a call before.
"""

import threading
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Any

from boxloss.engines.cache import path_of, read, write
from boxloss.libraries import cuda as driver

Kernel = Callable[..., None]
# Enough blocks for every multiprocessor to choose from; what is beyond them the loop of the kernel goes through.
BLOCKS_A_MULTIPROCESSOR = 32
# Half of what one holds: eight warps for each of its four schedulers to choose from. Reasoned, and not measured.
THREADS_A_MULTIPROCESSOR = 1024

_kernels: dict[Any, Kernel] = {}
_lock = threading.Lock()  # threads that want the same kernel at once wait for the first, which compiles it


def elementwise_blocks(ordinal: int, size: int, threads: int) -> int:
    """Say how many blocks of threads share the pairs."""
    most = BLOCKS_A_MULTIPROCESSOR * driver.device(ordinal).multiprocessors
    return min(-(-size // threads), most)


def threads_that_fill(ordinal: int) -> int:
    """Say how many threads keep all multiprocessors at work."""
    return THREADS_A_MULTIPROCESSOR * driver.device(ordinal).multiprocessors


def kernel(template: Callable[[], Any], loss: str, dtype: str, ordinal: int, *options: Any) -> Kernel:
    """Find the kernel of a template on a device: ``kernel(stream, blocks, threads, *arguments)``.

    ``template()`` imports the template, ``template()(machine, *options)``, and with it the compiler. The name of the
    loss is for the label of the kernel on disk.
    """
    key = (template, dtype, ordinal, options)
    found = _kernels.get(key)
    if found is not None:
        return found
    with _lock:
        if key not in _kernels:
            code, types = machine_code(template, loss, dtype, driver.device(ordinal).capability, *options)
            _kernels[key] = _load(code, types, ordinal)
        return _kernels[key]


def machine_code(
    template: Callable[[], Any], loss: str, dtype: str, capability: tuple[int, int], *options: Any
) -> tuple[bytes, tuple[Any, ...]]:
    """Find the compiled kernel, from disk or from the compiler, and the types of its arguments in C.

    If it can't be assembled here, it is PTX, which the driver may know what to do with.
    """
    packages = version("numba-cuda"), version("cuda-bindings")  # the second tells those of CUDA 12 from those of 13
    try:
        from boxloss.engines.cuda import compile

        make = template()
    except ImportError as error:
        raise RuntimeError(f"engine='cuda' does not work with numba-cuda {packages[0]}: {error}") from error
    written = compile.written(make, dtype, capability, *options)
    label = f"cuda-sm_{capability[0]}{capability[1]}-{make.__name__}-{dtype}-{loss}-"  # for `boxloss info`
    path = path_of((written.digest, *packages, *driver.compilers()), label)
    found = read(path)
    if found is None:
        text = written.ptx(capability)
        found = compile.linked(text, capability)
        if found is None:
            return text.encode() + b"\0", written.argument_types
        write(path, found)
    return found, written.argument_types


@cache
def _context(ordinal: int) -> Any:
    """Find the context that CuPy, torch and everything of the CUDA runtime use on a device."""
    driver.call("cuInit", 0)
    return driver.call("cuDevicePrimaryCtxRetain", driver.call("cuDeviceGet", ordinal))


def _load(code: bytes, types: tuple[Any, ...], ordinal: int) -> Kernel:
    call, context = driver.call, _context(ordinal)
    call("cuCtxPushCurrent", context)
    try:
        module = _module(code)
        function = call("cuModuleGetFunction", module, b"kernel")
    finally:
        call("cuCtxPopCurrent")

    def launch(stream: int, blocks: tuple[int, int, int], threads: int, *arguments: Any) -> None:
        call("cuCtxPushCurrent", context)
        try:
            parameters, default = (arguments, types), driver.LEGACY_STREAM
            call("cuLaunchKernel", function, *blocks, threads, 1, 1, 0, stream or default, parameters, 0)
        finally:
            call("cuCtxPopCurrent")

    return launch


def _module(code: bytes) -> Any:
    try:
        return driver.call("cuModuleLoadData", code)
    except RuntimeError as error:
        raise RuntimeError(
            f"{error}. libnvJitLink must not be older than libnvvm, nor the driver of an earlier major version of "
            "CUDA; pip show nvidia-nvvm nvidia-nvjitlink tells the versions of the packages"
        ) from error
