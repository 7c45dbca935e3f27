"""Arithmetic of a GPU: what functions of formulas become there.

With it, and divisions that are not exact, the kernel of CIoU and its gradient has 254 machine instructions instead of
487 (sm_90).
"""

import inspect
from collections.abc import Mapping

from llvmlite import ir

from boxloss.engines.llvm import Emit
from boxloss.engines.symbols import NUMBER
from boxloss.engines.trace import Function, SymbolicNamespace
from boxloss.shapes import guards
from boxloss.shapes.pairs import AlignedPair
from boxloss.shapes.relations import Areas, areas_forward, sum_of_products
from boxloss.typing import Number


def _assembly(instruction: str) -> Emit:
    """Make what emits a PTX instruction of float32."""

    def emit(builder: ir.IRBuilder, number: ir.Type, *operands: ir.Value) -> ir.Value:
        places = ", ".join(f"${k}" for k in range(len(operands) + 1))
        kind = ir.FunctionType(number, [number] * len(operands))
        return builder.asm(kind, f"{instruction} {places};", "=f" + ",f" * len(operands), operands, False)

    return emit


def _library(name: str) -> Emit:
    """Make what calls a function of libdevice, which numba-cuda links to every kernel; that of float32 ends in f."""

    def emit(builder: ir.IRBuilder, number: ir.Type, operand: ir.Value) -> ir.Value:
        full, module = f"__nv_{name}f" if isinstance(number, ir.FloatType) else f"__nv_{name}", builder.module
        function = module.globals.get(full) or ir.Function(module, ir.FunctionType(number, [number]), full)
        return builder.call(function, [operand])

    return emit


LIBRARY = {"abs": _library("fabs"), "sqrt": _library("sqrt")}


def instructions(dtype: str, capability: tuple[int, int]) -> dict[str, Emit]:
    """List what operations are one instruction of: the smaller and the larger number are NaN if one of them is."""
    if dtype != "float32":
        return LIBRARY
    least_and_most = {"minimum": _assembly("min.NaN.f32"), "maximum": _assembly("max.NaN.f32")}
    # 1 / a to 1 ulp, and 0 from 2^126 on; a b + c, rounded once.
    always = {"reciprocal": _assembly("rcp.approx.ftz.f32"), "fused": _assembly("fma.rn.f32")}
    return LIBRARY | always | (least_and_most if capability >= (8, 0) else {})


def reciprocal(xp: SymbolicNamespace, a: Number) -> Number:
    """Compute 1 / a to 1 ulp."""
    return xp.operation("reciprocal", NUMBER, a)


def share(xp: SymbolicNamespace, part: Number, whole: Number, per_whole: Number) -> Number:
    """Compute part / whole from an approximate 1 / whole and what that leaves: exactly 1 where they are equal."""
    quotient = part * per_whole
    rest = xp.operation("fused", NUMBER, -whole, quotient, part)
    return xp.operation("fused", NUMBER, per_whole, rest, quotient)


def contracted_areas(xp: SymbolicNamespace, pair: AlignedPair) -> Areas:
    """Compute the areas, fused: at a match all products but one are 0. On a CPU a descent would depend on its kind."""
    with xp.writer.contracting(True):
        areas: Areas = inspect.unwrap(areas_forward)(xp, pair)
    return areas


def separate_products(xp: SymbolicNamespace, a: Number, b: Number, c: Number, d: Number) -> Number:
    """Compute a b + c d, each product rounded."""
    with xp.writer.contracting(False):
        return a * b + c * d


def replaced(dtype: str) -> Mapping[Function, Function]:
    """Name the functions of formulas that others run in place of."""
    always: dict[Function, Function] = {
        areas_forward: contracted_areas,
        sum_of_products: separate_products,
        # Without guards too there is an inverse each, so that guards change no bit: a tile with a box that needs them
        # has the same numbers. In float32 it is also faster: one instruction, where the product of two takes more.
        guards.inverses: inspect.unwrap(guards.inverses),
        guards.per_sides: guards.per_side_by_side,
    }
    own: dict[Function, Function] = {guards.reciprocal: reciprocal, guards.share: share}
    return always | own if dtype == "float32" else always
