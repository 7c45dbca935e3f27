"""The best of a row on a GPU: value and place at once, by one kernel."""

from typing import Any

from boxloss.engines.cuda import launch
from boxloss.formulas.program import Program
from boxloss.request import Request
from boxloss.verbs.pairwise import cuda_rows
from boxloss.verbs.pairwise.cuda_rows import THREADS, WARP


def template() -> Any:
    """Import the kernel."""
    from boxloss.verbs.nearest.cuda_kernel import nearest

    return nearest


def run(program: Program, request: Request, largest: bool, without_overlap: float | None = None) -> tuple[Any, Any]:
    """Find for each pred the best value and the first target that has it."""
    return cuda_rows.run(template, program, request, largest, lanes_a_row)


def lanes_a_row(ordinal: int, batches: int, rows: int, columns: int) -> int:
    """Choose how many threads share a row: one, a warp or all of a block, whichever is the least to fill the GPU.

    The fewer, the fewer of them idle at the end of a row, and the less is left to compare. But the rows of a batch
    should fill half a block, and a block has four targets or more for each thread. Reasoned, and not measured.
    """
    wanted = launch.threads_that_fill(ordinal)
    if batches * rows >= wanted and 2 * rows >= THREADS:
        return 1
    if WARP * batches * rows >= wanted or columns < 4 * THREADS:
        return WARP
    return THREADS
