"""The kernel of the best of each row on a GPU. Arrays come as pointers."""

from numba import cuda
from numba.core import types

from boxloss.engines.cuda.compile import CudaMachine, Template
from boxloss.formulas.structure import Structure
from boxloss.verbs.pairwise.cuda_staged import ALL_LANES, signature, staged


def nearest(
    machine: CudaMachine,
    structure: Structure,
    formats: tuple[str, str],
    aligned: bool,
    masked: bool,
    largest: bool,
    threads: int,
    lanes: int,
) -> Template:
    """Find for each pred the best value and its first target; -1 where every value is NaN.

    `lanes` threads share a row: 1, the 32 of a warp, or all of a block. With 1, all threads read the same staged target
    at a time, and nothing is left to compare in the end.

    Targets are visited from the last to the first, and each that is as good as the best so far takes its place. So the
    first of equal ones is kept, an infinite value counts where there is no other, and a NaN never does.
    """
    (load_pred, load_target, of_pred, of_target, value, value_guarded, *on_stage) = staged(
        machine, structure, formats, aligned, masked, threads
    )
    stage_box, stage_parts, staged_box, staged_parts, boxes_size, parts_size, most = on_stage
    number, none = machine.number, float("-inf" if largest else "inf")
    half_of_lanes, several_warps, warps = min(lanes, 32) // 2, lanes > 32, threads // 32
    rows_a_block = threads // lanes

    def kernel(pred, target, numbers, values, indices, rows, columns, pred_step, target_step, batches):  # type: ignore[no-untyped-def]
        boxes = cuda.shared.array(boxes_size, number, alignment=16)
        box_parts = cuda.shared.array(parts_size, number)
        image = (numbers[0], numbers[1])
        thread = cuda.threadIdx.x
        lane = types.int32(thread % lanes)
        row = rows_a_block * types.int64(cuda.blockIdx.x) + thread // lanes
        batch = types.int64(cuda.blockIdx.y)
        while batch < batches:
            # Threads beyond the last row go along, since all have to meet at the barriers.
            p, p_ordinary = of_pred((load_pred(pred, batch * pred_step + min(row, rows - 1)), image))
            best, at = number(none), types.int64(-1)
            first = columns
            while first > 0:
                count = types.int32(min(first, most))
                first -= count
                need_no_guard = p_ordinary
                if thread < count:
                    q, q_ordinary = of_target((load_target(target, batch * target_step + first + thread), image))
                    stage_box(boxes, thread, q[0])
                    stage_parts(box_parts, thread, q[1])
                    need_no_guard = p_ordinary and q_ordinary
                j, found = types.int32(count - 1 - lane), types.int32(-1)
                if cuda.syncthreads_and(types.int32(need_no_guard)):
                    while j >= 0:
                        v = value((p, (staged_box(boxes, j), staged_parts(box_parts, j)), numbers))
                        if v >= best if largest else v <= best:
                            best, found = v, j
                        j = types.int32(j - lanes)
                else:
                    while j >= 0:
                        v = value_guarded((p, (staged_box(boxes, j), staged_parts(box_parts, j)), numbers))
                        if v >= best if largest else v <= best:
                            best, found = v, j
                        j = types.int32(j - lanes)
                if found >= 0:
                    at = first + found
                cuda.syncthreads()
            # Of equal values the smaller place is kept; -1 is the largest of all as a number without a sign.
            apart = half_of_lanes
            while apart > 0:
                other, other_at = cuda.shfl_xor_sync(ALL_LANES, best, apart), cuda.shfl_xor_sync(ALL_LANES, at, apart)
                is_better = other > best if largest else other < best
                if is_better or (other == best and types.uint64(other_at) < types.uint64(at)):
                    best, at = other, other_at
                apart >>= 1
            if several_warps:
                best_of_warps = cuda.shared.array(warps, number)
                place_of_warps = cuda.shared.array(warps, types.int64)
                if thread % 32 == 0:
                    best_of_warps[thread // 32], place_of_warps[thread // 32] = best, at
                cuda.syncthreads()
                for k in range(1, warps):
                    other, other_at = best_of_warps[k], place_of_warps[k]
                    is_better = other > best if largest else other < best
                    if is_better or (other == best and types.uint64(other_at) < types.uint64(at)):
                        best, at = other, other_at
            if lane == 0 and row < rows:
                values[batch * rows + row], indices[batch * rows + row] = best, at
            batch += cuda.gridDim.y

    return kernel, signature(machine, structure)
