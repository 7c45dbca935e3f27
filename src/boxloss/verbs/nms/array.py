"""Suppression without a compiler: each box that is left when its turn comes is compared with all."""

import numpy as np
from numpy.typing import NDArray

from boxloss.formulas.program import Program
from boxloss.request import Request
from boxloss.verbs.pairwise.array import run as matrix


def run(
    program: Program,
    request: Request,
    threshold: float,
    above: bool,
    overlap: float | None,
    scores: NDArray[np.float64],
    group: NDArray[np.int64] | None,
    batch: NDArray[np.int64] | None,
    max_kept: int | None,
    symmetric: bool,
) -> NDArray[np.int64]:
    """Find the boxes that survive, by falling score; of each batch at most `max_kept`."""
    turns = np.argsort(-scores, kind="stable")
    is_out, kept = np.zeros(len(turns), bool), []
    batch = np.zeros(len(turns), np.int64) if batch is None else batch
    left = np.full(int(batch.max(initial=0)) + 1, len(turns) if max_kept is None else max_kept)
    for i in turns:
        if is_out[i] or not left[batch[i]]:
            continue
        kept.append(i)
        left[batch[i]] -= 1
        one = request._replace(pred=request.pred[i : i + 1], shape=(1, len(turns)))
        values = matrix(program, one)[0]
        is_out |= (values > threshold if above else values < threshold) & (True if group is None else group == group[i])
    return np.asarray(kept, np.int64)
