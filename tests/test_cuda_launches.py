"""Kernels for CUDA without CUDA: how they are loaded, launched and kept on disk, with a stand-in for the driver."""

import ctypes
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from boxloss.engines import cuda as engine
from boxloss.engines.cuda import launch
from boxloss.engines.cuda.arrays import DeviceArrays
from boxloss.libraries import cuda

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


@pytest.mark.parametrize(("size", "blocks"), [(1, 1), (256, 1), (257, 2), (2**33, 320)])
def test_blocks_of_an_elementwise_kernel(size, blocks, driver):
    assert launch.elementwise_blocks(3, size, 256) == blocks


def test_threads_that_keep_the_multiprocessors_at_work(driver):
    assert launch.threads_that_fill(3) == 10 * launch.THREADS_A_MULTIPROCESSOR


def test_alignment():
    assert DeviceArrays().are_aligned([0, 16, 512])
    assert not DeviceArrays().are_aligned([0, 20])


# --- Machine code -----------------------------------------------------------------------------------------------------


@pytest.fixture
def compiler(monkeypatch, tmp_path):
    """A compiler whose machine code a test chooses; how often it ran."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    versions = {
        "numba-cuda": "0.30.4",
        "cuda-bindings": "13.0.3",
        "nvvm": "libnvvm.so.4 1",
        "nvjitlink": "libnvJitLink.so.13 1",
    }
    monkeypatch.setattr(launch, "version", versions.__getitem__)
    made = SimpleNamespace(code=b"machine code", runs=0, versions=versions)

    def ptx(capability):
        made.runs += 1
        return ".version 9.0"

    def written(template, dtype, capability, *options):
        digest = repr((template, dtype, capability, *options))
        return SimpleNamespace(digest=digest, ptx=ptx, argument_types=TYPES)

    stand_in = SimpleNamespace(
        written=written,
        linked=lambda text, capability: made.code,
    )
    monkeypatch.setattr(launch.driver, "compilers", lambda: (versions["nvvm"], versions["nvjitlink"]))
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
    """Drivers for CUDA 12 do not take that of CUDA 13, and what compiles and assembles comes in packages of its own."""
    machine_code()
    for runs, (package, other) in enumerate({"cuda-bindings": "12.9.4", "nvvm": "2", "nvjitlink": "2"}.items(), 2):
        compiler.versions[package] = other
        machine_code()
        assert compiler.runs == runs


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
