"""What this package uses of numba-cuda that is not its public interface.

Seen to work with numba-cuda 0.30.0 to 0.30.4. Where a name is gone, the import fails, and `launch` says so.
"""

from collections.abc import Callable
from typing import Any

from cuda.bindings import nvjitlink
from numba.core import types
from numba.cuda.compiler import compile_cuda, kernel_fixup

LinkerError = nvjitlink.nvJitLinkError
# No contraction into fused multiply-adds but where flags allow it, for the reason given in `boxloss.engines.llvm`.
# Divisions of float32 may be 2 ulp off: an exact one has a branch and three times as many instructions.
NVVM_OPTIONS = {"opt": 3, "fma": 0, "prec_div": 0}


def compile_kernel(
    kernel: Callable[..., None], signature: Any, capability: tuple[int, int]
) -> tuple[Callable[[tuple[int, int]], str], str]:
    """Make what gives the PTX of a kernel for a capability, and find the name of its entry."""
    result = compile_cuda(kernel, types.void, signature.args, nvvm_options=NVVM_OPTIONS, cc=capability)
    name = result.fndesc.llvm_func_name
    kernel_fixup(result.library.get_function(name), False)
    return result.library.get_asm_str, name


def link(source: bytes, name: str, options: tuple[str, ...]) -> tuple[bytes, str]:
    """Make machine code from PTX, and return what the assembler says."""
    linker = nvjitlink.create(len(options), options)
    try:
        nvjitlink.add_data(linker, nvjitlink.InputType.PTX, source, len(source), name)
        nvjitlink.complete(linker)
        code, log = bytearray(nvjitlink.get_linked_cubin_size(linker)), bytearray(nvjitlink.get_info_log_size(linker))
        nvjitlink.get_linked_cubin(linker, code)
        nvjitlink.get_info_log(linker, log)
    finally:
        nvjitlink.destroy(linker)
    return bytes(code), log.decode().rstrip("\0")
