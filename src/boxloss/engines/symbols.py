"""Numbers that are not known yet, and the operations on them, each written down once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, NoReturn

from boxloss.typing import Number, Truth

NUMBER, TRUTH, INTEGER = "number", "truth", "integer"  # kinds of symbols; integers have as many bits as numbers


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


class Symbol:
    """A number, a truth or an integer that is not known yet."""

    __slots__ = ("kind", "place", "writer")
    __array_ufunc__ = None  # NumPy's functions refuse it

    def __init__(self, writer: "Writer", place: int, kind: str) -> None:
        self.writer, self.place, self.kind = writer, place, kind

    def __add__(self, other: Number) -> "Symbol":
        return self.writer.arithmetic("add", self, other)

    def __radd__(self, other: Number) -> "Symbol":
        return self.writer.arithmetic("add", other, self)

    def __sub__(self, other: Number) -> "Symbol":
        return self.writer.arithmetic("sub", self, other)

    def __rsub__(self, other: Number) -> "Symbol":
        return self.writer.arithmetic("sub", other, self)

    def __mul__(self, other: Number) -> "Symbol":
        return self.writer.arithmetic("mul", self, other)

    def __rmul__(self, other: Number) -> "Symbol":
        return self.writer.arithmetic("mul", other, self)

    def __truediv__(self, other: Number) -> "Symbol":
        return self.writer.arithmetic("div", self, other)

    def __rtruediv__(self, other: Number) -> "Symbol":
        return self.writer.arithmetic("div", other, self)

    def __pow__(self, other: Number) -> "Symbol":
        if not isinstance(other, Symbol) and other == 2:
            return self * self
        raise TypeError(f"a formula has no power but **2; got **{other!r}. Multiply instead, or use xp.pow")

    def __rpow__(self, other: Number) -> NoReturn:
        raise TypeError("a formula has no power but **2; got a number to the power of one of its own. Use xp.pow")

    def __neg__(self) -> "Symbol":
        return self.writer.add("neg", NUMBER, self)

    def __pos__(self) -> "Symbol":
        return self

    def __abs__(self) -> "Symbol":
        return self.writer.add("abs", NUMBER, self)

    def __lt__(self, other: Number) -> "Symbol":
        return self.writer.add("<", TRUTH, self, other)

    def __le__(self, other: Number) -> "Symbol":
        return self.writer.add("<=", TRUTH, self, other)

    def __gt__(self, other: Number) -> "Symbol":
        return self.writer.add(">", TRUTH, self, other)

    def __ge__(self, other: Number) -> "Symbol":
        return self.writer.add(">=", TRUTH, self, other)

    def __eq__(self, other: object) -> "Symbol":  # type: ignore[override]
        return self.writer.add("==", TRUTH, self, other)

    def __ne__(self, other: object) -> "Symbol":  # type: ignore[override]
        return self.writer.add("!=", TRUTH, self, other)

    def __and__(self, other: Truth) -> "Symbol":
        return self.writer.logic("and", self, other)

    __rand__ = __and__

    def __or__(self, other: Truth) -> "Symbol":
        return self.writer.logic("or", self, other)

    __ror__ = __or__

    def __invert__(self) -> "Symbol":
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

    def negative(self, value: Number) -> Symbol:
        """Negate a number; of one that is a negative itself, take what that is of."""
        symbol = self.symbol(value)
        node = self.nodes[symbol.place]
        return Symbol(self, node.operands[0], symbol.kind) if node.operation == "neg" else -symbol

    def symbol(self, value: Any, kind: str = NUMBER) -> Symbol:
        """Return a symbol as it is, and anything else as a constant of a kind."""
        if isinstance(value, Symbol):
            if value.kind != kind:
                raise TypeError(f"a formula needs a {kind} here; got a {value.kind}")
            return value
        try:
            if isinstance(value, str):  # float() would take '5'
                raise TypeError
            constant = (
                repr(bool(value)) if kind == TRUTH else repr(int(value)) if kind == INTEGER else float(value).hex()
            )
        except OverflowError:
            raise ValueError("a formula computes with numbers up to 1.8e308; got a larger one") from None
        except (TypeError, ValueError):
            raise TypeError(f"a formula computes with numbers and symbols; got {type(value).__name__}") from None
        return self.node(Node("constant", kind, value=constant))

    def add(self, operation: str, kind: str, *operands: object, of: str = NUMBER) -> Symbol:
        """Write down an operation on operands of one kind."""
        places = tuple(self.symbol(operand, of).place for operand in operands)
        return self.node(Node(operation, kind, places, contract=self.contract and operation in ("add", "sub", "mul")))

    def arithmetic(self, operation: str, a: Number, b: Number) -> Symbol:
        """Write down a sum, a difference, a product or a quotient; 0 added changes nothing."""
        if (isinstance(a, Symbol) and a.kind == INTEGER) or (isinstance(b, Symbol) and b.kind == INTEGER):
            return self.add(f"integer {operation}", INTEGER, a, b, of=INTEGER)
        if operation in ("add", "sub") and not isinstance(b, Symbol) and b == 0.0:
            return self.symbol(a)
        if operation == "add" and not isinstance(a, Symbol) and a == 0.0:
            return self.symbol(b)
        return self.add(operation, NUMBER, a, b)

    def logic(self, operation: str, a: Truth, b: Truth) -> Symbol:
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
