"""Runs the kernel of `descend` over all boxes, on as many threads as there are."""

from typing import Any

import numpy as np

from boxloss.engines.numba.arrays import aligned
from boxloss.engines.numba.compile import address, compiled
from boxloss.engines.threads import split_work
from boxloss.formulas.program import Program
from boxloss.lab import kernels

# What a thread takes at a time: 200 steps take some 15 milliseconds. Sums are over each chunk first and then over the
# chunks in order, whatever the number of threads.
CHUNK = 32 * kernels.BLOCK


def run(
    program: Program,
    start: Any,
    target: Any,
    rates: Any,
    per_roots: Any,
    decay: tuple[float, ...],
    recorded: Any,
    kind: kernels.Descend,
) -> tuple[Any, Any]:
    """Find the boxes after the recorded steps, and the means of error, IoU and loss after each step.

    Parameters
    ----------
    program
        That of the loss.
    start, target
        Boxes (x, y, w, h) or (x, y, w, h, angle), shape (N, 4) or (N, 5), C-contiguous, of one float type.
    rates, per_roots
        For each step and, for the sake of the last means, one more; see `boxloss.lab.methods.Optimizer`.
    decay
        See there.
    recorded
        Numbers of steps, ascending; the last is that of all steps.
    kind
        What the kernel is compiled for.

    Returns
    -------
    path : shape (records, N, 4) or (records, N, 5)
    means : shape (3, steps + 1)
    """
    dtype, count, steps = start.dtype, len(start), rates.size
    path = np.empty((recorded.size, *start.shape), dtype)
    sums = np.zeros((-(-count // CHUNK), 3 * steps))
    kernel = compiled(kernels.descend, dtype, kind.parametrisation, kind.curves)
    step = address(kernels.step, dtype, kind)
    given = step, start.reshape(-1), target.reshape(-1), np.concatenate([rates, per_roots])
    of_step = (0.0, 0.0, *decay, *program.numbers)  # the rates are those of the step
    flat_path = path.reshape(-1)

    def task(first: int, last: int) -> None:
        work = aligned(((4 * start.shape[1] + kernels.OTHER_ROWS) * kernels.BLOCK,), dtype)
        shared = np.array(of_step, dtype)
        kernel(*given, shared, first, last, recorded, work, flat_path, sums[first // CHUNK])

    split_work(task, count, CHUNK, widen=False)
    return path, sums.sum(axis=0).reshape(steps, 3).T / max(count, 1)
