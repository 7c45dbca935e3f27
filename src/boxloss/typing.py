"""Types of the public interface: arrays of any library, options, and what formulas compute with."""

from typing import Any, Literal, Protocol, Self, TypedDict, TypeVar


class Array(Protocol):
    """An array of any library: what NumPy, CuPy, torch, JAX and Dask arrays have in common for a type checker."""

    @property
    def shape(self) -> Any:
        """The sizes of the axes."""

    @property
    def ndim(self) -> Any:
        """The number of axes."""

    @property
    def dtype(self) -> Any:
        """The data type of the library."""

    def __getitem__(self, key: Any, /) -> Any: ...


class Buffer(Array, Protocol):
    """An array that can be written to."""

    def __setitem__(self, key: Any, value: Any, /) -> None: ...


ArrayT = TypeVar("ArrayT", bound=Array)
"""The type of the arrays that a function takes and returns."""

Format = str | tuple[str, str]
Reduction = Literal["none", "mean", "sum"]
Engine = Literal["auto", "array", "numba", "cuda"]


class Options(TypedDict, total=False):
    """The options of the call, for a type checker."""

    format: Format
    image_size: tuple[float, float] | None
    weight: Array | float | None
    reduction: Reduction
    avg_factor: float | None
    eps: float | None
    engine: Engine


class Truth(Protocol):
    """What a comparison of numbers gives: a bool, an array of any library, or a symbol."""

    def __and__(self, other: Self, /) -> "Truth": ...
    def __rand__(self, other: Self, /) -> "Truth": ...
    def __or__(self, other: Self, /) -> "Truth": ...
    def __ror__(self, other: Self, /) -> "Truth": ...
    def __invert__(self) -> "Truth": ...


class Number(Protocol):
    """A number of a formula: a float, an array of any library, or a symbol, which stands for one that is not known yet.

    Operands are of type `Self` so that floats, which add up with floats alone, are numbers too. So are results, but for
    quotients, since that of two ints is a float.
    """

    # As "Number", results made pyright compare NumPy's arrays with this for 98 seconds; as Self, for three.

    def __add__(self, other: Self, /) -> Self: ...
    def __radd__(self, other: Self, /) -> Self: ...
    def __sub__(self, other: Self, /) -> Self: ...
    def __rsub__(self, other: Self, /) -> Self: ...
    def __mul__(self, other: Self, /) -> Self: ...
    def __rmul__(self, other: Self, /) -> Self: ...
    def __truediv__(self, other: Self, /) -> "Number": ...
    def __rtruediv__(self, other: Self, /) -> "Number": ...
    def __pow__(self, exponent: Literal[2], /) -> Self: ...
    def __neg__(self) -> Self: ...
    def __pos__(self) -> Self: ...
    def __abs__(self) -> Self: ...
    def __lt__(self, other: Self, /) -> Truth: ...
    def __le__(self, other: Self, /) -> Truth: ...
    def __gt__(self, other: Self, /) -> Truth: ...
    def __ge__(self, other: Self, /) -> Truth: ...
    def __eq__(self, other: object, /) -> Truth: ...  # type: ignore[override]
    def __ne__(self, other: object, /) -> Truth: ...  # type: ignore[override]


class Namespace(Protocol):
    """What a formula takes for `xp`: the functions that the arrays of any library and symbols have."""

    def where(self, condition: Truth, a: Number, b: Number, /) -> Number:
        """Take `a` where the condition holds, and `b` elsewhere; not both are floats."""

    def minimum(self, a: Number, b: Number, /) -> Number:
        """Return the smaller of the two, or NaN."""

    def maximum(self, a: Number, b: Number, /) -> Number:
        """Return the larger of the two, or NaN."""

    def abs(self, a: Number, /) -> Number:
        """Compute |a|."""

    def sign(self, a: Number, /) -> Number:
        """Return -1, 0 or 1."""

    def sqrt(self, a: Number, /) -> Number:
        """Compute the square root."""

    def exp(self, a: Number, /) -> Number:
        """Compute e^a."""

    def expm1(self, a: Number, /) -> Number:
        """Compute e^a - 1."""

    def log(self, a: Number, /) -> Number:
        """Compute the natural logarithm."""

    def log1p(self, a: Number, /) -> Number:
        """Compute ln(1 + a)."""

    def pow(self, a: Number, exponent: Number, /) -> Number:
        """Compute a^exponent, of a number that is not negative."""

    def sin(self, a: Number, /) -> Number:
        """Compute the sine of an angle in radians."""

    def cos(self, a: Number, /) -> Number:
        """Compute its cosine."""

    def atan2(self, y: Number, x: Number, /) -> Number:
        """Compute the angle of (x, y) in radians."""

    def round(self, a: Number, /) -> Number:
        """Find the nearest whole number."""
