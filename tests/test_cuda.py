"""The CUDA engine without CUDA: what it says when something is missing, how it is chosen, and what it asks a driver.

No kernel runs here. The arrays of CuPy and the driver are stand-ins.
"""

import ctypes
import importlib.metadata
import sys
from types import SimpleNamespace

import pytest

import boxloss as bl
from boxloss.check_arrays import Inputs
from boxloss.engines import cuda_interface, cuda_launch, cuda_support, select
from boxloss.engines.cuda_arrays import DeviceArrays
from boxloss.engines.cuda_kinds import Elementwise
from errors import BOXES, check_error
from processes import run

INSTALL = "pip install 'boxloss[cuda12]' or pip install 'boxloss[cuda13]', after the CUDA version of the driver"


@pytest.fixture
def machine(monkeypatch):
    """A machine whose packages and devices a test chooses."""

    def make(packages=("numba-cuda", "cupy"), devices=1, numba_cuda="0.30.4"):
        def count():
            if isinstance(devices, Exception):
                raise devices
            return devices

        def version(name):
            if name not in packages:
                raise importlib.metadata.PackageNotFoundError(name)
            return numba_cuda

        monkeypatch.setattr(cuda_interface, "find_spec", lambda name: name if name in packages else None)
        monkeypatch.setattr(importlib.metadata, "version", version)
        monkeypatch.setattr(cuda_support, "device_count", count)
        cuda_support.missing.cache_clear()

    yield make
    cuda_support.missing.cache_clear()


# --- What is missing --------------------------------------------------------------------------------------------------


def test_numba_cuda_is_missing(machine):
    machine(packages=())
    text = f"engine='cuda' needs numba-cuda, which is not installed: {INSTALL}"
    check_error(lambda: bl.giou(BOXES, BOXES, engine="cuda"), RuntimeError, text)


def test_numba_cuda_is_too_old(machine):
    machine(numba_cuda="0.9.1")
    text = f"engine='cuda' needs numba-cuda 0.30 or later, and found 0.9.1: {INSTALL}"
    check_error(lambda: bl.giou(BOXES, BOXES, engine="cuda"), RuntimeError, text)


def test_driver_is_missing(machine):
    machine(devices=RuntimeError("no libcuda.so"))
    text = "engine='cuda' needs an NVIDIA driver, and there is none that works here (no libcuda.so)"
    check_error(lambda: bl.giou.pairwise(BOXES, BOXES, engine="cuda"), RuntimeError, text)


def test_device_is_missing(machine):
    machine(devices=0)
    text = "engine='cuda' needs a CUDA device, and the driver shows none; see CUDA_VISIBLE_DEVICES"
    check_error(lambda: bl.giou.value_and_grad(BOXES, BOXES, engine="cuda"), RuntimeError, text)


def test_arrays_on_the_host(machine):
    machine()
    text = (
        "engine='cuda' takes CuPy arrays and torch tensors on a CUDA device; got numpy.ndarray. "
        "Move it there first, for example with cupy.asarray or tensor.cuda()"
    )
    check_error(lambda: bl.giou(BOXES, BOXES, engine="cuda"), ValueError, text)


def test_nothing_of_cuda_is_imported_for_the_host():
    code = """
import sys
import numpy as np, boxloss as bl
bl.l1(np.zeros((1, 4)), np.zeros((1, 4)))
print(*{name.partition(".")[0] for name in sys.modules} & {"cuda", "cupy", "numba_cuda"})
"""
    assert run(code) == ""


# --- Objects with an interface and no library -------------------------------------------------------------------------


class OnDevice:
    """Nothing but the interface, as a library that nobody knows would have it."""

    __cuda_array_interface__ = {"shape": (2, 4), "typestr": "<f4", "data": (256, False), "version": 3, "stream": 1}


ALONE = f"is known by its __cuda_array_interface__ alone ({OnDevice.__module__}.OnDevice), which needs"


@pytest.mark.parametrize(("name", "pair"), [("pred", (OnDevice(), BOXES)), ("target", (BOXES, OnDevice()))])
def test_interface_needs_cupy(name, pair, machine):
    machine(packages=("numba-cuda",))
    text = f"{name} {ALONE} CuPy: pip install 'boxloss[cuda12]' or 'boxloss[cuda13]'"
    check_error(lambda: bl.giou(*pair), RuntimeError, text)


def test_interface_needs_a_device(machine):
    machine(devices=0)
    text = f"weight {ALONE} a CUDA device, and the driver shows none; see CUDA_VISIBLE_DEVICES"
    check_error(lambda: bl.giou(BOXES, BOXES, weight=OnDevice()), RuntimeError, text)


def test_out_by_its_interface_needs_a_device(machine):
    machine(devices=0)
    text = f"out {ALONE} a CUDA device, and the driver shows none; see CUDA_VISIBLE_DEVICES"
    check_error(lambda: bl.giou.pairwise(BOXES, BOXES, out=OnDevice()), RuntimeError, text)


# --- Which engine -----------------------------------------------------------------------------------------------------


@pytest.fixture
def on_cupy(monkeypatch):
    """Inputs that hold an array of something that is called CuPy."""
    cupy = SimpleNamespace(ndarray=type("ndarray", (), {}))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    return Inputs(cupy, cupy.ndarray(), cupy.ndarray(), None, None, ("xyxy", "xyxy"), (1.0, 1.0))


@pytest.mark.parametrize(("name", "module"), [("auto", "cuda"), ("cuda", "cuda"), ("array", "array")])
def test_engine_of_cupy_arrays(name, module, machine, on_cupy):
    machine()
    assert select.engine(name, on_cupy).__name__ == f"boxloss.engines.{module}"


def test_auto_is_the_array_engine_where_something_is_missing(machine, on_cupy):
    machine(packages=())
    assert select.engine("auto", on_cupy).__name__ == "boxloss.engines.array"


# --- Launches ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def driver(monkeypatch):
    """The calls of the driver, in order, with each result named after its function."""
    calls = []

    def call(function, *arguments):
        calls.append((function, *arguments))
        return f"result of {function}"

    device = cuda_support.Device(3, "stand-in", (9, 0), 10)
    monkeypatch.setattr(cuda_support, "call", call)
    monkeypatch.setattr(cuda_support, "device", lambda ordinal: device)
    monkeypatch.setattr(cuda_launch, "machine_code", lambda *options: b"code")
    monkeypatch.setattr(cuda_launch, "_kernels", {})
    cuda_launch._context.cache_clear()
    yield calls
    cuda_launch._context.cache_clear()


KIND = Elementwise(("xyxy", "xyxy"), True, False, False, False, aligned=True)


def test_a_launch_is_one_call_on_the_stream_in_the_context_of_the_device(driver):
    loss = 2.0 * bl.L1() + bl.GIoU()
    kernel = cuda_launch.kernel("elementwise", loss, "float32", KIND, 3)
    driver.clear()
    arguments = (256, 512, 256, 1.0, 1.0, 1.0, 2.0, 1.0, 1024, 2048, 256, 1000)
    kernel(77, (4, 1, 1), 256, *arguments)
    push, launch, pop = driver
    assert push == ("cuCtxPushCurrent", "result of cuDevicePrimaryCtxRetain")
    assert pop == ("cuCtxPopCurrent",)
    *head, (given, types), extra = launch
    assert head == ["cuLaunchKernel", "result of cuModuleGetFunction", 4, 1, 1, 256, 1, 1, 0, 77]
    assert (given, extra) == (arguments, 0)
    pointer, number = ctypes.c_void_p, ctypes.c_float
    assert types == (*[pointer] * 3, *[number] * 5, *[pointer] * 3, ctypes.c_longlong)


def test_a_kernel_is_loaded_once_a_device(driver):
    first = cuda_launch.kernel("elementwise", bl.giou, "float32", KIND, 3)
    assert ("cuDeviceGet", 3) in driver
    assert ("cuModuleLoadData", b"code") in driver
    driver.clear()
    assert cuda_launch.kernel("elementwise", bl.giou, "float32", KIND, 3) is first
    assert driver == []
    assert cuda_launch.kernel("elementwise", bl.giou, "float32", KIND, 4) is not first


def test_the_context_is_given_back_if_a_call_fails(driver, monkeypatch):
    call = cuda_support.call

    def failing(function, *arguments):
        call(function, *arguments)
        if function == "cuLaunchKernel":
            raise RuntimeError("cuLaunchKernel of the CUDA driver failed: CUDA_ERROR_INVALID_VALUE")

    monkeypatch.setattr(cuda_support, "call", failing)
    kernel = cuda_launch._load(b"code", (), 3)
    driver.clear()
    with pytest.raises(RuntimeError, match="CUDA_ERROR_INVALID_VALUE"):
        kernel(0, (1, 1, 1), 1)
    assert [name for name, *_ in driver] == ["cuCtxPushCurrent", "cuLaunchKernel", "cuCtxPopCurrent"]


@pytest.mark.parametrize(("size", "blocks"), [(1, 1), (256, 1), (257, 2), (2**33, 320)])
def test_blocks_of_an_elementwise_kernel(size, blocks, driver):
    assert cuda_launch.elementwise_blocks(3, size, 256) == blocks


def test_alignment():
    assert DeviceArrays().are_aligned([0, 16, 512])
    assert not DeviceArrays().are_aligned([0, 20])
