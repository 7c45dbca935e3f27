"""Formulas as straight-line code: what a plain function does to numbers, written down while it runs once on symbols.

A formula has no branch on a number, so one run shows all that it ever does. What is written down is what a kernel is
compiled from: each operation once, however many functions, closures and sums of losses it came from, and nothing that
no result depends on. Numbers have no type yet; all get that of the kernel, constants too.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn

Function = Callable[..., Any]
NUMBER, TRUTH, INTEGER = "number", "truth", "integer"  # kinds of symbols; integers have as many bits as numbers
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


class Node(NamedTuple):
    """One operation.

    Attributes
    ----------
    operation
        Its name, one of those that `boxloss.engines.llvm` knows.
    kind
        What it gives.
    operands
        The places of the nodes that it is applied to.
    value
        Of a constant: the number; of an argument: its place among all.
    contract
        Whether it may be fused with another into one that rounds once.
    """

    operation: str
    kind: str
    operands: tuple[int, ...] = ()
    value: str = ""
    contract: bool = False


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


class Symbol:
    """A number, a truth or an integer that is not known yet."""

    __slots__ = ("kind", "place", "writer")
    __array_ufunc__ = None  # NumPy's functions refuse it

    def __init__(self, writer: "Writer", place: int, kind: str) -> None:
        self.writer, self.place, self.kind = writer, place, kind

    def __add__(self, other: Any) -> Any:
        return self.writer.arithmetic("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self.writer.arithmetic("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self.writer.arithmetic("sub", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.writer.arithmetic("sub", other, self)

    def __mul__(self, other: Any) -> Any:
        return self.writer.arithmetic("mul", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.writer.arithmetic("mul", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.writer.arithmetic("div", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.writer.arithmetic("div", other, self)

    def __pow__(self, other: Any) -> Any:
        if other == 2:
            return self * self
        raise TypeError(f"a formula has no power but **2; got **{other!r}. Multiply instead")

    def __neg__(self) -> Any:
        return self.writer.add("neg", NUMBER, self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self.writer.add("abs", NUMBER, self)

    def __lt__(self, other: Any) -> Any:
        return self.writer.add("<", TRUTH, self, other)

    def __le__(self, other: Any) -> Any:
        return self.writer.add("<=", TRUTH, self, other)

    def __gt__(self, other: Any) -> Any:
        return self.writer.add(">", TRUTH, self, other)

    def __ge__(self, other: Any) -> Any:
        return self.writer.add(">=", TRUTH, self, other)

    def __eq__(self, other: object) -> Any:
        return self.writer.add("==", TRUTH, self, other)

    def __ne__(self, other: object) -> Any:
        return self.writer.add("!=", TRUTH, self, other)

    def __and__(self, other: Any) -> Any:
        return self.writer.logic("and", self, other)

    __rand__ = __and__

    def __or__(self, other: Any) -> Any:
        return self.writer.logic("or", self, other)

    __ror__ = __or__

    def __invert__(self) -> Any:
        return self.writer.logic("xor", self, True)

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a formula must not branch on a number, as `if`, `and`, `or`, `not`, min() and max() do: "
            "use xp.where, &, |, ~, xp.minimum or xp.maximum"
        )

    def __float__(self) -> NoReturn:
        raise TypeError("a formula must compute with xp and arithmetic; a function of Python's math takes no symbol")

    __int__ = __index__ = __float__

    def __repr__(self) -> str:
        return f"<{self.kind} of a formula>"


class Writer:
    """Writes operations down, each once."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.contract = False
        self._places: dict[Node, int] = {}

    def node(self, node: Node) -> Symbol:
        """Find an operation, or write it down."""
        place = self._places.setdefault(node, len(self.nodes))
        if place == len(self.nodes):
            self.nodes.append(node)
        return Symbol(self, place, node.kind)

    def symbol(self, value: Any, kind: str = NUMBER) -> Symbol:
        """A symbol as it is, and anything else as a constant of a kind."""
        if isinstance(value, Symbol):
            if value.kind != kind:
                raise TypeError(f"a formula needs a {kind} here; got a {value.kind}")
            return value
        try:
            constant = (
                repr(bool(value)) if kind == TRUTH else repr(int(value)) if kind == INTEGER else float(value).hex()
            )
        except (TypeError, ValueError):
            raise TypeError(f"a formula computes with numbers and symbols; got {type(value).__name__}") from None
        return self.node(Node("constant", kind, value=constant))

    def add(self, operation: str, kind: str, *operands: Any, of: str = NUMBER) -> Symbol:
        """Write down an operation on operands of one kind."""
        places = tuple(self.symbol(operand, of).place for operand in operands)
        return self.node(Node(operation, kind, places, contract=self.contract and operation in ("add", "sub", "mul")))

    def arithmetic(self, operation: str, a: Any, b: Any) -> Any:
        """Write down a sum, a difference, a product or a quotient; 0 added changes nothing."""
        if (isinstance(a, Symbol) and a.kind == INTEGER) or (isinstance(b, Symbol) and b.kind == INTEGER):
            return self.add(f"integer {operation}", INTEGER, a, b, of=INTEGER)
        if operation in ("add", "sub") and not isinstance(b, Symbol) and b == 0.0:
            return a
        if operation == "add" and not isinstance(a, Symbol) and a == 0.0:
            return b
        return self.add(operation, NUMBER, a, b)

    def logic(self, operation: str, a: Any, b: Any) -> Symbol:
        """Write down an operation on truths."""
        return self.add(operation, TRUTH, a, b, of=TRUTH)

    @contextmanager
    def contracting(self, contract: bool) -> Iterator[None]:
        """Let what is written down meanwhile be fused, or not."""
        before, self.contract = self.contract, contract
        try:
            yield
        finally:
            self.contract = before


class Namespace:
    """What a formula takes for `xp`: a function of this writes down what it would do.

    Parameters
    ----------
    functions
        Those that are not one operation, ``function(xp, ...)``, such as atan2.
    replaced
        The functions that others run in place of; see `boxloss.shapes.guards.replaceable`.
    """

    def __init__(self, functions: Mapping[str, Function], replaced: Mapping[Function, Function]) -> None:
        self.writer, self.functions, self.replaced = Writer(), functions, replaced

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        """Select."""
        if not isinstance(condition, Symbol):
            return a if condition else b
        writer = self.writer
        kind = next((s.kind for s in (a, b) if isinstance(s, Symbol)), NUMBER)
        places = tuple(
            s.place for s in (writer.symbol(condition, TRUTH), writer.symbol(a, kind), writer.symbol(b, kind))
        )
        return writer.node(Node("select", kind, places))

    def minimum(self, a: Any, b: Any) -> Any:
        """The smaller of the two."""
        return self.writer.add("minimum", NUMBER, a, b)

    def maximum(self, a: Any, b: Any) -> Any:
        """The larger of the two."""
        return self.writer.add("maximum", NUMBER, a, b)

    def operation(self, name: str, kind: str, *operands: Any, of: str = NUMBER) -> Any:
        """An operation that only functions of an engine use."""
        return self.writer.add(name, kind, *operands, of=of)

    def abs(self, a: Any) -> Any:
        """|a|."""
        return self.writer.add("abs", NUMBER, a)

    def sqrt(self, a: Any) -> Any:
        """The square root."""
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
        See `Namespace`.
    """
    xp = Namespace(functions, replaced)
    places = iter(range(sum(1 if size is None else size for size in sizes)))

    def argument() -> Symbol:
        return xp.writer.node(Node("argument", NUMBER, value=str(next(places))))

    arguments = [argument() if size is None else tuple(argument() for _ in range(size)) for size in sizes]
    results = _places(xp.writer, function(xp, *arguments))
    return _reduced(xp.writer.nodes, results)


def _places(writer: Writer, results: Any) -> Any:
    if isinstance(results, tuple):
        return tuple(_places(writer, item) for item in results)
    kind = results.kind if isinstance(results, Symbol) else TRUTH if isinstance(results, bool) else NUMBER
    return writer.symbol(results, kind).place


def _reduced(nodes: list[Node], results: Any) -> Trace:
    """The trace without what no result depends on."""
    needed, new = set(_flat(results)), {}
    for place in reversed(range(len(nodes))):
        if place in needed:
            needed.update(nodes[place].operands)
    kept: list[Node] = []
    for place in sorted(needed):
        new[place] = len(kept)
        kept.append(nodes[place]._replace(operands=tuple(new[k] for k in nodes[place].operands)))
    return Trace(tuple(kept), _renamed(results, new))


def _flat(results: Any) -> Iterator[int]:
    if isinstance(results, tuple):
        for item in results:
            yield from _flat(item)
    else:
        yield results


def _renamed(results: Any, new: Mapping[int, int]) -> Any:
    return tuple(_renamed(item, new) for item in results) if isinstance(results, tuple) else new[results]
