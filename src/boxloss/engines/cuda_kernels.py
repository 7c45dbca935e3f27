"""The kernels of the CUDA engine: one thread a pair of boxes, or a tile of a matrix a block of threads.

Each template closes a kernel over compiled formulas and says which types it takes. Arrays come as pointers; in Numba's
simulator, which runs the same functions in Python, as flat NumPy arrays.
"""

from collections.abc import Callable
from typing import Any

from numba import cuda
from numba.core import types

from boxloss.box import Box, scale
from boxloss.engines.cuda_kinds import Elementwise, Pairwise
from boxloss.formats import FORMATS
from boxloss.formula import Formula

Template = tuple[Callable[..., None], Any]  # a kernel and its signature


def load_numbers(boxes: Any, index: Any) -> Any:
    """A box, one number at a time."""
    return boxes[4 * index], boxes[4 * index + 1], boxes[4 * index + 2], boxes[4 * index + 3]


def store_numbers(boxes: Any, index: Any, numbers: Any) -> None:
    """A box, one number at a time."""
    boxes[4 * index], boxes[4 * index + 1], boxes[4 * index + 2], boxes[4 * index + 3] = numbers


def elementwise(s: Any, formula: Formula, terms: int, kind: Elementwise) -> Template:
    """Value and gradients of each pair, in a loop whose stride is the grid."""
    xp, times = s.xp, s.function(scale)
    evaluate, pull_pred, pull_target = map(s.function, (formula.evaluate, formula.pull_pred, formula.pull_target))
    decode_pred, encode_pred_grad = map(s.function, FORMATS[kind.formats[0]][:2])
    decode_target, encode_target_grad = map(s.function, FORMATS[kind.formats[1]][:2])
    load, store = s.access(kind.aligned)
    _, pred_grad, target_grad, scaled, weighted, _ = kind

    def kernel(pred, target, weight, factor, width, height, weights, value, d_pred, d_target, size):  # type: ignore[no-untyped-def]
        i = cuda.grid(1)
        step = cuda.gridsize(1)
        while i < size:
            p = decode_pred(Box(*load(pred, i)), width, height)
            t = decode_target(Box(*load(target, i)), width, height)
            v, residual = evaluate(xp, p, t, weights)
            by = factor
            if weighted:
                v = v * weight[i]
                by = factor * weight[i]
            value[i] = v
            if pred_grad:
                d = encode_pred_grad(pull_pred(xp, p, t, residual), width, height)
                if scaled or weighted:
                    d = times(d, by)
                store(d_pred, i, (d.x1, d.y1, d.x2, d.y2))
            if target_grad:
                d = encode_target_grad(pull_target(xp, p, t, residual), width, height)
                if scaled or weighted:
                    d = times(d, by)
                store(d_target, i, (d.x1, d.y1, d.x2, d.y2))
            i += step

    array, number = s.pointer, s.number
    inputs = (array, array, array, number, number, number, s.numbers(terms))
    return kernel, types.void(*inputs, array, array, array, types.int64)


def _nothing(xp: Any, box: Box) -> Any:
    """The prepared number of a loss that needs none."""
    return 0.0


def pairwise(s: Any, formula: Formula, terms: int, kind: Pairwise) -> Template:
    """A tile of the matrix a block: each thread has one target in registers, all read the same pred from shared memory.

    A pred and the number that the formula needs of it are staged once a tile. Threads next to each other write
    entries next to each other. The grid has an axis for columns, one for rows and one for batches.
    """
    xp, number = s.xp, s.number
    evaluate, prepare = s.function(formula.evaluate_prepared), s.function(formula.prepare or _nothing)
    decode_pred, decode_target = (s.function(FORMATS[name].decode) for name in kind.formats)
    load, _ = s.access(kind.aligned)
    load_staged, stage = s.access(aligned=True)
    tile_rows, staged_size, alignment = kind.rows, 4 * kind.rows, s.alignment

    def kernel(pred, target, width, height, weights, out, rows, columns, pred_step, target_step, batches):  # type: ignore[no-untyped-def]
        staged = cuda.shared.array(staged_size, number, alignment=alignment)
        staged_numbers = cuda.shared.array(tile_rows, number)
        thread = cuda.threadIdx.x
        column = cuda.grid(1)
        batch = types.int64(cuda.blockIdx.z)
        while batch < batches:
            # Threads beyond the last column go along, since all have to meet at the barriers.
            t = decode_target(Box(*load(target, batch * target_step + min(column, columns - 1))), width, height)
            t_number = prepare(xp, t)
            first = types.int64(cuda.blockIdx.y) * tile_rows
            while first < rows:
                count = min(tile_rows, rows - first)
                if thread < count:
                    p = decode_pred(Box(*load(pred, batch * pred_step + first + thread)), width, height)
                    stage(staged, thread, (p.x1, p.y1, p.x2, p.y2))
                    staged_numbers[thread] = prepare(xp, p)
                cuda.syncthreads()
                if column < columns:
                    entry = (batch * rows + first) * columns + column
                    for row in range(count):
                        out[entry] = evaluate(
                            xp, Box(*load_staged(staged, row)), t, staged_numbers[row], t_number, weights
                        )
                        entry += columns
                cuda.syncthreads()
                first += cuda.gridDim.y * tile_rows
            batch += cuda.gridDim.z

    array, sizes = s.pointer, (types.int64,) * 5
    return kernel, types.void(array, array, number, number, s.numbers(terms), array, *sizes)
