"""Pairs within a threshold by the array library itself, tile by tile."""

from typing import Any

from boxloss.engines.array import quiet
from boxloss.formulas.program import Program
from boxloss.request import Request
from boxloss.verbs.pairwise.array import matrix
from boxloss.verbs.pairwise.tiles import Matrix, index_type, tiles


def run(
    program: Program, request: Request, threshold: float, above: bool, overlap: float | None
) -> tuple[Any, Any, Any]:
    """Find the pairs within the threshold: row, column and value of each, row by row."""
    return pairs(matrix, program, request, threshold, above)


def pairs(matrix: Matrix, program: Program, request: Request, threshold: float, above: bool) -> tuple[Any, Any, Any]:
    """Find them with whatever computes a matrix."""
    import array_api_compat

    xp, device = request.xp, array_api_compat.device(request.pred)
    found = [(xp.empty((0,), dtype=index_type(xp), device=device),) * 2]
    values = [xp.empty((0,), dtype=request.pred.dtype, device=device)]
    if request.shape[0] and request.shape[1]:
        with quiet(xp):
            for some, tile in tiles(matrix, program, request):
                i, j = xp.nonzero(tile > threshold if above else tile < threshold)
                found.append((i + some.start, j))
                values.append(xp.reshape(tile, (-1,))[i * tile.shape[1] + j])
    i, j = (xp.astype(xp.concat(list(part)), index_type(xp), copy=False) for part in zip(*found, strict=True))
    return i, j, xp.concat(values)
