"""The gradients of a matrix: those of all its pairs, some rows at a time, summed up."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from boxloss.formulas.program import Program
from boxloss.request import Request

RunPairs = Callable[[Program, Request, tuple[str, ...]], tuple[Tensor, tuple[Tensor, ...]]]

# The pairs whose gradients are held at a time, 16 numbers for each: enough for all threads, or to fill a GPU.
PAIRS_ON_CPU, PAIRS_ELSEWHERE = 1 << 18, 1 << 20


def of_matrix(
    program: Program, request: Request, run: RunPairs, d_matrix: Tensor, wrt: tuple[str, ...]
) -> dict[str, Tensor]:
    """Compute the derivative of a matrix with respect to pred and target, to each that is asked for.

    `run` is what runs the elementwise verb.
    """
    *batch, rows, columns = d_matrix.shape
    pred: Tensor = request.pred
    target: Tensor = request.target
    pairs = PAIRS_ON_CPU if pred.device.type == "cpu" else PAIRS_ELSEWHERE
    count = max(1, pairs // max(1, math.prod(batch) * columns))
    request = request._replace(target=target[..., None, :, :], pred_dtype=pred.dtype, target_dtype=target.dtype)
    of_rows: list[Tensor] = []
    of_columns: list[Tensor] = []
    with torch.no_grad():
        for first in range(0, rows, count):
            some = slice(first, min(first + count, rows))
            weight = d_matrix[..., some, :]
            block = request._replace(pred=pred[..., some, None, :], weight=weight, shape=tuple(weight.shape))
            _, grads = run(program, block, wrt)
            for name, grad in zip(wrt, grads, strict=True):
                if name == "pred":
                    of_rows.append(grad.sum(-2))
                else:
                    of_columns[:] = [sum(of_columns, start=grad.sum(-3))]
        if not rows:
            return {
                name: torch.zeros_like(boxes) for name, boxes in (("pred", pred), ("target", target)) if name in wrt
            }
        found = {"pred": torch.cat(of_rows, -2).sum_to_size(pred.shape)} if of_rows else {}
        return found | {"target": of_columns[0].sum_to_size(target.shape)} if of_columns else found
