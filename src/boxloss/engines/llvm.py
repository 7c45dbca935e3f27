"""Straight-line code of `boxloss.engines.trace` as instructions of LLVM, for CPUs and GPUs.

Numba compiles the loops around it. It would take ten times as long for the formula itself, whose types it infers
operation by operation, while all of them are known here: one float type, and truths.

The compiler may ignore the sign of a zero. It may not contract a product and a sum into one operation, but where a
node says so: an unrounded product leaves a residue where a formula is 0 by cancellation, at a match.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.base import BaseContext as BaseContext
from numba.core.typing import Signature as Signature

from boxloss.engines.symbols import INTEGER, TRUTH, Node
from boxloss.engines.trace import Trace

Values = Sequence[ir.Value]
Emit = Callable[..., ir.Value]  # emit(builder, number type, *operands)
# What the function behind Numba's `intrinsic` gives for the types of its arguments: a signature, and what emits it.
Intrinsic = tuple[Signature, Callable[[BaseContext, ir.IRBuilder, Signature, Values], ir.Value]]
BINARY = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
LOGIC = {"and": "and_", "or": "or_", "xor": "xor"}
INTEGERS = {"integer add": "add", "integer sub": "sub", "shift left": "shl", "shift right": "ashr"}
ORDERED = ("<", "<=", ">", ">=", "==")
CALLS = {"abs": "llvm.fabs", "sqrt": "llvm.sqrt", "fused": "llvm.fma"}
FLAGS, CONTRACTED_FLAGS = ("nsz",), ("nsz", "contract")
NONE: Mapping[str, Emit] = MappingProxyType({})


def emit(
    trace: Trace, builder: ir.IRBuilder, number: ir.Type, arguments: Values, instructions: Mapping[str, Emit] = NONE
) -> Any:
    """Write the instructions of a trace.

    Parameters
    ----------
    trace
        The code.
    builder
        Where to.
    number
        The float type, of LLVM, or a vector of it: then everything is computed in each lane.
    arguments
        The values of the arguments, one after the other.
    instructions
        What an operation becomes on this machine, where it is not the usual: ``emit(builder, number, *operands)``.

    Returns
    -------
    The values of the results, in tuples as the trace has them.
    """
    kinds = {TRUTH: _of_lanes(number, ir.IntType(1)), INTEGER: _integer(number)}
    values: list[ir.Value] = []
    for node in trace.nodes:
        if node.operation == "argument":
            values.append(arguments[int(node.value)])
        elif node.operation == "constant":
            values.append(_constant(node, kinds.get(node.kind, number)))
        else:
            operands = [values[place] for place in node.operands]
            own = instructions.get(node.operation)
            values.append(own(builder, number, *operands) if own else _instruction(builder, node, number, operands))
    return _pick(trace.results, values)


def _constant(node: Node, kind: ir.Type) -> ir.Constant:
    if node.kind == TRUTH:
        return _in_each_lane(kind, int(node.value == "True"))
    return _in_each_lane(kind, int(node.value) if node.kind == INTEGER else float.fromhex(node.value))


def _in_each_lane(kind: ir.Type, value: float) -> ir.Constant:
    return ir.Constant(kind, [value] * kind.count if isinstance(kind, ir.VectorType) else value)


def _instruction(builder: ir.IRBuilder, node: Node, number: ir.Type, operands: list[ir.Value]) -> ir.Value:
    name, flags = node.operation, CONTRACTED_FLAGS if node.contract else FLAGS
    if name in BINARY:
        return getattr(builder, BINARY[name])(*operands, flags=flags)
    if name == "select":
        return builder.select(*operands)
    if name in ORDERED:
        return builder.fcmp_ordered(name, *operands, flags=flags)
    if name == "!=":
        return builder.fcmp_unordered(name, *operands, flags=flags)
    if name in ("minimum", "maximum"):
        first = builder.fcmp_ordered("<" if name == "minimum" else ">", *operands, flags=flags)
        return builder.select(first, *operands)
    if name == "neg":
        return builder.fsub(_in_each_lane(number, -0.0), *operands, flags=flags)
    if name in CALLS:
        function = _declared(builder.module, CALLS[name], number, len(operands))
        return builder.call(function, operands, fastmath=flags)
    if name in LOGIC or name in INTEGERS:
        return getattr(builder, (LOGIC | INTEGERS)[name])(*operands)
    if name == "bits":
        return builder.bitcast(*operands, _integer(number))
    return {"from bits": builder.bitcast, "to number": builder.sitofp}[name](*operands, number)


def _integer(number: ir.Type) -> ir.Type:
    """Find the integer of as many bits as a float, or a vector of it."""
    single = number.element if isinstance(number, ir.VectorType) else number
    return _of_lanes(number, ir.IntType(32 if isinstance(single, ir.FloatType) else 64))


def _of_lanes(number: ir.Type, kind: ir.Type) -> ir.Type:
    """Return the type as it is, or a vector of as many lanes as the numbers have."""
    return ir.VectorType(kind, number.count) if isinstance(number, ir.VectorType) else kind


def _declared(module: ir.Module, name: str, number: ir.Type, count: int) -> ir.Function:
    """Declare an intrinsic of LLVM, of as many operands; llvmlite has no name for that of vectors."""
    kind = ir.FunctionType(number, [number] * count)
    if not isinstance(number, ir.VectorType):
        return module.declare_intrinsic(name, [number], kind)
    full = f"{name}.v{number.count}{number.element.intrinsic_name}"
    return module.globals.get(full) or ir.Function(module, kind, full)


def _pick(results: Any, values: list[ir.Value]) -> Any:
    return tuple(_pick(item, values) for item in results) if isinstance(results, tuple) else values[results]


# --- As a function that Numba calls -----------------------------------------------------------------------------------


def function_of(
    trace: Trace, number: types.Type, intrinsic: Callable[..., Any], instructions: Mapping[str, Emit] = NONE
) -> Any:
    """Make a trace a function for loops that Numba compiles: of one tuple, which holds all arguments.

    Parameters
    ----------
    trace
        The code.
    number
        The float type, of Numba.
    intrinsic
        The decorator of that name, of Numba or of numba-cuda.
    instructions
        See `emit`.
    """
    result = _type(trace.results, trace, number)

    @intrinsic
    def call(typing_context: object, arguments: types.Type) -> Intrinsic:
        def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, values: Values) -> ir.Value:
            given = list(_numbers(builder, values[0], signature.args[0]))
            found = emit(trace, builder, context.get_value_type(number), given, instructions)
            return _packed(context, builder, result, found)

        return result(arguments), codegen

    return call


def _type(results: Any, trace: Trace, number: types.Type) -> Any:
    if isinstance(results, tuple):
        return types.Tuple([_type(item, trace, number) for item in results])  # type: ignore[attr-defined]
    return types.boolean if trace.nodes[results].kind == TRUTH else number


def _numbers(builder: ir.IRBuilder, value: ir.Value, kind: types.Type) -> Iterator[ir.Value]:
    """Yield the numbers of a tuple of numbers and tuples, in order."""
    if not isinstance(kind, types.BaseTuple):  # type: ignore[attr-defined]
        yield value
        return
    for place, part in enumerate(kind):
        yield from _numbers(builder, builder.extract_value(value, place), part)


def _packed(context: BaseContext, builder: ir.IRBuilder, kind: Any, found: Any) -> ir.Value:
    if not isinstance(found, tuple):
        return found
    parts = [_packed(context, builder, part, item) for part, item in zip(kind, found, strict=True)]
    return context.make_tuple(builder, kind, parts)
