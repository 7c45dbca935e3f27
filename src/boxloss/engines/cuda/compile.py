"""How a kernel template becomes PTX and machine code. It needs numba-cuda, and neither a GPU nor a driver."""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from numba.core import types
from numba.cuda.extending import intrinsic

from boxloss.engines.cuda.instructions import instructions, replaced
from boxloss.engines.cuda.private import NVVM_OPTIONS, LinkerError, compile_kernel, link
from boxloss.engines.digest import digest_of
from boxloss.engines.machine import Machine, inner

Capability = tuple[int, int]
Template = tuple[Callable[..., None], Any]  # a kernel and its signature
ENTRY = "kernel"


class CudaMachine(Machine):
    """A GPU of a compute capability, for one float type."""

    def __init__(self, dtype: str, capability: Capability) -> None:
        super().__init__(dtype, intrinsic, replaced(dtype), instructions(dtype, capability))
        self.pointer = types.CPointer(self.number)  # type: ignore[attr-defined]


@cache
def machine(dtype: str, capability: Capability) -> CudaMachine:
    """Make the machine of a GPU, for one float type."""
    return CudaMachine(dtype, capability)


class Written(NamedTuple):
    """A kernel before it is compiled, for one capability and others with the same `instructions`."""

    kernel: Callable[..., None]
    signature: Any
    capability: Capability

    @property
    def digest(self) -> str:
        """What tells it from any other, in any process."""
        return digest_of(self.kernel, str(self.signature), self.capability, NVVM_OPTIONS, inner=inner)

    @property
    def argument_types(self) -> tuple[Any, ...]:
        """The types of its arguments in C: a tuple is as many arguments."""
        return tuple(_in_c(kind) for argument in self.signature.args for kind in _parts(argument))

    def lower(self) -> Callable[[Capability], str]:
        """Compile it but for the last step: what makes its assembly, whose entry is named "kernel"."""
        assembly, name = compile_kernel(self.kernel, self.signature, self.capability)
        return lambda capability: assembly(capability).replace(name, ENTRY)

    def ptx(self, capability: Capability) -> str:
        """Make the assembly."""
        return self.lower()(capability)


def written(template: Callable[..., Template], dtype: str, capability: Capability, *options: Any) -> Written:
    """Make the kernel of a template."""
    kernel, signature = template(machine(dtype, capability), *options)
    return Written(kernel, signature, capability)


def _parts(kind: Any) -> tuple[Any, ...]:
    return tuple(kind) if isinstance(kind, types.BaseTuple) else (kind,)  # type: ignore[attr-defined]


def _in_c(kind: Any) -> Any:
    if isinstance(kind, types.CPointer):  # type: ignore[attr-defined]
        return ctypes.c_void_p
    return {types.float32: ctypes.c_float, types.float64: ctypes.c_double, types.int64: ctypes.c_longlong}[kind]


def linked(text: str, capability: Capability) -> bytes | None:
    """Make the machine code of PTX; None if nvJitLink does not know the version of the PTX or the GPU."""
    try:
        return assemble(text, capability)[0]
    except LinkerError:
        return None


def assemble(text: str, capability: Capability, *options: str) -> tuple[bytes, str]:
    """Make the machine code of PTX for a capability, and return what the assembler says."""
    return link(text.encode(), ENTRY, (f"-arch=sm_{capability[0]}{capability[1]}", *options))
