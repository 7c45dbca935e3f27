"""Loads and stores of a whole box, 16 bytes a time where it is aligned to that, which Numba has no words for."""

from functools import cache
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.types import Type
from numba.cuda.extending import intrinsic

from boxloss.engines.llvm import BaseContext, Intrinsic, Signature, Values

GLOBAL, SHARED = 1, 3  # address spaces of NVVM


def _first_number(
    builder: ir.IRBuilder, kind: Any, boxes: ir.Value, index: ir.Value, size: int, context: BaseContext
) -> ir.Value:
    """Make a pointer to the first number of a box: of global memory, or of a shared array."""
    pointer, space = boxes, GLOBAL
    if isinstance(kind, types.Array):
        pointer, space = context.make_array(kind)(context, builder, boxes).data, SHARED
    pointer = builder.addrspacecast(pointer, context.get_value_type(kind.dtype).as_pointer(space))
    return builder.gep(pointer, [builder.mul(index, ir.Constant(index.type, size))])


def _vectors(builder: ir.IRBuilder, pointer: ir.Value, lanes: int, count: int) -> list[ir.Value]:
    """Make pointers to vectors of so many numbers of a pointer."""
    vector = ir.VectorType(pointer.type.pointee, lanes).as_pointer(pointer.type.addrspace)
    first = builder.bitcast(pointer, vector)
    return [builder.gep(first, [ir.Constant(ir.IntType(64), k)]) for k in range(count)]


def _lanes(kind: Any, size: int, aligned: bool) -> int:
    """Say how many numbers are read at a time: those of 16 bytes, if every box begins at a multiple of that."""
    lanes: int = 128 // kind.dtype.bitwidth
    return lanes if aligned and size % lanes == 0 else 1


@cache
def load(size: int, aligned: bool) -> Any:
    """Make ``load(boxes, index)``: the numbers of a box, as a tuple; `aligned` if the first box is, to 16 bytes."""

    @intrinsic  # type: ignore[untyped-decorator]
    def load_box(typing_context: object, boxes: Any, index: Type) -> Intrinsic:
        def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
            boxes, index = arguments
            kind, lanes = signature.args[0], _lanes(signature.args[0], size, aligned)
            pointer = _first_number(builder, kind, boxes, index, size, context)
            if lanes == 1:
                places = [builder.gep(pointer, [ir.Constant(ir.IntType(64), k)]) for k in range(size)]
                numbers = [builder.load(place) for place in places]
            else:
                loads = [builder.load(v, align=16) for v in _vectors(builder, pointer, lanes, size // lanes)]
                numbers = [
                    builder.extract_element(v, ir.Constant(ir.IntType(32), k)) for v in loads for k in range(lanes)
                ]
            return context.make_tuple(builder, signature.return_type, numbers)

        return types.UniTuple(boxes.dtype, size)(boxes, types.int64), codegen  # type: ignore[attr-defined]

    return load_box


@cache
def store(size: int, aligned: bool) -> Any:
    """Make ``store(boxes, index, numbers)``: put the numbers of a box; see `load`."""

    @intrinsic  # type: ignore[untyped-decorator]
    def store_box(typing_context: object, boxes: Any, index: Type, numbers: Type) -> Intrinsic:
        def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
            boxes, index, numbers = arguments
            kind, lanes = signature.args[0], _lanes(signature.args[0], size, aligned)
            pointer = _first_number(builder, kind, boxes, index, size, context)
            values = [builder.extract_value(numbers, k) for k in range(size)]
            if lanes == 1:
                for k, value in enumerate(values):
                    builder.store(value, builder.gep(pointer, [ir.Constant(ir.IntType(64), k)]))
                return context.get_dummy_value()
            for group, vector in enumerate(_vectors(builder, pointer, lanes, size // lanes)):
                packed = ir.Constant(vector.type.pointee, ir.Undefined)
                for k in range(lanes):
                    packed = builder.insert_element(packed, values[group * lanes + k], ir.Constant(ir.IntType(32), k))
                builder.store(packed, vector, align=16)
            return context.get_dummy_value()

        return types.void(boxes, types.int64, numbers), codegen

    return store_box
