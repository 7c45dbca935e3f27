"""The best of a row on a GPU: tiles of a matrix by its kernel, and the best of each by the array library."""

from typing import Any

from boxloss.formulas.program import Program
from boxloss.libraries.arrays import on_device
from boxloss.request import Request
from boxloss.verbs.nearest.array import best
from boxloss.verbs.pairwise.cuda import run as matrix


def run(program: Program, request: Request, largest: bool) -> tuple[Any, Any]:
    """For each pred the best value and the first target that has it."""
    with on_device(request.pred):
        return best(matrix, program, request, largest)
