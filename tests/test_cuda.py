"""The CUDA engine without CUDA: what it says when something is missing, and how it is chosen."""

import sys
from types import SimpleNamespace

import pytest

import boxloss as bl
from boxloss.libraries import cuda
from boxloss.verbs import select
from cuda_machine import chosen_machine
from errors import BOXES, check_error
from processes import run

INSTALL = 'pip install "boxloss[cuda12]" or pip install "boxloss[cuda13]", after the CUDA version of the driver'


@pytest.fixture
def machine(monkeypatch):
    """A machine whose packages and devices a test chooses."""
    with chosen_machine(monkeypatch) as make:
        yield make


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
