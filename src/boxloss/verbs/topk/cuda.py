"""The best few of a row on a GPU: by one kernel, or where they are more than it keeps, by tiles of a matrix."""

from typing import Any

from boxloss.formulas.program import Program
from boxloss.libraries.arrays import on_device
from boxloss.request import Request
from boxloss.verbs.pairwise import cuda_rows
from boxloss.verbs.pairwise.cuda import run as matrix
from boxloss.verbs.pairwise.cuda_rows import WARP
from boxloss.verbs.topk.array import best


def template() -> Any:
    """Import the kernel."""
    from boxloss.verbs.topk.cuda_kernel import topk

    return topk


def run(program: Program, request: Request, largest: bool, k: int) -> tuple[Any, Any]:
    """Find for each pred the best values, sorted, and the target of each."""
    if k <= WARP:
        return cuda_rows.run(template, program, request, largest, a_warp, k)
    with on_device(request.pred):
        return best(matrix, program, request, largest, k)


def a_warp(ordinal: int, batches: int, rows: int, columns: int) -> int:
    """Say how many threads share a row: as many as places in its order."""
    return WARP
