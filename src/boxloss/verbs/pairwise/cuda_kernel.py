"""The kernel of a matrix on a GPU: a tile of it a block of threads. Arrays come as pointers."""

from typing import Any

from numba import cuda
from numba.core import types

from boxloss.engines.cuda.compile import CudaMachine, Template
from boxloss.engines.cuda.memory import load, store
from boxloss.formulas.structure import Structure
from boxloss.shapes.formats import of_one_shape
from boxloss.verbs.pairwise.formula import of_a_box, of_prepared


def pairwise(
    machine: CudaMachine, structure: Structure, formats: tuple[str, str], aligned: bool, rows: int, threads: int
) -> Template:
    """Compute a tile of the matrix a block: a thread has four targets in registers, and all read one pred at a time.

    A pred is staged in shared memory, once a tile, with its parts. Threads next to each other write entries next to
    each other. The grid has an axis for columns, one for rows and one for batches. A tile whose boxes are all ordinary
    is computed without guards.
    """
    both = of_one_shape(formats)
    shape = both[0].shape
    size, parts, count = shape.size, len(structure.parts(shape)), 2 + len(structure.number_names)
    number, prepared = machine.number, size + parts
    load_pred, load_target = (load(own.size, aligned) for own in both)
    of_pred, of_target = (machine.function(of_a_box(structure, own), own.size, 2) for own in both)
    value, value_guarded = (
        machine.function(of_prepared(structure, shape), prepared, prepared, count, guarded=guarded)
        for guarded in (False, True)
    )
    stage_box, staged_box = store(size, aligned=True), load(size, aligned=True)
    stage_parts, staged_parts = store(parts, aligned=False), load(parts, aligned=False)
    staged_size, staged_parts_size, tile_columns = size * rows, max(1, parts * rows), 4 * threads

    def kernel(pred, target, numbers, out, row_count, columns, pred_step, target_step, batches):  # type: ignore[no-untyped-def]
        boxes = cuda.shared.array(staged_size, number, alignment=16)
        box_parts = cuda.shared.array(staged_parts_size, number)
        image = (numbers[0], numbers[1])
        thread = cuda.threadIdx.x
        column = tile_columns * types.int64(cuda.blockIdx.x) + thread
        left = types.int32(min(columns - column, tile_columns))
        batch = types.int64(cuda.blockIdx.z)
        while batch < batches:
            # Threads beyond the last column go along, since all have to meet at the barriers.
            nearest = batch * target_step + column
            last = batch * target_step + columns - 1
            a, a_ordinary = of_target((load_target(target, min(nearest, last)), image))
            b, b_ordinary = of_target((load_target(target, min(nearest + threads, last)), image))
            c, c_ordinary = of_target((load_target(target, min(nearest + 2 * threads, last)), image))
            d, d_ordinary = of_target((load_target(target, min(nearest + 3 * threads, last)), image))
            are_ordinary = a_ordinary and b_ordinary and c_ordinary and d_ordinary
            first = types.int64(cuda.blockIdx.y) * rows
            while first < row_count:
                tile = min(rows, row_count - first)
                need_no_guard = are_ordinary
                if thread < tile:
                    p, p_ordinary = of_pred((load_pred(pred, batch * pred_step + first + thread), image))
                    stage_box(boxes, thread, p[0])
                    stage_parts(box_parts, thread, p[1])
                    need_no_guard = are_ordinary and p_ordinary
                entry = (batch * row_count + first) * columns + column
                row = 0
                # All four before the first is stored: computed behind the branches, they would wait for each other.
                if cuda.syncthreads_and(types.int32(need_no_guard)):
                    while row < tile:
                        p = (staged_box(boxes, row), staged_parts(box_parts, row))
                        of_a, of_b = value((p, a, numbers)), value((p, b, numbers))
                        of_c, of_d = value((p, c, numbers)), value((p, d, numbers))
                        if left > 0:
                            out[entry] = of_a
                        if left > threads:
                            out[entry + threads] = of_b
                        if left > 2 * threads:
                            out[entry + 2 * threads] = of_c
                        if left > 3 * threads:
                            out[entry + 3 * threads] = of_d
                        row += 1
                        entry += columns
                else:
                    while row < tile:
                        p = (staged_box(boxes, row), staged_parts(box_parts, row))
                        of_a, of_b = value_guarded((p, a, numbers)), value_guarded((p, b, numbers))
                        of_c, of_d = value_guarded((p, c, numbers)), value_guarded((p, d, numbers))
                        if left > 0:
                            out[entry] = of_a
                        if left > threads:
                            out[entry + threads] = of_b
                        if left > 2 * threads:
                            out[entry + 2 * threads] = of_c
                        if left > 3 * threads:
                            out[entry + 3 * threads] = of_d
                        row += 1
                        entry += columns
                cuda.syncthreads()
                first += cuda.gridDim.y * rows
            batch += cuda.gridDim.z

    array: Any = machine.pointer
    return kernel, types.void(array, array, machine.numbers(count), array, *(types.int64,) * 5)
