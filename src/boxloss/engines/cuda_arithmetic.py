"""Arithmetic of float32 on a GPU: instructions that Numba has no words for, and which functions they stand in for.

With them, and divisions that are not exact, the kernel of CIoU and its gradient has 254 machine instructions instead of
487 (sm_90).
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.cuda.extending import intrinsic

from boxloss import guards
from boxloss.engines import scalar


def _assembly(instruction: str, *numbers: Any) -> Any:
    """A PTX instruction of float32 as Numba wants an intrinsic: its signature, and what writes the code."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number, operands = ir.FloatType(), ", ".join(f"${k}" for k in range(len(arguments) + 1))
        kind = ir.FunctionType(number, [number] * len(arguments))
        return builder.asm(kind, f"{instruction} {operands};", "=f" + ",f" * len(arguments), arguments, False)

    return types.float32(*[types.float32] * len(numbers)), codegen


@intrinsic  # type: ignore[untyped-decorator]
def minimum(typing_context: Any, a: Any, b: Any) -> Any:
    """The smaller of two numbers, NaN if one is."""
    return _assembly("min.NaN.f32", a, b)


@intrinsic  # type: ignore[untyped-decorator]
def maximum(typing_context: Any, a: Any, b: Any) -> Any:
    """The larger of two numbers, NaN if one is."""
    return _assembly("max.NaN.f32", a, b)


@intrinsic  # type: ignore[untyped-decorator]
def reciprocal(typing_context: Any, a: Any) -> Any:
    """1 / a to 1 ulp; 0 from 2^126 on."""
    return _assembly("rcp.approx.ftz.f32", a)


@intrinsic  # type: ignore[untyped-decorator]
def fused(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once."""
    return _assembly("fma.rn.f32", a, b, c)


def share(xp: Any, part: Any, whole: Any, per_whole: Any) -> Any:
    """part / whole from an approximate 1 / whole and what that leaves: exactly 1 where they are equal."""
    quotient = part * per_whole
    return fused(per_whole, fused(-whole, quotient, part), quotient)


def instructions(capability: tuple[int, int]) -> dict[Callable[..., Any], Any]:
    """The functions of formulas that are one instruction of float32."""
    least_and_most = {scalar.minimum: minimum, scalar.maximum: maximum} if capability >= (8, 0) else {}
    return {guards.reciprocal: reciprocal, **least_and_most}


# Without guards too there is an inverse each: it takes one instruction, and the product of two more.
FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {guards.share: share, guards.inverses: guards.inverses}
