"""Tiles of a matrix that is never whole, by the array library, of which a verb keeps what matters."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from boxloss.formulas.program import Program
from boxloss.request import Pairwise, Request
from boxloss.typing import Array
from boxloss.verbs.pairwise.array import rows_at_a_time

Matrix = Pairwise  # what computes a matrix


def tiles(matrix: Matrix, program: Program, request: Request) -> Iterator[tuple[slice, Any]]:
    """Compute rows of the matrix, as many at a time as their temporary arrays allow: which, and their values."""
    (*batch, rows, columns), count = request.shape, rows_at_a_time(request)
    for first in range(0, rows, count):
        some = slice(first, min(first + count, rows))
        part = request._replace(pred=request.pred[..., some, :], shape=(*batch, some.stop - first, columns))
        yield some, matrix(program, part)


def usable(request: Request, values: Any) -> Any:
    """Say which values may be kept: those of targets that count, but for NaN."""
    is_number = values == values
    return is_number if request.target_mask is None else is_number & request.target_mask[..., None, :]


def joined(request: Request, parts: list[tuple[Array, Array]], axis: int) -> tuple[Array, Array]:
    """Join values and indices of all rows."""
    if len(parts) == 1:
        return parts[0]
    values, indices = zip(*parts, strict=True)
    return request.xp.concat(list(values), axis=axis), request.xp.concat(list(indices), axis=axis)


def nothing(request: Request, shape: tuple[int, ...], largest: bool) -> tuple[Array, Array]:
    """Make what is kept where there is nothing to keep: values that any other beats, and no index."""
    import array_api_compat

    xp, device = request.xp, array_api_compat.device(request.pred)
    value = xp.full(shape, float("-inf" if largest else "inf"), dtype=request.pred.dtype, device=device)
    return value, xp.full(shape, -1, dtype=index_type(xp), device=device)


def index_type(xp: ModuleType) -> Any:
    """Find the type that the library has for indices."""
    return xp.__array_namespace_info__().default_dtypes()["indexing"]
