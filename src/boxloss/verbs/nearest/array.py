"""The best of a row by the array library itself."""

from typing import Any

from boxloss.engines.array import quiet
from boxloss.formulas.program import Program
from boxloss.request import Request
from boxloss.verbs.pairwise.array import matrix
from boxloss.verbs.pairwise.tiles import Matrix, index_type, joined, nothing, tiles, usable


def run(program: Program, request: Request, largest: bool, without_overlap: float | None = None) -> tuple[Any, Any]:
    """Find for each pred the best value and the first target that has it."""
    return best(matrix, program, request, largest)


def best(matrix: Matrix, program: Program, request: Request, largest: bool) -> tuple[Any, Any]:
    """Find it with whatever computes a matrix."""
    *batch, rows, columns = request.shape
    if not rows or not columns:
        return nothing(request, (*batch, rows), largest)
    with quiet(request.xp):
        found = [_of(request, values, largest) for _, values in tiles(matrix, program, request)]
    return joined(request, found, -1)


def _of(request: Request, values: Any, largest: bool) -> tuple[Any, Any]:
    xp, none = request.xp, float("-inf" if largest else "inf")
    can_be = usable(request, values)
    values = xp.where(can_be, values, none)
    index = xp.argmax(values, axis=-1) if largest else xp.argmin(values, axis=-1)
    # What is there, since 0 and -0 are equal.
    value = xp.take_along_axis(values, index[..., None], axis=-1)[..., 0]
    # An infinite value may be that of a target too: then the first that counts has it.
    first = xp.argmax(xp.astype(can_be, xp.int8), axis=-1)
    index = xp.where(value == none, xp.where(xp.any(can_be, axis=-1), first, -1), index)
    return value, xp.astype(index, index_type(xp), copy=False)
