"""Straight-line code of `boxloss.engines.trace` as JavaScript, for pages that compute losses where they are looked at.

JavaScript's numbers are float64 and its arithmetic is that of IEEE 754, so what is written here computes what the other
engines compute, operation by operation. Exponentials, logarithms and angles are those of its `Math`.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from boxloss.engines import scalar
from boxloss.engines.symbols import NUMBER, Node, Symbol
from boxloss.engines.trace import Function, SymbolicNamespace, Trace, trace
from boxloss.typing import Number

VALUES = "values"  # a kind of symbol: an array of numbers, which a call gives
INFIX = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "and": "&&", "or": "||", "xor": "!==", "==": "===", "!=": "!==",
} | {name: name for name in ("<", "<=", ">", ">=")}  # fmt: skip
SAME_NAMES = ("abs", "sqrt", "atan2", "cos", "exp", "expm1", "log", "log1p", "pow", "round", "sin")
OF_MATH = {"minimum": "min", "maximum": "max"} | {name: name for name in SAME_NAMES}
LONGEST = 160  # characters of an expression that is written into another


def _of_math(name: str) -> Function:
    return lambda xp, *operands: xp.operation(name, NUMBER, *operands)


def _pow(xp: SymbolicNamespace, a: Number, exponent: Number) -> Number:
    """Compute a power, NaN for every negative number as formulas have it."""
    return xp.where(a >= 0.0, xp.operation("pow", NUMBER, a, exponent), math.nan)


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {name: _of_math(name) for name in ("atan2", "cos", "exp", "expm1", "log", "log1p", "round", "sin")}
    | {"pow": _pow, "sign": scalar.sign}
)


def write(
    function: Function, arguments: Sequence[Sequence[str]], called: Mapping[Function, Function] = MappingProxyType({})
) -> str:
    """Write a function of JavaScript that does what a plain one does.

    Parameters
    ----------
    function
        ``function(xp, *arguments)``, of tuples of numbers.
    arguments
        For each of its arguments, what the numbers of the tuple are called, as ``b[0]``.
    called
        For functions that are written down elsewhere, once for all who need them, one that writes the call.

    Returns
    -------
    str
        The statements of the body. It returns one array: the numbers and truths of the results, one after the other.
    """
    sizes = tuple(len(names) for names in arguments)
    written = trace(function, sizes, FUNCTIONS, {**scalar.COMPARISONS, **called})
    return _body(written, [name for names in arguments for name in names])


def call(xp: SymbolicNamespace, text: str, operands: Sequence[Number], count: int) -> list[Symbol]:
    """Write down the call of a function that is known when the page runs, and take apart the array that it gives.

    Parameters
    ----------
    xp
        The namespace of the formula.
    text
        The function, as JavaScript has it; it is called with one array of the operands.
    operands
        Numbers.
    count
        How many numbers it gives.
    """
    places = tuple(xp.writer.symbol(operand).place for operand in operands)
    values = xp.writer.node(Node("call", VALUES, places, text))
    return [xp.writer.node(Node("item", NUMBER, (values.place,), str(k))) for k in range(count)]


def _body(written: Trace, names: Sequence[str]) -> str:
    """Write the body: what is used once stands where it is used, all else has a name."""
    used = Counter(place for node in written.nodes for place in node.operands)
    texts: list[str] = []
    lines: list[str] = []
    for place, node in enumerate(written.nodes):
        text = _text(node, [texts[k] for k in node.operands], names)
        is_short = node.operation in ("argument", "constant", "item")
        if not is_short and (used[place] > 1 or len(text) > LONGEST or node.kind == VALUES):
            name = f"t{len(lines)}"
            lines.append(f"{name} = {_bare(text)}")
            text = name
        texts.append(text)
    results = [texts[place] for place in _flat(written.results)]
    named = ["const " + ",\n".join(lines) + ";"] if lines else []
    return "\n".join([*named, f"return [{', '.join(map(_bare, results))}];"])


def _text(node: Node, operands: list[str], names: Sequence[str]) -> str:
    name = node.operation
    if name == "argument":
        return names[int(node.value)]
    if name == "constant":
        return _number(float.fromhex(node.value)) if node.kind == NUMBER else node.value.lower()
    if name == "call":
        return f"{node.value}({_array(operands)})"
    if name == "item":
        return f"{operands[0]}[{node.value}]"
    if name == "select":
        return f"({operands[0]} ? {operands[1]} : {operands[2]})"
    if name == "neg":
        return f"(-{operands[0]})"
    if name in OF_MATH:
        return f"Math.{OF_MATH[name]}({', '.join(map(_bare, operands))})"
    a, b = operands
    return f"({a} {INFIX[name]} {b})"


def _array(items: list[str]) -> str:
    """Write an array of expressions; one whose items are passed on from the first to the last, as it is."""
    whole = items[0].partition("[")[0] if items else ""
    if items == [f"{whole}[{k}]" for k in range(len(items))]:
        return whole
    return f"[{', '.join(map(_bare, items))}]"


def _bare(text: str) -> str:
    """Write an expression without the brackets around the whole of it."""
    if not text.startswith("("):
        return text
    depth = 0
    for place, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return text[1:-1] if place == len(text) - 1 else text
    return text


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0.0 else "(-Infinity)"
    text = repr(value).removesuffix(".0")
    return f"({text})" if text.startswith("-") else text


def _flat(results: Any) -> list[int]:
    return [place for item in results for place in _flat(item)] if isinstance(results, tuple) else [results]
