"""What the CUDA engine needs of a machine, found out without importing Numba."""

import os
import re
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

from boxloss.libraries.arrays import is_cuda_array, kind_of

INSTALL = 'pip install "boxloss[cuda12]" or pip install "boxloss[cuda13]", after the CUDA version of the driver'
OLDEST_NUMBA_CUDA = (0, 30)
COMPILERS = ("nvvm", "nvJitLink", "nvrtc")
LEGACY_STREAM = 1  # the default stream by its own name; 0 is another one where per-thread streams are the default


class Device(NamedTuple):
    """A GPU, as the driver describes it."""

    ordinal: int
    name: str
    capability: tuple[int, int]
    multiprocessors: int


def check(array: object) -> None:
    """Check that the machine has what the CUDA engine needs, and that the array is on a GPU."""
    if lacks := missing():
        raise RuntimeError(f"engine='cuda' needs {lacks}")
    if not is_cuda_array(array):
        raise ValueError(
            f"engine='cuda' takes CuPy arrays and torch tensors on a CUDA device; got {kind_of(array)}. "
            "Move it there first, for example with cupy.asarray or tensor.cuda()"
        )


@cache
def missing() -> str | None:
    """Say what this machine lacks for the CUDA engine, and how to get it; None if nothing."""
    from importlib.metadata import PackageNotFoundError, version  # a tenth of the time of `import boxloss`

    try:
        installed = version("numba-cuda")
    except PackageNotFoundError:
        return f"numba-cuda, which is not installed: {INSTALL}"
    if tuple(map(int, re.findall(r"\d+", installed)[:2])) < OLDEST_NUMBA_CUDA:
        return f"numba-cuda {'.'.join(map(str, OLDEST_NUMBA_CUDA))} or later, and found {installed}: {INSTALL}"
    try:
        found = device_count()
    except (ImportError, RuntimeError) as error:
        return f"an NVIDIA driver, and there is none that works here ({str(error).strip()})"
    if not found:
        return "a CUDA device, and the driver shows none; see CUDA_VISIBLE_DEVICES"
    if library := missing_compiler():
        return f"{library} of CUDA, which is not found: {INSTALL}; or set CUDA_HOME to the folder of a CUDA toolkit"
    return None


def missing_compiler() -> str | None:
    """Find a library that numba-cuda compiles with and that is missing, if there is one: it installs without them."""
    from cuda.pathfinder import load_nvidia_dynamic_lib

    for name in COMPILERS:
        try:
            load_nvidia_dynamic_lib(name)
        except (OSError, RuntimeError):
            return f"lib{name}"
    return None


@cache
def compilers() -> tuple[str, ...]:
    """Tell what compiles and what assembles from other versions: by its size, since libNVVM says 2.0 of many."""
    from cuda.pathfinder import load_nvidia_dynamic_lib

    paths = [load_nvidia_dynamic_lib(name).abs_path for name in COMPILERS[:2]]
    return tuple(f"{os.path.basename(path)} {os.path.getsize(path)}" if path else "" for path in paths)


def call(function: str, *arguments: Any) -> Any:
    """Call a function of the CUDA driver and return its result; RuntimeError if it fails."""
    status, *results = getattr(_driver(), function)(*arguments)
    if status:
        raise RuntimeError(f"{function} of the CUDA driver failed: {status.name}")
    return results[0] if results else None


@cache
def _driver() -> ModuleType:
    return import_module("cuda.bindings.driver")


def device_count() -> int:
    """Count the GPUs that this process may use."""
    call("cuInit", 0)
    return int(call("cuDeviceGetCount"))


def driver_version() -> str:
    """Find the latest version of CUDA that the driver supports."""
    number = call("cuDriverGetVersion")
    return f"{number // 1000}.{number % 1000 // 10}"


@cache
def device(ordinal: int) -> Device:
    """Find the GPU with this number."""
    from cuda.bindings.driver import CUdevice_attribute as Attribute

    call("cuInit", 0)
    handle = call("cuDeviceGet", ordinal)

    def attribute(which: Any) -> int:
        return int(call("cuDeviceGetAttribute", which, handle))

    return Device(
        ordinal,
        call("cuDeviceGetName", 128, handle).split(b"\0")[0].decode(),
        (
            attribute(Attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
            attribute(Attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
        ),
        attribute(Attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
    )
