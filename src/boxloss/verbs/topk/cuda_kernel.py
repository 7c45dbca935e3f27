"""The kernel of the best few of each row on a GPU. Arrays come as pointers."""

from numba import cuda
from numba.core import types

from boxloss.engines.cuda.compile import CudaMachine, Template
from boxloss.formulas.structure import Structure
from boxloss.verbs.pairwise.cuda_staged import ALL_LANES, signature, staged


def topk(
    machine: CudaMachine,
    structure: Structure,
    formats: tuple[str, str],
    aligned: bool,
    masked: bool,
    largest: bool,
    threads: int,
    lanes: int,
) -> Template:
    """Find for each pred the best values in order, and the target of each; of equal ones the first target first.

    A warp has a row: `lanes` is 32. Each lane keeps what is in its place of the order, so as many as 32 are kept.
    The lanes compute the values of 32 targets at a time. Those that beat the last of the `kept` best are put in, from
    the first to the last: how many are before one is a vote, and what is behind it moves on by a lane.
    """
    (load_pred, load_target, of_pred, of_target, value, value_guarded, *on_stage) = staged(
        machine, structure, formats, aligned, masked, threads
    )
    stage_box, stage_parts, staged_box, staged_parts, boxes_size, parts_size, most = on_stage
    number, none = machine.number, float("-inf" if largest else "inf")
    rows_a_block = threads // lanes

    def kernel(pred, target, numbers, values, indices, rows, columns, pred_step, target_step, batches, kept):  # type: ignore[no-untyped-def]
        boxes = cuda.shared.array(boxes_size, number, alignment=16)
        box_parts = cuda.shared.array(parts_size, number)
        image = (numbers[0], numbers[1])
        thread = cuda.threadIdx.x
        lane = types.int32(thread % lanes)
        row = rows_a_block * types.int64(cuda.blockIdx.x) + thread // lanes
        batch = types.int64(cuda.blockIdx.y)
        last_kept = types.int32(kept - 1)
        while batch < batches:
            # Warps beyond the last row go along, since all threads have to meet at the barriers.
            p, p_ordinary = of_pred((load_pred(pred, batch * pred_step + min(row, rows - 1)), image))
            best, at = number(none), types.int64(-1)
            found, bound = types.int32(0), best  # how many were put in so far, and the last value of those kept
            first = types.int64(0)
            while first < columns:
                count = types.int32(min(columns - first, most))
                need_no_guard = p_ordinary
                if thread < count:
                    q, q_ordinary = of_target((load_target(target, batch * target_step + first + thread), image))
                    stage_box(boxes, thread, q[0])
                    stage_parts(box_parts, thread, q[1])
                    need_no_guard = p_ordinary and q_ordinary
                need_no_guard = cuda.syncthreads_and(types.int32(need_no_guard)) != 0
                start = types.int32(0)
                while start < count:
                    j = min(types.int32(start + lane), types.int32(count - 1))
                    q = (staged_box(boxes, j), staged_parts(box_parts, j))
                    v = value((p, q, numbers)) if need_no_guard else value_guarded((p, q, numbers))
                    # As long as there is room an infinite value counts too, and a NaN never does.
                    is_better = (v > bound if largest else v < bound) or (found <= last_kept and v == v)
                    left = types.uint32(cuda.ballot_sync(ALL_LANES, is_better and start + lane < count))
                    while left != 0:
                        source = types.int32(cuda.ffs(left) - 1)
                        left = types.uint32(left & (left - 1))
                        new = cuda.shfl_sync(ALL_LANES, v, source)
                        if (new > bound if largest else new < bound) or found <= last_kept:
                            is_before = lane < found and (best >= new if largest else best <= new)
                            place = cuda.popc(cuda.ballot_sync(ALL_LANES, is_before))
                            moved, moved_at = cuda.shfl_up_sync(ALL_LANES, best, 1), cuda.shfl_up_sync(ALL_LANES, at, 1)
                            if lane == place:
                                best, at = new, first + start + source
                            elif lane > place:
                                best, at = moved, moved_at
                            found = types.int32(found + 1)
                            bound = cuda.shfl_sync(ALL_LANES, best, last_kept)
                    start = types.int32(start + lanes)
                cuda.syncthreads()
                first += count
            if lane < kept and row < rows:
                place_of_lane = (batch * rows + row) * kept + lane
                values[place_of_lane], indices[place_of_lane] = best, at
            batch += cuda.gridDim.y

    return kernel, signature(machine, structure, types.int64)
