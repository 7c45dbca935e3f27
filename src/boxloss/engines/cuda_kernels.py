"""The kernels of the CUDA engine: one thread a pair of boxes, or a tile of a matrix a block of threads.

Each template closes a kernel over compiled formulas and says which types it takes. Arrays come as pointers; in Numba's
simulator, which runs the same functions in Python, as flat NumPy arrays.
"""

from collections.abc import Callable
from typing import Any

from numba import cuda
from numba.core import types

from boxloss.box import Box
from boxloss.engines.cuda_kinds import COLUMNS_A_THREAD, Elementwise, Pairwise
from boxloss.engines.pair import pair_of
from boxloss.formats import FORMATS
from boxloss.formula import Formula
from boxloss.guards import ordinary

Template = tuple[Callable[..., None], Any]  # a kernel and its signature


def load_numbers(boxes: Any, index: Any) -> Any:
    """A box, one number at a time."""
    return boxes[4 * index], boxes[4 * index + 1], boxes[4 * index + 2], boxes[4 * index + 3]


def store_numbers(boxes: Any, index: Any, numbers: Any) -> None:
    """A box, one number at a time."""
    boxes[4 * index], boxes[4 * index + 1], boxes[4 * index + 2], boxes[4 * index + 3] = numbers


def _reader(s: Any, box_format: str, aligned: bool) -> Any:
    """``read(boxes, index, width, height)``: a box as corners."""
    (load, _), decode = s.access(aligned), FORMATS[box_format].decode

    def read(boxes: Any, index: Any, width: Any, height: Any) -> Any:
        return decode(Box(*load(boxes, index)), width, height)

    return s.function(read)


def elementwise(s: Any, formula: Formula, terms: int, kind: Elementwise) -> Template:
    """Value and gradients of each pair, in a loop whose stride is the grid."""
    pair, (load, store) = pair_of(s, formula, kind), s.access(kind.aligned)
    pred_grad, target_grad, weighted = kind.pred_grad, kind.target_grad, kind.weighted

    def kernel(pred, target, weight, factor, width, height, weights, value, d_pred, d_target, size):  # type: ignore[no-untyped-def]
        i = cuda.grid(1)
        step = cuda.gridsize(1)
        while i < size:
            own = weight[i] if weighted else factor
            value[i], d, e = pair(Box(*load(pred, i)), Box(*load(target, i)), width, height, weights, factor, own)
            if pred_grad:
                store(d_pred, i, (d.x1, d.y1, d.x2, d.y2))
            if target_grad:
                store(d_target, i, (e.x1, e.y1, e.x2, e.y2))
            i += step

    array, number = s.pointer, s.number
    inputs = (array, array, array, number, number, number, s.numbers(terms))
    return kernel, types.void(*inputs, array, array, array, types.int64)


def _nothing(xp: Any, box: Box) -> Any:
    """The prepared number of a loss that needs none."""
    return 0.0


def pairwise(s: Any, formula: Formula, terms: int, kind: Pairwise) -> Template:
    """A tile of the matrix a block: a thread has four targets in registers, and all read the same pred at a time.

    A pred and the number that the formula needs of it are staged in shared memory, once a tile. Threads next to each
    other write entries next to each other. The grid has an axis for columns, one for rows and one for batches. A tile
    whose boxes are all ordinary is computed without guards.
    """
    xp, number = s.xp, s.number
    read_pred, read_target = (_reader(s, name, kind.aligned) for name in kind.formats)
    is_ordinary, prepare = s.function(ordinary), s.function(formula.prepare or _nothing)
    _, stage = s.access(aligned=True)
    write, write_guarded = (_four_columns(of, formula, kind.threads) for of in (s.unguarded(), s))
    tile_rows, threads, tile_columns = kind.rows, kind.threads, COLUMNS_A_THREAD * kind.threads
    staged_size, alignment = 4 * kind.rows, s.alignment

    def kernel(pred, target, width, height, weights, out, rows, columns, pred_step, target_step, batches):  # type: ignore[no-untyped-def]
        staged = cuda.shared.array(staged_size, number, alignment=alignment)
        staged_numbers = cuda.shared.array(tile_rows, number)
        thread = cuda.threadIdx.x
        column = tile_columns * types.int64(cuda.blockIdx.x) + thread
        left = types.int32(min(columns - column, tile_columns))
        batch = types.int64(cuda.blockIdx.z)
        while batch < batches:
            # Threads beyond the last column go along, since all have to meet at the barriers.
            nearest = batch * target_step + column
            last = batch * target_step + columns - 1
            a = read_target(target, min(nearest, last), width, height)
            b = read_target(target, min(nearest + threads, last), width, height)
            c = read_target(target, min(nearest + 2 * threads, last), width, height)
            d = read_target(target, min(nearest + 3 * threads, last), width, height)
            targets, numbers = (a, b, c, d), (prepare(xp, a), prepare(xp, b), prepare(xp, c), prepare(xp, d))
            are_ordinary = is_ordinary(a) and is_ordinary(b) and is_ordinary(c) and is_ordinary(d)
            first = types.int64(cuda.blockIdx.y) * tile_rows
            while first < rows:
                count = min(tile_rows, rows - first)
                need_no_guard = are_ordinary
                if thread < count:
                    p = read_pred(pred, batch * pred_step + first + thread, width, height)
                    stage(staged, thread, (p.x1, p.y1, p.x2, p.y2))
                    staged_numbers[thread] = prepare(xp, p)
                    need_no_guard = are_ordinary and is_ordinary(p)
                entry = (batch * rows + first) * columns + column
                if cuda.syncthreads_and(types.int32(need_no_guard)):
                    write(staged, staged_numbers, count, targets, numbers, weights, out, entry, columns, left)
                else:
                    write_guarded(staged, staged_numbers, count, targets, numbers, weights, out, entry, columns, left)
                cuda.syncthreads()
                first += cuda.gridDim.y * tile_rows
            batch += cuda.gridDim.z

    array, sizes = s.pointer, (types.int64,) * 5
    return kernel, types.void(array, array, number, number, s.numbers(terms), array, *sizes)


def _four_columns(s: Any, formula: Formula, apart: int) -> Any:
    """What a thread has of a tile: columns so far apart, in a matrix that ends `left` columns after the first."""
    xp, evaluate = s.xp, formula.evaluate_prepared
    load, _ = s.access(aligned=True)

    def write(staged, staged_numbers, count, targets, numbers, weights, out, entry, columns, left):  # type: ignore[no-untyped-def]
        row = 0
        while row < count:
            p, p_number = Box(*load(staged, row)), staged_numbers[row]
            a = evaluate(xp, p, targets[0], p_number, numbers[0], weights)
            b = evaluate(xp, p, targets[1], p_number, numbers[1], weights)
            c = evaluate(xp, p, targets[2], p_number, numbers[2], weights)
            d = evaluate(xp, p, targets[3], p_number, numbers[3], weights)
            if left > 0:
                out[entry] = a
            if left > apart:
                out[entry + apart] = b
            if left > 2 * apart:
                out[entry + 2 * apart] = c
            if left > 3 * apart:
                out[entry + 3 * apart] = d
            row += 1
            entry += columns

    return s.function(write)
