"""Pairs within a threshold on a GPU: tiles of a matrix by its kernel, and the array library for each."""

from typing import Any

from boxloss.formulas.program import Program
from boxloss.libraries.arrays import on_device
from boxloss.request import Request
from boxloss.verbs.pairwise.cuda import run as matrix
from boxloss.verbs.within.array import pairs


def run(
    program: Program, request: Request, threshold: float, above: bool, overlap: float | None
) -> tuple[Any, Any, Any]:
    """Find the pairs within the threshold: row, column and value of each, row by row."""
    with on_device(request.pred):
        return pairs(matrix, program, request, threshold, above)
