"""What is written down of a formula, computed over rows of numbers, a vector of each at a time.

The operations are those of `boxloss.engines.llvm`, in each lane, and so is every bit of a value, whatever wants it.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.types import Array, Type
from numba.extending import intrinsic

from boxloss.engines.llvm import BaseContext, Intrinsic, Signature, Values, emit
from boxloss.engines.numba.memory import each_number
from boxloss.engines.numba.vectors import bits_of, in_all, vector_at
from boxloss.engines.trace import Trace


def values_of_rows(written: Trace, size: int, count: int, lanes: int) -> Any:
    """Make ``values_of_rows(preds, pred, pred_apart, height, numbers, targets, first, apart, width, values, stride)``.

    It computes a function of the `size` numbers of each of `height` preds from `pred` on, those of each of `width`
    targets from `first` on, and `count` numbers, and puts the results into `values`, rows of which are so far apart.
    Arrays are given by pointers. Of targets a whole vector is read, however few they are.

    The last vector ends where the row ends, and so computes again what the one before it did. A row that is shorter
    than a vector is written with what is behind it, if that is a row that comes later.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def rows(
        typing_context: object,
        preds: Type,
        pred: Type,
        pred_apart: Type,
        height: Type,
        numbers: Type,
        targets: Type,
        first: Type,
        apart: Type,
        width: Type,
        values: Type,
        stride: Type,
    ) -> Intrinsic:
        def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
            preds, pred, pred_apart, height, numbers, targets, first, apart, width, values, stride = arguments
            none, one, step = (ir.Constant(width.type, number) for number in (0, 1, lanes))
            shared = [builder.load(at) for at in each_number(builder, numbers, none, one, count)]
            columns = each_number(builder, targets, first, apart, size)
            last = builder.sub(width, step)
            is_short = builder.icmp_signed("<", last, none)
            last = builder.select(is_short, none, last)
            is_apart = builder.icmp_signed("!=", width, stride)
            room = cgutils.alloca_once(builder, values.type.pointee, size=lanes)
            with cgutils.for_range(builder, height) as row:
                places = each_number(builder, preds, builder.add(pred, row.index), pred_apart, size)
                values_at = _values(builder, [builder.load(at) for at in places], shared, columns, written, lanes)
                own = builder.gep(values, [builder.mul(row.index, stride)], inbounds=True)
                left = builder.mul(builder.sub(height, row.index), stride)
                is_last = builder.or_(is_apart, builder.icmp_signed("<", left, step))
                needs_room = builder.and_(is_short, is_last)
                into = builder.select(needs_room, room, own)
                with cgutils.for_range_slice(builder, none, width, step) as (place, _):
                    place = builder.select(builder.icmp_signed("<", place, last), place, last)
                    builder.store(values_at(place), vector_at(builder, into, place, lanes), align=4)
                with cgutils.if_unlikely(builder, needs_room), cgutils.for_range(builder, width) as k:
                    builder.store(builder.load(builder.gep(room, [k.index])), builder.gep(own, [k.index]))
            return context.get_dummy_value()

        place = types.intp
        of_pred, of_target = (preds, place, place, place), (targets, place, place, place)
        return types.none(*of_pred, numbers, *of_target, values, place), codegen

    return rows


def over_rows(written: Trace, given: list[int], put: list[int], count: int, lanes: int) -> Any:
    """Make ``over_rows(numbers, width, shared) -> None``.

    It computes a function of the numbers in some rows, each of which is `width` numbers wide, and of `count` numbers
    that all columns share, and puts each result into a row. Arrays are given by pointers.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def compute(typing_context: object, numbers: Type, width: Type, shared: Type) -> Intrinsic:
        def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
            numbers, width, shared = arguments
            none, one, step = (ir.Constant(width.type, number) for number in (0, 1, lanes))
            own = [builder.load(at) for at in each_number(builder, shared, none, one, count)]
            own = [in_all(builder, number, lanes) for number in own]
            rows = each_number(builder, numbers, none, width, 1 + max(*given, *put))
            vector = ir.VectorType(numbers.type.pointee, lanes)
            with cgutils.for_range_slice(builder, none, width, step) as (place, _):
                columns = [builder.load(vector_at(builder, rows[row], place, lanes), align=4) for row in given]
                results = emit(written, builder, vector, columns + own)
                for row, result in zip(put, flattened(results), strict=True):
                    builder.store(result, vector_at(builder, rows[row], place, lanes), align=4)
            return context.get_dummy_value()

        return types.none(numbers, width, shared), codegen

    return compute


def which_of(written: Trace, size: int, count: int, lanes: int, comparison: str) -> Any:
    """Make ``which_of(pred, numbers, targets, first, apart, bound)``: a bit for each of `lanes` that beats it."""

    @intrinsic  # type: ignore[untyped-decorator]
    def which(
        typing_context: object, pred: Type, numbers: Type, targets: Array, first: Type, apart: Type, bound: Type
    ) -> Intrinsic:
        def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
            pred, numbers, targets, first, apart, bound = arguments
            of_pred = [builder.extract_value(pred, k) for k in range(size)]
            shared = [builder.extract_value(numbers, k) for k in range(count)]
            data = context.make_array(signature.args[2])(context, builder, targets).data
            columns = each_number(builder, data, first, apart, size)
            values_at = _values(builder, of_pred, shared, columns, written, lanes)
            return bits_of(builder, comparison, values_at(ir.Constant(ir.IntType(64), 0)), bound, lanes)

        return types.int64(pred, numbers, targets, types.intp, types.intp, targets.dtype), codegen

    return which


def _values(
    builder: ir.IRBuilder,
    of_pred: list[ir.Value],
    shared: list[ir.Value],
    columns: list[ir.Value],
    written: Trace,
    lanes: int,
) -> Callable[[ir.Value], ir.Value]:
    """Make what emits the values of the targets from a place on: what all share is put into all lanes once."""
    known, own = ([in_all(builder, number, lanes) for number in numbers] for numbers in (of_pred, shared))
    vector = ir.VectorType(columns[0].type.pointee, lanes)

    def values_at(place: ir.Value) -> ir.Value:
        given = [builder.load(vector_at(builder, column, place, lanes), align=4) for column in columns]
        return emit(written, builder, vector, known + given + own)

    return values_at


def flattened(results: Any) -> list[ir.Value]:
    """List the numbers of tuples in tuples, one after the other."""
    return [number for item in results for number in flattened(item)] if isinstance(results, tuple) else [results]
