"""The best few of a row by the array library itself."""

from typing import Any

from boxloss.engines.array import quiet
from boxloss.formulas.program import Program
from boxloss.request import Request
from boxloss.verbs.pairwise.array import matrix
from boxloss.verbs.pairwise.tiles import Matrix, index_type, joined, nothing, tiles, usable


def run(program: Program, request: Request, largest: bool, k: int) -> tuple[Any, Any]:
    """Find for each pred the best values, sorted, and the target of each."""
    return best(matrix, program, request, largest, k)


def best(matrix: Matrix, program: Program, request: Request, largest: bool, k: int) -> tuple[Any, Any]:
    """Find them with whatever computes a matrix."""
    *batch, rows, columns = request.shape
    found = []
    if rows and columns:
        with quiet(request.xp):
            found = [_of(request, values, largest, k) for _, values in tiles(matrix, program, request)]
    if columns < k or not found:
        rest = nothing(request, (*batch, rows, k - columns if found else k), largest)
        return joined(request, [joined(request, found, -2), rest], -1) if found else rest
    return joined(request, found, -2)


def _of(request: Request, values: Any, largest: bool, k: int) -> tuple[Any, Any]:
    """Find the best by a stable sort, in which a NaN is last: it keeps the first of equal values first."""
    xp = request.xp
    keys = xp.where(usable(request, values), -values if largest else values, float("nan"))
    index = xp.argsort(keys, axis=-1, stable=True)[..., :k]
    value = xp.take_along_axis(keys, index, axis=-1)
    is_there = value == value
    value = xp.where(is_there, -value if largest else value, float("-inf" if largest else "inf"))
    return value, xp.astype(xp.where(is_there, index, -1), index_type(xp), copy=False)
