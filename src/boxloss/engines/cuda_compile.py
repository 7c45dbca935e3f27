"""How a kernel template becomes PTX and machine code. It needs numba-cuda, and neither a GPU nor a driver."""

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

from cuda.bindings import nvjitlink
from numba.core import types
from numba.core.fastmathpass import rewrite_module
from numba.cuda import libdevice
from numba.cuda.compiler import compile_cuda, kernel_fixup
from numba.cuda.core.options import FastMathOptions
from numba.cuda.dispatcher import CUDADispatcher

from boxloss.engines import cuda_arithmetic, cuda_extensions, scalar
from boxloss.engines.compile import Specialiser
from boxloss.engines.cuda_kernels import load_numbers, store_numbers
from boxloss.formula import formula_of
from boxloss.geometry import areas_forward
from boxloss.guards import UNGUARDED
from boxloss.loss import Loss

Capability = tuple[int, int]
# No contraction into fused multiply-adds but where flags allow it, for the reason given at `compile.FORMULA_FLAGS`.
# Divisions of float32 may be 2 ulp off: an exact one has a branch and three times as many instructions.
NVVM_OPTIONS = {"opt": 3, "fma": 0, "prec_div": 0}
ENTRY = "kernel"
BITS = {
    scalar.bits_32: libdevice.float_as_int,
    scalar.number_32: libdevice.int_as_float,
    scalar.bits_64: libdevice.double_as_longlong,
    scalar.number_64: libdevice.longlong_as_double,
}


class DeviceFunction(CUDADispatcher):  # type: ignore[misc]
    """A function that kernels call, compiled for a given capability: Numba's own asks the current device for one."""

    def __init__(self, function: FunctionType, flags: set[str], capability: Capability) -> None:
        super().__init__(function, {"device": True, "opt": True})
        self.flags, self.capability = flags, capability

    def compile_device(self, args: Any, return_type: Any = None) -> Any:
        """The compiled function for these types of arguments, each compiled once."""
        if args not in self.overloads:
            result = compile_cuda(
                self.py_func, return_type, args, forceinline=True, nvvm_options=NVVM_OPTIONS, cc=self.capability
            )
            rewrite_module(result.library._module, FastMathOptions(self.flags))
            self.overloads[args] = result
            result.target_context.insert_user_function(result.entry_point, result.fndesc, [result.library])
        return self.overloads[args]


class DeviceSpecialiser(Specialiser):
    """Compiles plain functions for one float type and one compute capability."""

    alignment = 16  # of boxes in shared memory

    def __init__(self, dtype: str, capability: Capability, guarded: bool) -> None:
        self.capability = capability
        known, replaced = BITS, {} if guarded else UNGUARDED
        if dtype == "float32":
            known, replaced = BITS | cuda_arithmetic.instructions(capability), replaced | cuda_arithmetic.FUNCTIONS
        super().__init__(dtype, lambda function, flags: DeviceFunction(function, flags, capability), known, replaced)
        self.pointer = types.CPointer(self.number)  # type: ignore[attr-defined]

    def unguarded(self) -> "DeviceSpecialiser":
        """The specialiser of the same float type that leaves the guards out."""
        return specialiser(self.dtype, self.capability, guarded=False)

    def may_contract(self, function: Callable[..., Any]) -> bool:
        """Areas may too: their products at a match are 0 but for one. On a CPU a descent would depend on its kind."""
        return function is areas_forward or super().may_contract(function)

    def access(self, aligned: bool) -> tuple[Any, Any]:
        """Functions that load and store a box: of 16 bytes a time if boxes are aligned to that."""
        if aligned:
            return cuda_extensions.load_box, cuda_extensions.store_box
        return self.function(load_numbers), self.function(store_numbers)


@cache
def specialiser(dtype: str, capability: Capability, guarded: bool = True) -> DeviceSpecialiser:
    """The one specialiser of a float type and a capability."""
    return DeviceSpecialiser(dtype, capability, guarded)


def ptx(template: Callable[..., Any], loss: Loss, dtype: str, kind: Any, capability: Capability) -> str:
    """The assembly of a kernel, whose entry is named "kernel"."""
    return lower(template, loss, dtype, kind, capability)(capability)


def lower(
    template: Callable[..., Any], loss: Loss, dtype: str, kind: Any, capability: Capability
) -> Callable[[Capability], str]:
    """What makes the assembly of a kernel, for this capability and others with the same `instructions`."""
    made = template(specialiser(dtype, capability), formula_of(loss.structure), len(loss.weights), kind)
    kernel, signature = made
    result = compile_cuda(kernel, types.void, signature.args, nvvm_options=NVVM_OPTIONS, cc=capability)
    name = result.fndesc.llvm_func_name
    kernel_fixup(result.library.get_function(name), False)
    return lambda capability: result.library.get_asm_str(capability).replace(name, ENTRY)


def machine_code(text: str, capability: Capability) -> bytes | None:
    """The machine code of PTX; None if nvJitLink does not know the version of the PTX or the GPU."""
    try:
        return assemble(text, capability)[0]
    except nvjitlink.nvJitLinkError:
        return None


def assemble(text: str, capability: Capability, *options: str) -> tuple[bytes, str]:
    """The machine code of PTX for a capability, and what the assembler says."""
    options = (f"-arch=sm_{capability[0]}{capability[1]}", *options)
    source = text.encode()
    linker = nvjitlink.create(len(options), options)
    try:
        nvjitlink.add_data(linker, nvjitlink.InputType.PTX, source, len(source), ENTRY)
        nvjitlink.complete(linker)
        code, log = bytearray(nvjitlink.get_linked_cubin_size(linker)), bytearray(nvjitlink.get_info_log_size(linker))
        nvjitlink.get_linked_cubin(linker, code)
        nvjitlink.get_info_log(linker, log)
    finally:
        nvjitlink.destroy(linker)
    return bytes(code), log.decode().rstrip("\0")
