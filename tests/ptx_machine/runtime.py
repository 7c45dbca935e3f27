"""The CUDA engine on NumPy arrays whose kernels the machine executes, in the place of `boxloss.engines.cuda_launch`."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from boxloss.engines import cuda_compile, cuda_kernels, cuda_simulator
from boxloss.engines.cuda_arrays import DeviceArrays
from boxloss.loss import Loss
from ptx_machine.machine import Machine
from ptx_machine.memory import WORD, Fault, Memory
from ptx_machine.parse import Kernel, parse

FAR_APART = 40  # arrays in global memory, in powers of two of bytes
LARGEST_ALIGNMENT = 256


class Address(int):
    """The address of an array, which knows the array."""

    array: Any


class HostArrays(cuda_simulator.NumPyArrays, DeviceArrays):
    """Arrays of NumPy, whose kernels take addresses."""

    are_aligned = DeviceArrays.are_aligned

    def argument(self, array: Any) -> Address:
        """What a kernel takes: the address of the first number."""
        address = Address(array.ctypes.data)
        address.array = array.reshape(-1)
        return address


class Runtime:
    """What `boxloss.engines.cuda` needs to launch a kernel."""

    def __init__(self, capability: tuple[int, int] = (9, 0), seed: int = 0, most_blocks: int = 2) -> None:
        self.capability, self.seed, self.most_blocks = capability, seed, most_blocks

    def arrays_like(self, array: Any) -> HostArrays:
        return HostArrays(array)

    def elementwise_blocks(self, ordinal: int, size: int, threads: int) -> int:
        """Few, so that the loop over a grid has several turns."""
        return min(-(-size // threads), self.most_blocks)

    def kernel(self, template: str, loss: Loss, dtype: str, kind: Any, ordinal: int) -> Callable[..., None]:
        compiled = compile_kernel(template, loss, dtype, kind, self.capability)

        def launch(stream: int, blocks: tuple[int, int, int], threads: int, *arguments: Any) -> None:
            execute(compiled, blocks, threads, arguments, self.seed)

        return launch


def compile_kernel(template: str, loss: Loss, dtype: str, kind: Any, capability: tuple[int, int]) -> Kernel:
    """The kernel of a template, compiled once."""
    key = (template, loss.structure, dtype, kind, capability)
    if key not in _compiled:
        _compiled[key] = parse(cuda_compile.ptx(getattr(cuda_kernels, template), loss, dtype, kind, capability))
    return _compiled[key]


_compiled: dict[Any, Kernel] = {}


def execute(
    kernel: Kernel, blocks: tuple[int, int, int], threads: int, arguments: tuple[Any, ...], seed: int = 0
) -> None:
    """Launch a kernel: an array that it writes to, it has to write to everywhere and once."""
    arrays = {int(a): a.array for a in arguments if isinstance(a, Address)}
    remainders = [address % LARGEST_ALIGNMENT for address in arrays]
    memory = Memory([array.nbytes for array in arrays.values()], remainders, FAR_APART)
    memory.is_set[:] = True
    for k, array in enumerate(arrays.values()):
        memory.data[memory.words(k)] = array.view(np.uint32)
    places = dict(zip(arrays, memory.addresses.tolist(), strict=True))
    numbers = [places[int(a)] if isinstance(a, Address) else a for a in arguments]
    Machine(kernel, memory, numbers, blocks, (threads, 1, 1), seed).run()
    for k, array in enumerate(arrays.values()):
        writes = memory.writes[memory.words(k)]
        if writes.any():
            if (writes != 1).any():
                raise Fault(
                    f"word {np.flatnonzero(writes != 1)[0]} of an output is written {writes[writes != 1][0]} times"
                )
            array.view(np.uint32)[:] = memory.data[memory.words(k)]
