"""The best few of a row on a GPU: tiles of a matrix by its kernel, and the best of each by the array library."""

from typing import Any

from boxloss.formulas.program import Program
from boxloss.libraries.arrays import on_device
from boxloss.request import Request
from boxloss.verbs.pairwise.cuda import run as matrix
from boxloss.verbs.topk.array import best


def run(program: Program, request: Request, largest: bool, k: int) -> tuple[Any, Any]:
    """For each pred the best values, sorted, and the target of each."""
    with on_device(request.pred):
        return best(matrix, program, request, largest, k)
