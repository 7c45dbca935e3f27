"""CuPy and torch under one set of names, for the tests on a GPU; and stand-ins on the host for a rehearsal of them."""

import importlib
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import Any

import numpy as np

from bounds import BOUND, gradient_error, value_error

SPIN = r"""
extern "C" __global__ void spin(long long cycles) {
    long long start = clock64();
    while (clock64() - start < cycles) {}
}
"""
CYCLES = 1_000_000_000  # half a second or more: thousands of times what a warm call takes


def what_is_missing() -> str | None:
    """Why the tests can't run on a GPU here, in one line; None if they can."""
    for module in ("array_api_compat", "cupy", "torch"):
        if find_spec(module) is None:
            return f"{module} is not installed"
    from boxloss.libraries import cuda

    if lacks := cuda.missing():
        return f"the CUDA engine needs {lacks}"
    import cupy
    import torch

    if not cupy.cuda.is_available():
        return f"CuPy {cupy.__version__} finds none"
    if not torch.cuda.is_available():
        return f"torch {torch.__version__} finds none"
    return None


class Library:
    """An array library: arrays into it, out of it, and checks of its results."""

    name: str
    engine = "cuda"
    default_float: str

    def __init__(self) -> None:
        self.xp: Any = importlib.import_module(self.name)

    def asarray(self, values: Any, dtype: str | None = None) -> Any:
        """An array of its own memory from a NumPy array, in its data type or another."""
        raise NotImplementedError

    def to_numpy(self, array: Any) -> np.ndarray:
        """The values of an array; of a type that NumPy lacks, in float64."""
        raise NotImplementedError

    def dtype(self, name: str) -> Any:
        """A data type."""
        return getattr(self.xp, name)

    def empty(self, shape: tuple[int, ...], dtype: str = "float32") -> Any:
        """An array on the device with anything in it."""
        raise NotImplementedError

    def device(self, array: Any) -> Any:
        """Where an array is."""
        return array.device

    def check_kind(self, result: Any, shape: tuple[int, ...], dtype: str) -> None:
        """It is an array of this library on its device, of this shape and type."""
        like = self.empty((1,), dtype)
        assert type(result) is type(like)
        assert self.device(result) == self.device(like)
        assert tuple(result.shape) == tuple(shape)
        assert result.dtype == like.dtype

    def check_value(self, result: Any, expected: Any, dtype: str) -> None:
        """A value or a matrix, against the true one."""
        self.check_kind(result, np.shape(expected), dtype)
        assert value_error(self.to_numpy(result), expected) <= BOUND[dtype]

    def check_gradient(self, result: Any, expected: Any, dtype: str, floor: float = 0.0) -> None:
        """A gradient, against the true one."""
        self.check_kind(result, np.shape(expected), dtype)
        assert gradient_error(self.to_numpy(result).astype(np.float64), expected, floor) <= BOUND[dtype]

    def check_equal(self, result: Any, expected: Any) -> None:
        """Two arrays of this library, bit for bit."""
        assert result.dtype == expected.dtype
        np.testing.assert_array_equal(self.to_numpy(result), self.to_numpy(expected))


class CuPy(Library):
    """CuPy arrays."""

    name = "cupy"
    default_float = "float64"

    def asarray(self, values: Any, dtype: str | None = None) -> Any:
        return self.xp.array(values, dtype=dtype, order="C")

    def to_numpy(self, array: Any) -> np.ndarray:
        return self.xp.asnumpy(array)

    def empty(self, shape: tuple[int, ...], dtype: str = "float32") -> Any:
        return self.xp.empty(shape, dtype)

    def synchronize(self) -> None:
        """Wait for all that the device was given."""
        self.xp.cuda.Device().synchronize()

    def new_stream(self) -> Any:
        """A stream that does not wait for the default one."""
        return self.xp.cuda.Stream(non_blocking=True)

    def on(self, stream: Any) -> AbstractContextManager[Any]:
        """Make a stream the current one."""
        return stream

    def is_done(self, stream: Any) -> bool:
        """Whether a stream has no work left."""
        return bool(stream.done)

    def spin(self) -> None:
        """Keep the current stream busy for a while."""
        self.xp.RawKernel(SPIN, "spin")((1,), (1,), (np.int64(CYCLES),))

    def capture(self, work: Any) -> tuple[Any, Any]:
        """Capture work in a CUDA graph: a function that replays it and waits, and what the work returned."""
        stream = self.new_stream()
        with stream:
            for _ in range(2):  # the pool keeps blocks by stream
                work()
            stream.synchronize()
            stream.begin_capture(self.xp.cuda.runtime.streamCaptureModeGlobal)
            try:
                results = work()
            finally:
                graph = stream.end_capture()

        def replay() -> None:
            self.synchronize()
            graph.launch(stream)
            stream.synchronize()

        return replay, results

    def free_memory(self) -> int:
        """Give cached blocks back to the device: the bytes that it then has left."""
        self.xp.get_default_memory_pool().free_all_blocks()
        return int(self.xp.cuda.runtime.memGetInfo()[0])


class Torch(Library):
    """Torch tensors."""

    name = "torch"
    default_float = "float32"
    place = "cuda"

    def asarray(self, values: Any, dtype: str | None = None) -> Any:
        values = np.ascontiguousarray(values)
        return self.xp.tensor(values, device=self.place, dtype=dtype and self.dtype(dtype))

    def to_numpy(self, array: Any) -> np.ndarray:
        array = array.detach().cpu()
        return (array.double() if array.dtype == self.xp.bfloat16 else array).numpy()

    def empty(self, shape: tuple[int, ...], dtype: str = "float32") -> Any:
        return self.xp.empty(shape, dtype=self.dtype(dtype), device=self.place)

    def synchronize(self) -> None:
        self.xp.cuda.synchronize()

    def new_stream(self) -> Any:
        return self.xp.cuda.Stream()

    def on(self, stream: Any) -> AbstractContextManager[Any]:
        return self.xp.cuda.stream(stream)

    def is_done(self, stream: Any) -> bool:
        return bool(stream.query())

    def spin(self) -> None:
        self.xp.cuda._sleep(CYCLES)

    def capture(self, work: Any) -> tuple[Any, Any]:
        stream = self.new_stream()
        stream.wait_stream(self.xp.cuda.current_stream())
        with self.on(stream):
            for _ in range(2):
                work()
        self.synchronize()
        graph = self.xp.cuda.CUDAGraph()
        with self.xp.cuda.graph(graph):
            results = work()

        def replay() -> None:
            graph.replay()
            self.synchronize()

        return replay, results

    def free_memory(self) -> int:
        self.xp.cuda.empty_cache()
        return int(self.xp.cuda.mem_get_info()[0])


class HostNumPy(Library):
    """NumPy arrays and the CPU engine, in place of CuPy and the CUDA engine."""

    name = "numpy"
    engine = "numba"
    default_float = "float64"

    def asarray(self, values: Any, dtype: str | None = None) -> Any:
        return np.array(values, dtype=dtype, order="C")

    def to_numpy(self, array: Any) -> np.ndarray:
        return np.asarray(array)

    def empty(self, shape: tuple[int, ...], dtype: str = "float32") -> Any:
        return np.empty(shape, dtype)

    def check_kind(self, result: Any, shape: tuple[int, ...], dtype: str) -> None:
        super().check_kind(np.asarray(result), shape, dtype)  # NumPy gives numbers for arrays without axes


class HostTorch(Torch):
    """CPU tensors and the CPU engine, in place of CUDA tensors and the CUDA engine."""

    engine = "numba"
    place = "cpu"


LIBRARIES = (CuPy, Torch)
STAND_INS = (HostNumPy, HostTorch)
