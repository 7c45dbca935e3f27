"""Vectors of the CPU, which Numba has no words for: comparisons of several numbers at a time, and what is best of them.

LLVM vectorises neither the least of several floats, among which a NaN may be, nor a search for it. Here both are
written down as operations on vectors.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba.core import cgutils, types
from numba.core.types import Array, Type
from numba.extending import intrinsic

from boxloss.engines.llvm import BaseContext, Intrinsic, Signature, Values
from boxloss.engines.numba.memory import each_number

PLACE_BITS = 32  # of the number of a lane
STRETCH = 64  # values in which a place is looked for: as many as an integer has bits


@cache
def has_avx512() -> bool:
    """Say whether the CPU has vectors of 64 bytes, 32 of them, and moves a number of two to any place of a third."""
    return bool(get_host_cpu_features().get("avx512f", False))


@cache
def lanes_of(dtype: Any) -> int:
    """Find how many numbers are computed at a time: those of one vector of the CPU, or of several shorter ones.

    Twice as many as fit into a vector are too many for its registers: GIoU then takes twice the time.
    """
    return int((64 if has_avx512() else 32) // np.dtype(dtype).itemsize)


@cache
def best_of_lanes(lanes: int, comparison: str) -> Any:
    """Make ``best_of_lanes(values, first, groups, best, to) -> None``.

    It puts the best of each lane of ``groups * lanes`` values from `first` on into `best`, a NaN passed over: the best
    of `lanes` shares of the values, no two of which have one in common.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def of_lanes(typing_context: object, values: Array, first: Type, groups: Type, best: Array, to: Type) -> Intrinsic:
        def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
            values, first, groups, best, to = arguments
            data = context.make_array(signature.args[0])(context, builder, values).data
            shares = context.make_array(signature.args[3])(context, builder, best).data
            none = ir.Constant(data.type.pointee, float("-inf" if comparison == ">" else "inf"))
            share = cgutils.alloca_once_value(builder, in_all(builder, none, lanes))
            with cgutils.for_range(builder, groups) as loop:
                place = builder.add(first, builder.mul(loop.index, ir.Constant(first.type, lanes)))
                found = builder.load(vector_at(builder, data, place, lanes), align=4)
                builder.store(_better(builder, comparison, found, builder.load(share)), share)
            builder.store(builder.load(share), vector_at(builder, shares, to, lanes), align=4)
            return context.get_dummy_value()

        place = types.intp
        return types.none(values, place, place, best, place), codegen

    return of_lanes


@cache
def best_of(lanes: int, comparison: str) -> Any:
    """Make ``best_of(values, stretches, bound) -> best, place``.

    The best of so many times `STRETCH` values, and where the first of it is, a NaN passed over. If none beats the
    bound, that comes back, with the place -1.

    Of each lane its best is kept, and in which stretch that was. The place itself is looked for once, in that stretch:
    to keep it too would take several instructions more for each vector.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def best_of_values(typing_context: object, values: Array, stretches: Type, bound: Type) -> Intrinsic:
        def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
            values, stretches, bound = arguments
            data = context.make_array(signature.args[0])(context, builder, values).data
            count = ir.IntType(64 if isinstance(bound.type, ir.DoubleType) else 32)
            none = in_all(builder, ir.Constant(count, -1), lanes)
            outset = in_all(builder, bound, lanes)
            best = cgutils.alloca_once_value(builder, outset)
            where = cgutils.alloca_once_value(builder, none)
            with cgutils.for_range(builder, stretches) as stretch:
                start = builder.mul(stretch.index, ir.Constant(stretch.index.type, STRETCH))
                before = builder.load(best)
                here = outset  # and not the best so far, which would be waited for at every vector
                for k in range(STRETCH // lanes):
                    place = builder.add(start, ir.Constant(start.type, k * lanes))
                    found = builder.load(vector_at(builder, data, place, lanes), align=4)
                    here = _better(builder, comparison, found, here)
                this = stretch.index if count.width == 64 else builder.trunc(stretch.index, count)
                is_better = builder.fcmp_ordered(comparison, here, before)
                builder.store(builder.select(is_better, in_all(builder, this, lanes), builder.load(where)), where)
                builder.store(_better(builder, comparison, here, before), best)
            most = _best_lane(builder, builder.load(best), comparison)
            # Of the lanes that have it the first stretch; -1 is the last of all as a number without a sign.
            has_it = builder.fcmp_ordered("==", builder.load(best), in_all(builder, most, lanes))
            first = _as_index(builder, _least_lane(builder, builder.select(has_it, builder.load(where), none)))
            is_there = builder.icmp_signed(">=", first, ir.Constant(first.type, 0))
            start = builder.mul(first, ir.Constant(first.type, STRETCH))
            start = builder.select(is_there, start, ir.Constant(start.type, 0))
            looked_at = builder.load(vector_at(builder, data, start, STRETCH), align=4)
            bits = bits_of(builder, "==", looked_at, most, STRETCH)
            at = builder.add(start, builder.cttz(bits, ir.Constant(ir.IntType(1), 0)))
            at = builder.select(is_there, at, ir.Constant(at.type, 0))
            # What is there, since 0 and -0 are equal.
            most = builder.select(is_there, builder.load(builder.gep(data, [at], inbounds=True)), most)
            found = builder.select(is_there, at, ir.Constant(at.type, -1))
            return context.make_tuple(builder, signature.return_type, [most, found])

        place, number = types.intp, values.dtype
        result = types.Tuple([number, place])  # type: ignore[attr-defined]
        return result(values, place, number), codegen

    return best_of_values


@cache
def lanes_where(lanes: int, comparison: str) -> Any:
    """Make ``lanes_where(values, first, bound)``: a bit for each of so many values that compares with the bound."""

    @intrinsic  # type: ignore[untyped-decorator]
    def compare(typing_context: object, values: Array, first: Type, bound: Type) -> Intrinsic:
        def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
            values, first, bound = arguments
            data = context.make_array(signature.args[0])(context, builder, values).data
            found = builder.load(vector_at(builder, data, first, lanes), align=4)
            return bits_of(builder, comparison, found, bound, lanes)

        return types.int64(values, types.intp, values.dtype), codegen

    return compare


@cache
def which_touch(lanes: int) -> Any:
    """Make ``which_touch(boxes, apart, first, others, others_apart, place)``.

    It gives a bit for each of so many boxes that touches the other one at a place. Both arrays have rows of the left,
    top, right and bottom of boxes, of which the other one may be inverted.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def touch(
        typing_context: object, boxes: Array, apart: Type, first: Type, others: Array, others_apart: Type, place: Type
    ) -> Intrinsic:
        def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
            _, apart, first, _, others_apart, place = arguments
            many, one = (context.make_array(signature.args[k])(context, builder, arguments[k]).data for k in (0, 3))
            rows = each_number(builder, many, first, apart, 4)
            left, top, right, bottom = (
                builder.load(vector_at(builder, row, ir.Constant(place.type, 0), lanes), align=4) for row in rows
            )
            own = [in_all(builder, builder.load(at), lanes) for at in each_number(builder, one, place, others_apart, 4)]
            own[2:] = [_better(builder, ">", a, b) for a, b in zip(own[:2], own[2:], strict=True)]
            pairs = zip(("<=", "<=", ">=", ">="), (left, top, right, bottom), (*own[2:], *own[:2]), strict=True)
            truths = [builder.fcmp_ordered(comparison, a, b) for comparison, a, b in pairs]
            all_of_them = builder.and_(builder.and_(truths[0], truths[1]), builder.and_(truths[2], truths[3]))
            return builder.zext(builder.bitcast(all_of_them, ir.IntType(lanes)), ir.IntType(64))

        index = types.intp
        return types.int64(boxes, index, index, others, index, index), codegen

    return touch


@cache
def nan_where(lanes: int) -> Any:
    """Make ``nan_where(values, first, bits) -> None``, which makes NaN of those of so many values whose bit is set."""

    @intrinsic  # type: ignore[untyped-decorator]
    def put_nan(typing_context: object, values: Array, first: Type, bits: Type) -> Intrinsic:
        def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
            values, first, bits = arguments
            at = vector_at(builder, context.make_array(signature.args[0])(context, builder, values).data, first, lanes)
            truths = builder.bitcast(builder.trunc(bits, ir.IntType(lanes)), ir.VectorType(ir.IntType(1), lanes))
            nan = in_all(builder, ir.Constant(at.type.pointee.element, float("nan")), lanes)
            builder.store(builder.select(truths, nan, builder.load(at, align=4)), at, align=4)
            return context.get_dummy_value()

        return types.none(values, types.intp, types.int64), codegen

    return put_nan


@intrinsic  # type: ignore[untyped-decorator]
def lowest_bit(typing_context: object, bits: Type) -> Intrinsic:
    """Find the place of the lowest bit that is set, of one that is."""

    def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def bits_set(typing_context: object, bits: Type) -> Intrinsic:
    """Count the bits that are set."""

    def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), codegen


def bits_of(builder: ir.IRBuilder, comparison: str, vector: ir.Value, bound: ir.Value, lanes: int) -> ir.Value:
    """Make a bit for each number of a vector, which is set if the number compares with the bound."""
    truths = builder.fcmp_ordered(comparison, vector, in_all(builder, bound, lanes))
    return builder.zext(builder.bitcast(truths, ir.IntType(lanes)), ir.IntType(64))


def _lane(place: int) -> ir.Value:
    """Write the number of a lane."""
    return ir.Constant(ir.IntType(PLACE_BITS), place)


def vector_at(builder: ir.IRBuilder, data: ir.Value, place: ir.Value, lanes: int) -> ir.Value:
    """Find the address of the vector that begins at a place of an array."""
    vector = ir.VectorType(data.type.pointee, lanes)
    return builder.bitcast(builder.gep(data, [place], inbounds=True), vector.as_pointer())


def in_all(builder: ir.IRBuilder, value: ir.Value, lanes: int) -> ir.Value:
    """Put a number into all lanes."""
    unset = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    one = builder.insert_element(unset, value, _lane(0))
    return builder.shuffle_vector(one, unset, ir.Constant(ir.VectorType(_lane(0).type, lanes), [0] * lanes))


def shuffled(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, places: list[int]) -> ir.Value:
    """Make a vector of lanes of two others, of which those of the second are counted on."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_lane(0).type, len(places)), places))


def _better(builder: ir.IRBuilder, comparison: str, a: ir.Value, b: ir.Value) -> ir.Value:
    """Choose in each lane the better of two numbers, b if one is NaN: one instruction of x86."""
    return builder.select(builder.fcmp_ordered(comparison, a, b), a, b)


def _best_lane(builder: ir.IRBuilder, vector: ir.Value, comparison: str) -> ir.Value:
    """Find the best number of a vector."""
    return _halved(builder, vector, lambda a, b: _better(builder, comparison, a, b))


def _least_lane(builder: ir.IRBuilder, vector: ir.Value) -> ir.Value:
    """Find the least integer without a sign of a vector."""
    return _halved(builder, vector, lambda a, b: builder.select(builder.icmp_unsigned("<", a, b), a, b))


def _halved(builder: ir.IRBuilder, vector: ir.Value, choose: Callable[[ir.Value, ir.Value], ir.Value]) -> ir.Value:
    """Choose from one half and the other of a vector until one number is left."""
    while vector.type.count > 1:
        half, unset = vector.type.count // 2, ir.Constant(vector.type, ir.Undefined)
        kind = ir.VectorType(_lane(0).type, half)
        low, high = (
            builder.shuffle_vector(vector, unset, ir.Constant(kind, list(range(start, start + half))))
            for start in (0, half)
        )
        vector = choose(low, high)
    return builder.extract_element(vector, _lane(0))


def _as_index(builder: ir.IRBuilder, place: ir.Value) -> ir.Value:
    return place if place.type.width == 64 else builder.sext(place, ir.IntType(64))
