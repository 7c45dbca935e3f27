"""Types of the public interface: arrays of any library, and options."""

from typing import Any, Literal, Protocol, TypedDict, TypeVar


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
