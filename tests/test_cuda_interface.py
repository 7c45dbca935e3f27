"""Objects with a `__cuda_array_interface__` and no library, without CUDA: a stand-in for CuPy takes their memory."""

import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

import boxloss as bl
from boxloss.libraries import interface
from cuda_machine import chosen_machine
from errors import BOXES, check_error


@pytest.fixture
def machine(monkeypatch):
    """A machine whose packages and devices a test chooses."""
    with chosen_machine(monkeypatch) as make:
        yield make


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
