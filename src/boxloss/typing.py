"""Types of the public interface: arrays of any library."""

from typing import Any, Protocol, TypeVar


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
