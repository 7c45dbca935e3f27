"""Formulas as straight-line code: what a plain function does to numbers, written down while it runs once on symbols.

A formula has no branch on a number, so one run shows all that it ever does. What is written down is what a kernel is
compiled from: each operation once, however many functions, closures and sums of losses it came from, and nothing that
no result depends on. Numbers have no type yet; all get that of the kernel, constants too.
"""

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any, NamedTuple

from boxloss.engines.symbols import NUMBER, TRUTH, Node, Symbol, Writer
from boxloss.typing import Number, Truth

Function = Callable[..., Any]


class Trace(NamedTuple):
    """A function as straight-line code.

    Attributes
    ----------
    nodes
        The operations, each after its operands. Those that no result depends on are left out.
    results
        The places of what the function returns: one, or a tuple of such.
    """

    nodes: tuple[Node, ...]
    results: Any

    @property
    def digest(self) -> str:
        """What tells one trace from another, in any process."""
        return sha256(repr(self).encode()).hexdigest()


class SymbolicNamespace:
    """What a formula takes for `xp`: a function of this writes down what it would do.

    Parameters
    ----------
    functions
        Those that are not one operation, ``function(xp, ...)``, such as atan2.
    replaced
        The functions that others run in place of; see `boxloss.shapes.replaceable`.
    """

    def __init__(self, functions: Mapping[str, Function], replaced: Mapping[Function, Function]) -> None:
        self.writer, self.functions, self.replaced = Writer(), functions, replaced
        self.safe: set[int] = set()  # the places of denominators that need no guard
        self.halves: set[int] = set()  # those of exponents that are among the halves

    def replacing(self, replaced: Mapping[Function, Function]) -> "SymbolicNamespace":
        """Make one that writes to the same place, with other functions replaced."""
        other = SymbolicNamespace(self.functions, replaced)
        other.writer, other.halves = self.writer, self.halves
        return other

    def mark_halves(self, *exponents: Symbol) -> None:
        """Know of numbers that they are among `boxloss.formulas.structure.HALVES`."""
        self.halves.update(exponent.place for exponent in exponents)

    def is_half(self, exponent: Number) -> bool:
        """Say whether this is known of a number, or it is 1 less than such a one."""
        if not isinstance(exponent, Symbol):
            return False
        node = self.writer.nodes[exponent.place]
        if node.operation == "sub" and self.writer.nodes[node.operands[1]].value == (1.0).hex():
            return node.operands[0] in self.halves
        return exponent.place in self.halves

    def where(self, condition: Truth, a: Number, b: Number) -> Number:
        """Take `a` where the condition holds, and `b` elsewhere."""
        if not isinstance(condition, Symbol):
            return a if condition else b
        writer = self.writer
        kind = next((s.kind for s in (a, b) if isinstance(s, Symbol)), NUMBER)
        places = tuple(
            s.place for s in (writer.symbol(condition, TRUTH), writer.symbol(a, kind), writer.symbol(b, kind))
        )
        return writer.node(Node("select", kind, places))

    def minimum(self, a: Number, b: Number) -> Number:
        """Return the smaller of the two, or NaN."""
        return self.where(a != a, a, self.writer.add("minimum", NUMBER, a, b))

    def maximum(self, a: Number, b: Number) -> Number:
        """Return the larger of the two, or NaN."""
        return self.where(a != a, a, self.writer.add("maximum", NUMBER, a, b))

    def operation(self, name: str, kind: str, *operands: Number, of: str = NUMBER) -> Symbol:
        """Write down an operation that only functions of an engine use."""
        return self.writer.add(name, kind, *operands, of=of)

    def abs(self, a: Number) -> Symbol:
        """Compute |a|."""
        return self.writer.add("abs", NUMBER, a)

    def sqrt(self, a: Number) -> Symbol:
        """Compute the square root."""
        return self.writer.add("sqrt", NUMBER, a)

    def __getattr__(self, name: str) -> Any:
        functions = self.__dict__["functions"]
        if name not in functions:
            known = ("abs", "maximum", "minimum", "sqrt", "where", *functions)
            raise AttributeError(f"formulas have {', '.join(f'xp.{k}' for k in sorted(known))}; got xp.{name}")
        return lambda *arguments: functions[name](self, *arguments)


def trace(
    function: Function,
    sizes: tuple[int | None, ...],
    functions: Mapping[str, Function],
    replaced: Mapping[Function, Function] = MappingProxyType({}),
) -> Trace:
    """Write down what ``function(xp, *arguments)`` does.

    Parameters
    ----------
    function
        A plain function of a namespace and numbers.
    sizes
        For each argument how many numbers it is a tuple of, or None for a single number.
    functions, replaced
        See `SymbolicNamespace`.
    """
    xp = SymbolicNamespace(functions, replaced)
    places = iter(range(sum(1 if size is None else size for size in sizes)))

    def argument() -> Symbol:
        return xp.writer.node(Node("argument", NUMBER, value=str(next(places))))

    arguments = [argument() if size is None else tuple(argument() for _ in range(size)) for size in sizes]
    results = _places(xp.writer, function(xp, *arguments))
    return reduced(xp.writer.nodes, results)


def _places(writer: Writer, results: Any) -> Any:
    if isinstance(results, tuple):
        return tuple(_places(writer, item) for item in results)
    kind = results.kind if isinstance(results, Symbol) else TRUTH if isinstance(results, bool) else NUMBER
    return writer.symbol(results, kind).place


def reduced(nodes: list[Node], results: Any) -> Trace:
    """Make the trace without what no result depends on."""
    needed, new = set(flat(results)), {}
    for place in reversed(range(len(nodes))):
        if place in needed:
            needed.update(nodes[place].operands)
    kept: list[Node] = []
    for place in sorted(needed):
        new[place] = len(kept)
        kept.append(nodes[place]._replace(operands=tuple(new[k] for k in nodes[place].operands)))
    return Trace(tuple(kept), renamed(results, new))


def flat(results: Any) -> Iterator[int]:
    """Yield the places among results, one after the other."""
    if isinstance(results, tuple):
        for item in results:
            yield from flat(item)
    else:
        yield results


def renamed(results: Any, new: Mapping[int, int]) -> Any:
    """Give results other places."""
    return tuple(renamed(item, new) for item in results) if isinstance(results, tuple) else new[results]
