"""Loads and stores of a whole box, 16 bytes a time, which Numba has no words for."""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.cuda.extending import intrinsic

GLOBAL, SHARED = 1, 3  # address spaces of NVVM


def _boxes(builder: Any, kind: Any, boxes: Any, index: Any, context: Any) -> tuple[Any, int]:
    """A pointer to the first number of a box, and how many numbers make 16 bytes."""
    pointer, space = boxes, GLOBAL
    if isinstance(kind, types.Array):
        pointer, space = context.make_array(kind)(context, builder, boxes).data, SHARED
    number = context.get_value_type(kind.dtype)
    pointer = builder.addrspacecast(pointer, number.as_pointer(space))
    first = builder.mul(index, ir.Constant(index.type, 4))
    return builder.gep(pointer, [first]), 128 // kind.dtype.bitwidth


def _vectors(builder: Any, pointer: Any, lanes: int) -> list[Any]:
    """The pointer as pointers to vectors of 16 bytes."""
    vector = ir.VectorType(pointer.type.pointee, lanes).as_pointer(pointer.type.addrspace)
    first = builder.bitcast(pointer, vector)
    return [builder.gep(first, [ir.Constant(ir.IntType(64), k)]) for k in range(4 // lanes)]


@intrinsic  # type: ignore[untyped-decorator]
def load_box(typing_context: Any, boxes: Any, index: Any) -> Any:
    """Four numbers from ``boxes[4 * index]`` on: a pointer to global memory or a shared array, aligned to 16 bytes."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        boxes, index = arguments
        pointer, lanes = _boxes(builder, signature.args[0], boxes, index, context)
        loads = [builder.load(vector, align=16) for vector in _vectors(builder, pointer, lanes)]
        numbers = [builder.extract_element(v, ir.Constant(ir.IntType(32), k)) for v in loads for k in range(lanes)]
        return context.make_tuple(builder, signature.return_type, numbers)

    box = types.UniTuple(boxes.dtype, 4)  # type: ignore[attr-defined]
    return box(boxes, types.int64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def store_box(typing_context: Any, boxes: Any, index: Any, numbers: Any) -> Any:
    """Four numbers to ``boxes[4 * index]`` and on."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        boxes, index, numbers = arguments
        pointer, lanes = _boxes(builder, signature.args[0], boxes, index, context)
        values = [builder.extract_value(numbers, k) for k in range(4)]
        for group, vector in enumerate(_vectors(builder, pointer, lanes)):
            packed = ir.Constant(vector.type.pointee, ir.Undefined)
            for k in range(lanes):
                packed = builder.insert_element(packed, values[group * lanes + k], ir.Constant(ir.IntType(32), k))
            builder.store(packed, vector, align=16)
        return context.get_dummy_value()

    box = types.UniTuple(boxes.dtype, 4)  # type: ignore[attr-defined]
    return types.void(boxes, types.int64, box), codegen
