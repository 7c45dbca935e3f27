"""The CUDA engine on NumPy arrays whose kernels the machine executes, in place of a driver and a GPU."""

from collections.abc import Callable
from typing import Any

import numpy as np

from boxloss.engines.cuda.arrays import DeviceArrays
from instructions import of_template
from ptx_machine.machine import Machine
from ptx_machine.memory import KernelError, Memory
from ptx_machine.parse import Kernel, parse

GLOBAL_APART = 40
PAGE = 256  # an address keeps its remainder


class Address(int):
    """The address of an array, which knows the array."""

    array: Any


class HostArrays(DeviceArrays):
    """Arrays of NumPy, of which kernels take addresses."""

    ordinal = 0

    def __init__(self, like: Any) -> None:
        self.dtype = like.dtype

    @property
    def dtype_name(self) -> str:
        """The float type of the computation."""
        return str(self.dtype)

    def stream(self) -> int:
        """No stream: the machine knows none."""
        return 0

    def empty(self, shape: tuple[int, ...]) -> Any:
        """A new array, whose numbers are none as long as nobody wrote them."""
        return np.full(shape, np.nan, self.dtype)

    def indices(self, shape: tuple[int, ...]) -> Any:
        """A new array of whole numbers, of which none is an index as long as nobody wrote it."""
        return np.full(shape, -(2**62), np.int64)

    def dense(self, array: Any, shape: tuple[int, ...]) -> Any:
        """The array broadcast to a shape, as it is if it is C-contiguous already."""
        return np.ascontiguousarray(np.broadcast_to(array, shape))

    def is_dense(self, array: Any) -> bool:
        """Whether an array is C-contiguous."""
        return bool(array.flags.c_contiguous)

    def argument(self, array: Any) -> Address:
        """What a kernel takes: the address of the first number."""
        address = Address(array.ctypes.data)
        address.array = array.reshape(-1)
        return address


class Runtime:
    """What `boxloss.engines.cuda.launch` does of a call; the seed draws the errors of approximate instructions."""

    def __init__(self, capability: tuple[int, int] = (9, 0), seed: int = 0) -> None:
        self.capability, self.seed = capability, seed

    def elementwise_blocks(self, ordinal: int, size: int, threads: int) -> int:
        """Two at most, so that the loop over the grid has several turns."""
        return min(-(-size // threads), 2)

    def threads_that_fill(self, ordinal: int) -> int:
        """Few, so that some matrices of tests have rows enough and others have not."""
        return 1024

    def kernel(
        self, template: Callable[[], Any], loss: str, dtype: str, ordinal: int, *options: Any
    ) -> Callable[..., None]:
        """The kernel, to be called as that of `launch`."""
        code = parse(of_template(template(), dtype, self.capability, *options).text)

        def launch(stream: int, blocks: tuple[int, int, int], threads: int, *arguments: Any) -> None:
            execute(code, arguments, blocks, (threads, 1, 1), self.seed)

        return launch


def execute(code: Kernel, arguments: Any, grid: Any, block: Any, seed: int) -> None:
    """Run a kernel, which has to write each output everywhere and once."""
    addresses = [a for a in arguments if isinstance(a, Address)]
    arrays = {a: a.array for a in sorted(addresses, key=lambda a: a.array.size)}  # of those at one address the longest
    memory = Memory([array.nbytes for array in arrays.values()], [address % PAGE for address in arrays], GLOBAL_APART)
    memory.is_set[:] = True
    for k, array in enumerate(arrays.values()):
        memory.data[memory.words_of(k)] = array.view(np.uint32)
    places = dict(zip(arrays, memory.addresses.tolist(), strict=True))
    numbers = [places[a] if isinstance(a, Address) else a for a in arguments]
    Machine(code, memory, numbers, grid, block, seed).run()
    for k, array in enumerate(arrays.values()):
        words = memory.words_of(k)
        if memory.writes[words].any():
            check_written_once(memory.writes[words])
            array.view(np.uint32)[:] = memory.data[words]


def check_written_once(writes: Any) -> None:
    """Each word of an output, by how often it was written."""
    (wrong,) = np.nonzero(writes != 1)
    if wrong.size:
        raise KernelError(
            f"word {wrong[0]} of an output was written {writes[wrong[0]]} times, as were {wrong.size - 1}"
        )
