"""Objects that are known by their ``__cuda_array_interface__`` alone, on a GPU."""

import numpy as np
import pytest

import boxloss as bl
from generators import mixed
from gpu_libraries import CuPy

pytestmark = pytest.mark.device


class Alone:
    """The memory of a CuPy array, written on a stream, and nothing that names a library."""

    def __init__(self, array, stream=None, read_only=False):
        self.array = array
        interface = array.__cuda_array_interface__
        data = interface["data"][0], read_only
        self.__cuda_array_interface__ = {**interface, "version": 3, "data": data, "stream": stream}


@pytest.fixture
def cupy():
    return CuPy()


@pytest.fixture
def pair(cupy, rng):
    return [cupy.asarray(side) for side in mixed(rng, 300)]


def check_all_verbs(cupy, given, pair):
    """The same numbers as of CuPy arrays, as CuPy arrays."""
    value, grad = bl.ciou.value_and_grad(*given, engine="cuda")
    expected, d = bl.ciou.value_and_grad(*pair, engine="cuda")
    cupy.check_kind(value, (300,), "float64")
    cupy.check_equal(value, expected)
    cupy.check_equal(grad, d)
    cupy.check_equal(bl.ciou(*given), expected)
    cupy.check_equal(bl.ciou.pairwise(*given), bl.ciou.pairwise(*pair))


@pytest.mark.parametrize("stream", [None, 1, 2])
def test_memory_alone(stream, cupy, pair):
    check_all_verbs(cupy, [Alone(side, stream, read_only=True) for side in pair], pair)


def test_arrays_of_numba(cupy, pair):
    from numba import cuda

    check_all_verbs(cupy, [cuda.to_device(cupy.to_numpy(side)) for side in pair], pair)


def test_beside_a_cupy_array_and_with_a_weight(cupy, pair):
    weight = cupy.asarray(np.full(300, 2.0))
    value = bl.giou(pair[0], Alone(pair[1]), weight=Alone(weight), engine="cuda")
    cupy.check_equal(value, 2.0 * bl.giou(*pair, engine="cuda"))


def test_strided_memory(cupy, pair):
    strided = [cupy.asarray(np.repeat(cupy.to_numpy(side), 2, axis=0))[::2] for side in pair]
    check_all_verbs(cupy, [Alone(side) for side in strided], pair)


def test_no_boxes(cupy):
    nothing = Alone(cupy.empty((0, 4)))
    cupy.check_kind(bl.giou(nothing, nothing, engine="cuda"), (0,), "float32")
    cupy.check_kind(bl.giou.pairwise(nothing, nothing, engine="cuda"), (0, 0), "float32")


def test_out_is_the_memory_itself(cupy, pair):
    out = cupy.empty((300, 300), "float64")
    alone = Alone(out)
    assert bl.giou.pairwise(*pair, out=alone, engine="cuda") is alone
    cupy.check_equal(out, bl.giou.pairwise(*pair, engine="cuda"))


def test_stream_of_the_interface_is_waited_for_by_the_device_alone(cupy, pair):
    """The boxes are written on a busy stream: without the wait the old ones would be read."""
    producer, own = cupy.new_stream(), cupy.new_stream()
    late = [cupy.xp.zeros_like(side) for side in pair]
    with cupy.on(own):
        bl.ciou(*pair, engine="cuda")
    cupy.synchronize()
    with cupy.on(producer):
        for array, right in zip(late, pair, strict=True):
            array[...] = right
            array[...] = 0.0
        cupy.spin()
        for array, right in zip(late, pair, strict=True):
            array[...] = right
    with cupy.on(own):
        value = bl.ciou(*(Alone(side, producer.ptr) for side in late), engine="cuda")
        was_done = cupy.is_done(producer)
    cupy.synchronize()
    assert not was_done, "the host waited for the stream of the interface"
    assert cupy.is_done(producer), "the stream is still there"
    cupy.check_equal(value, bl.ciou(*pair, engine="cuda"))
