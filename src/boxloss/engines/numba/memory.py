"""Loads and stores of whole boxes, and hints to LLVM, which Numba has no words for."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.types import Array, Type
from numba.extending import intrinsic

from boxloss.engines.llvm import BaseContext, Intrinsic, Signature, Values

CACHE_LINE = 64  # bytes


@intrinsic  # type: ignore[untyped-decorator]
def prefer_wide_vectors(typing_context: object) -> Intrinsic:
    """Let LLVM use 512-bit vectors in the function that calls this.

    On CPUs with AVX-512 it stays with 256 bits by default. Wide ones take 0.76 times as long for CIoU with gradient, in
    float32 and in float64 (measured in cache on an Emerald Rapids Xeon). Elsewhere nothing changes.
    """

    def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
        # `attributes.add` knows only LLVM's enumerated attributes; this one is a string attribute.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.none(), codegen


def ask_for(builder: ir.IRBuilder, data: ir.Value, places: Iterable[int], *, to_write: bool) -> None:
    """Begin to bring what is at some places into the cache."""
    byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
    function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
    how = [ir.Constant(flag, value) for value in (int(to_write), 3, 1)]
    for place in places:
        at = builder.gep(data, [ir.Constant(ir.IntType(64), place)])
        builder.call(function, [builder.bitcast(at, byte), *how])


def each_number(builder: ir.IRBuilder, data: ir.Value, first: ir.Value, apart: ir.Value, size: int) -> list[ir.Value]:
    """Find the addresses of `size` numbers: the one at the place `first`, and each so far from the one before."""
    places = [builder.add(first, builder.mul(apart, ir.Constant(first.type, k))) for k in range(size)]
    return [builder.gep(data, [place], inbounds=True) for place in places]


def pointers(
    context: BaseContext,
    builder: ir.IRBuilder,
    kind: Type,
    array: ir.Value,
    first: ir.Value,
    apart: ir.Value,
    size: int,
) -> list[ir.Value]:
    """Find the addresses of `size` numbers of a flat array, likewise."""
    return each_number(builder, context.make_array(kind)(context, builder, array).data, first, apart, size)


@intrinsic  # type: ignore[untyped-decorator]
def data_of(typing_context: object, array: Array) -> Intrinsic:
    """Find the pointer to the numbers of an array."""

    def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), codegen  # type: ignore[attr-defined]


@cache
def load(size: int) -> Any:
    """Make ``load(array, first, apart)``, which reads a tuple of so many numbers of a flat array.

    Of the flat view, since LLVM turns ``boxes[4 * i + k]`` into wide loads and shuffles, while it reads
    ``boxes[i, k]`` of an (N, 4) array one number at a time (4 times slower, measured for CIoU in float32).
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def load_numbers(typing_context: object, array: Array, first: Type, apart: Type) -> Intrinsic:
        def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
            array, first, apart = arguments
            places = pointers(context, builder, signature.args[0], array, first, apart, size)
            return context.make_tuple(builder, signature.return_type, [builder.load(place) for place in places])

        return types.UniTuple(array.dtype, size)(array, types.intp, types.intp), codegen  # type: ignore[attr-defined]

    return load_numbers


@cache
def store(size: int) -> Any:
    """Make ``store(array, first, apart, numbers)``, which puts a tuple of so many numbers into a flat array."""

    @intrinsic  # type: ignore[untyped-decorator]
    def store_numbers(typing_context: object, array: Array, first: Type, apart: Type, numbers: Type) -> Intrinsic:
        def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
            array, first, apart, numbers = arguments
            places = pointers(context, builder, signature.args[0], array, first, apart, size)
            for k, place in enumerate(places):
                builder.store(builder.extract_value(numbers, k), place)
            return context.get_dummy_value()

        return types.void(array, types.intp, types.intp, numbers), codegen

    return store_numbers


@cache
def widened(size: int) -> Any:
    """Make ``widened(numbers)``, which gives the first so many of a tuple of numbers, in float64."""

    @intrinsic  # type: ignore[untyped-decorator]
    def widen(typing_context: object, numbers: Any) -> Intrinsic:
        def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
            narrow = [builder.extract_value(arguments[0], k) for k in range(size)]
            wide = [context.cast(builder, number, numbers.dtype, types.float64) for number in narrow]
            return context.make_tuple(builder, signature.return_type, wide)

        return types.UniTuple(types.float64, size)(numbers), codegen  # type: ignore[attr-defined]

    return widen
