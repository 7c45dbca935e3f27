"""The CUDA engine without CUDA: what it says when something is missing, how it is chosen, and what it asks a driver.

No kernel runs here. The arrays of CuPy and the driver are stand-ins.
"""

import ctypes
import importlib.metadata
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

import boxloss as bl
from boxloss.engines import cuda as engine
from boxloss.engines.cuda import launch
from boxloss.engines.cuda.arrays import DeviceArrays
from boxloss.libraries import cuda, interface
from boxloss.verbs import select
from errors import BOXES, check_error
from processes import run

INSTALL = 'pip install "boxloss[cuda12]" or pip install "boxloss[cuda13]", after the CUDA version of the driver'


@pytest.fixture
def machine(monkeypatch):
    """A machine whose packages and devices a test chooses."""

    def make(packages=("numba-cuda", "cupy"), devices=1, numba_cuda="0.30.4", compiler_lacks=None):
        def count():
            if isinstance(devices, Exception):
                raise devices
            return devices

        def version(name):
            if name not in packages:
                raise importlib.metadata.PackageNotFoundError(name)
            return numba_cuda

        monkeypatch.setattr(interface, "find_spec", lambda name: name if name in packages else None)
        monkeypatch.setattr(importlib.metadata, "version", version)
        monkeypatch.setattr(cuda, "device_count", count)
        monkeypatch.setattr(cuda, "missing_compiler", lambda: compiler_lacks)
        cuda.missing.cache_clear()

    yield make
    cuda.missing.cache_clear()


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


def test_compiler_is_missing(machine):
    machine(compiler_lacks="libnvvm")
    text = (
        f"engine='cuda' needs libnvvm of CUDA, which is not found: {INSTALL}; "
        "or set CUDA_HOME to the folder of a CUDA toolkit"
    )
    check_error(lambda: bl.giou(BOXES, BOXES, engine="cuda"), RuntimeError, text)


@pytest.mark.parametrize(("absent", "told"), [((), None), (("nvvm",), "libnvvm"), (("nvrtc",), "libnvrtc")])
@pytest.mark.parametrize("error", [RuntimeError, OSError])
def test_libraries_of_the_compiler(error, absent, told, monkeypatch):
    def load(name):
        if name in absent:
            raise error(name)

    for name, module in (
        ("cuda", SimpleNamespace()),
        ("cuda.pathfinder", SimpleNamespace(load_nvidia_dynamic_lib=load)),
    ):
        monkeypatch.setitem(sys.modules, name, module)
    assert cuda.missing_compiler() == told


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
    text = f'{name} {ALONE} CuPy: pip install "boxloss[cuda12]" or "boxloss[cuda13]"'
    check_error(lambda: bl.giou(*pair), RuntimeError, text)


def test_interface_needs_a_device(machine):
    machine(devices=0)
    text = f"weight {ALONE} a CUDA device, and the driver shows none; see CUDA_VISIBLE_DEVICES"
    check_error(lambda: bl.giou(BOXES, BOXES, weight=OnDevice()), RuntimeError, text)


def test_out_by_its_interface_needs_a_device(machine):
    machine(devices=0)
    text = f"out {ALONE} a CUDA device, and the driver shows none; see CUDA_VISIBLE_DEVICES"
    check_error(lambda: bl.giou.pairwise(BOXES, BOXES, out=OnDevice()), RuntimeError, text)


class Memory:
    """Memory on device 3, and what its interface says of it."""

    def __init__(self, stream=None, data=(256, False)):
        self.__cuda_array_interface__ = OnDevice.__cuda_array_interface__ | {"stream": stream, "data": data}


@pytest.fixture
def cupy(machine, monkeypatch):
    """A stand-in for CuPy, whose current stream is the default one and which tells what was asked of it."""
    machine()
    told = []
    current = SimpleNamespace(ptr=0, wait_event=lambda event: told.append(f"wait for {event.ptr}"))

    @contextmanager
    def device(ordinal):
        told.append(f"on {ordinal}")
        yield
        told.append("back")

    of_cuda = SimpleNamespace(
        Device=device,
        Event=lambda disable_timing: SimpleNamespace(ptr="an event"),
        get_current_stream=lambda: current,
        runtime=SimpleNamespace(
            eventRecord=lambda event, stream: told.append(f"{event} of {stream}"),
            pointerGetAttributes=lambda pointer: SimpleNamespace(device=3),
        ),
    )

    def asarray(array):
        assert array.__cuda_array_interface__["stream"] is None, "the host would wait for it"
        told.append("asarray")
        return array

    module = SimpleNamespace(cuda=of_cuda, asarray=asarray, ndarray=type("ndarray", (), {}), told=told, current=current)
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module


def test_memory_is_taken_on_its_own_device(cupy):
    """On another one CuPy would copy it."""
    memory = Memory()
    assert interface.as_cupy("pred", memory).owner is memory
    assert cupy.told == ["on 3", "asarray", "back"]


def test_memory_of_nothing_is_on_the_current_device(cupy):
    interface.as_cupy("pred", Memory(data=(0, False)))
    assert cupy.told[0] == "on None"


def test_stream_of_the_interface_is_waited_for_on_the_device(cupy):
    interface.as_cupy("pred", Memory(stream=77))
    assert cupy.told == ["on 3", "asarray", "an event of 77", "wait for an event", "back"]


@pytest.mark.parametrize(("stream", "current"), [(None, 77), (77, 77), (1, 0)])
def test_current_stream_does_not_wait_for_itself(stream, current, cupy):
    cupy.current.ptr = current
    interface.as_cupy("pred", Memory(stream=stream))
    assert cupy.told == ["on 3", "asarray", "back"]


@pytest.mark.usefixtures("cupy")
def test_out_that_is_read_only():
    memory = Memory(data=(256, True))
    text = "out must be writeable; its __cuda_array_interface__ says that it is not"
    check_error(lambda: bl.giou.pairwise(BOXES, BOXES, out=memory), ValueError, text)
    assert interface.as_cupy("pred", memory).owner is memory


# --- Which engine -----------------------------------------------------------------------------------------------------


@pytest.fixture
def on_cupy(monkeypatch):
    """An array of something that is called CuPy."""
    cupy = SimpleNamespace(ndarray=type("ndarray", (), {}))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    return cupy.ndarray()


@pytest.mark.parametrize(("name", "chosen"), [("auto", "cuda"), ("cuda", "cuda"), ("array", "array")])
def test_engine_of_cupy_arrays(name, chosen, machine, on_cupy):
    machine()
    assert select.engine(name, on_cupy) == chosen


@pytest.mark.parametrize("verb", ["elementwise", "pairwise"])
def test_what_runs_a_verb_on_cupy_arrays(verb, machine, on_cupy):
    machine()
    assert select.runner(verb, "auto", on_cupy).__module__ == f"boxloss.verbs.{verb}.cuda"


def test_auto_is_the_array_engine_where_something_is_missing(machine, on_cupy):
    machine(packages=())
    assert select.engine("auto", on_cupy) == "array"


# --- Launches ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def driver(monkeypatch):
    """The calls of the driver, in order, with each result named after its function."""
    calls = []

    def call(function, *arguments):
        calls.append((function, *arguments))
        return f"result of {function}"

    device = cuda.Device(3, "stand-in", (9, 0), 10)
    monkeypatch.setattr(cuda, "call", call)
    monkeypatch.setattr(cuda, "device", lambda ordinal: device)
    monkeypatch.setattr(launch, "machine_code", lambda *options: (b"code", TYPES))
    monkeypatch.setattr(launch, "_kernels", {})
    launch._context.cache_clear()
    yield calls
    launch._context.cache_clear()


TYPES = (*[ctypes.c_void_p] * 3, *[ctypes.c_float] * 5, *[ctypes.c_void_p] * 3, ctypes.c_longlong)
OPTIONS = ("a kind", True)


def template():
    """A stand-in for the import of a template."""
    return elementwise


def elementwise(machine, *options):
    """A stand-in for a template."""


def test_a_launch_is_one_call_on_the_stream_in_the_context_of_the_device(driver):
    kernel = launch.kernel(template, "WeightedSum", "float32", 3, *OPTIONS)
    driver.clear()
    arguments = (256, 512, 256, 1.0, 1.0, 1.0, 2.0, 1.0, 1024, 2048, 256, 1000)
    kernel(77, (4, 1, 1), 256, *arguments)
    push, launched, pop = driver
    assert push == ("cuCtxPushCurrent", "result of cuDevicePrimaryCtxRetain")
    assert pop == ("cuCtxPopCurrent",)
    *head, (given, types), extra = launched
    assert head == ["cuLaunchKernel", "result of cuModuleGetFunction", 4, 1, 1, 256, 1, 1, 0, 77]
    assert (given, types, extra) == (arguments, TYPES, 0)


def test_a_kernel_is_loaded_once_a_device(driver):
    first = launch.kernel(template, "GIoU", "float32", 3, *OPTIONS)
    assert ("cuDeviceGet", 3) in driver
    assert ("cuModuleLoadData", b"code") in driver
    driver.clear()
    assert launch.kernel(template, "GIoU", "float32", 3, *OPTIONS) is first
    assert driver == []
    assert launch.kernel(template, "GIoU", "float32", 4, *OPTIONS) is not first


def test_the_context_is_given_back_if_a_call_fails(driver, monkeypatch):
    call = cuda.call

    def failing(function, *arguments):
        call(function, *arguments)
        if function == "cuLaunchKernel":
            raise RuntimeError("cuLaunchKernel of the CUDA driver failed: CUDA_ERROR_INVALID_VALUE")

    monkeypatch.setattr(cuda, "call", failing)
    kernel = launch._load(b"code", (), 3)
    driver.clear()
    with pytest.raises(RuntimeError, match="CUDA_ERROR_INVALID_VALUE"):
        kernel(0, (1, 1, 1), 1)
    assert [name for name, *_ in driver] == ["cuCtxPushCurrent", "cuLaunchKernel", "cuCtxPopCurrent"]


def test_the_default_stream_goes_by_its_own_name(driver):
    """Where CUDA Python was told that 0 is the default stream of a thread, 0 would not be that of CuPy and torch."""
    launch._load(b"code", (), 3)(0, (1, 1, 1), 1)
    (launched,) = [arguments for name, *arguments in driver if name == "cuLaunchKernel"]
    assert launched[8] == 1


def test_threads_that_want_the_same_kernel_compile_it_once(driver):
    with ThreadPoolExecutor(4) as callers:
        kernels = list(callers.map(lambda _: launch.kernel(template, "GIoU", "float32", 3, *OPTIONS), range(4)))
    assert len(set(kernels)) == 1
    assert [name for name, *_ in driver].count("cuModuleLoadData") == 1


def test_a_kernel_that_the_driver_does_not_take(driver, monkeypatch):
    def refuse(function, *arguments):
        if function == "cuModuleLoadData":
            raise RuntimeError("cuModuleLoadData of the CUDA driver failed: CUDA_ERROR_UNSUPPORTED_PTX_VERSION")

    monkeypatch.setattr(cuda, "call", refuse)
    with pytest.raises(RuntimeError, match=r"UNSUPPORTED_PTX_VERSION\. libnvJitLink must not be older than libnvvm"):
        launch._load(b"code", (), 3)


# --- Machine code -----------------------------------------------------------------------------------------------------


@pytest.fixture
def compiler(monkeypatch, tmp_path):
    """A compiler whose machine code a test chooses; how often it ran."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    versions = {"numba-cuda": "0.30.4", "cuda-bindings": "13.0.3"}
    monkeypatch.setattr(launch, "version", versions.__getitem__)
    made = SimpleNamespace(code=b"machine code", runs=0, versions=versions)

    def ptx(capability):
        made.runs += 1
        return ".version 9.0"

    def written(template, dtype, capability, *options):
        digest = repr((template, dtype, capability, *options))
        return SimpleNamespace(digest=digest, ptx=ptx, argument_types=TYPES)

    stand_in = SimpleNamespace(written=written, linked=lambda text, capability: made.code)
    monkeypatch.setitem(sys.modules, "boxloss.engines.cuda.compile", stand_in)
    monkeypatch.setattr(engine, "compile", stand_in, raising=False)
    return made


def machine_code():
    return launch.machine_code(template, "GIoU", "float32", (9, 0), *OPTIONS)


def test_machine_code_is_kept_on_disk(compiler):
    assert [machine_code(), machine_code()] == [(b"machine code", TYPES)] * 2
    assert compiler.runs == 1


@pytest.mark.usefixtures("compiler")
def test_a_kernel_on_disk_says_what_it_is(tmp_path):
    machine_code()
    (path,) = tmp_path.rglob("*.kernel")
    assert path.name.rpartition("-")[0] == "cuda-sm_90-elementwise-float32-GIoU"


def test_machine_code_of_another_cuda_is_another(compiler):
    """Drivers for CUDA 12 do not take that of CUDA 13."""
    machine_code()
    compiler.versions["cuda-bindings"] = "12.9.4"
    machine_code()
    assert compiler.runs == 2


def test_the_driver_gets_what_cannot_be_assembled_and_nothing_is_kept(compiler):
    compiler.code = None
    assert [machine_code(), machine_code()] == [(b".version 9.0\0", TYPES)] * 2
    assert compiler.runs == 2


@pytest.mark.usefixtures("compiler")
def test_a_numba_cuda_that_lacks_what_is_imported(monkeypatch):
    monkeypatch.delattr(engine, "compile")
    monkeypatch.setitem(sys.modules, "boxloss.engines.cuda.compile", None)
    with pytest.raises(RuntimeError, match=r"^engine='cuda' does not work with numba-cuda 0\.30\.4: "):
        machine_code()


@pytest.mark.parametrize(("size", "blocks"), [(1, 1), (256, 1), (257, 2), (2**33, 320)])
def test_blocks_of_an_elementwise_kernel(size, blocks, driver):
    assert launch.elementwise_blocks(3, size, 256) == blocks


def test_threads_that_keep_the_multiprocessors_at_work(driver):
    assert launch.threads_that_fill(3) == 10 * launch.THREADS_A_MULTIPROCESSOR


def test_alignment():
    assert DeviceArrays().are_aligned([0, 16, 512])
    assert not DeviceArrays().are_aligned([0, 20])
