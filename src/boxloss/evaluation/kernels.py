"""The steps of COCO's evaluation as kernels for CPUs, and one that weighs images anew for many resamples at once."""

from typing import Any

import numpy as np
from numba.core import types

from boxloss.engines.machine import Machine
from boxloss.engines.numba.compile import Template
from boxloss.engines.numba.memory import prefer_wide_vectors
from boxloss.evaluation import steps
from boxloss.evaluation.steps import EPS

# Rows of what the kernel of resamples works with: so many for each threshold, each with a number for every lane.
ANNOTATIONS, FOUND, WRONG, SPARE, BEST, TOTAL, REACHED, ROWS = range(8)


def _in(kind: Any, axes: int = 1) -> Any:
    return types.Array(kind, axes, "C", readonly=True)


def _out(kind: Any, axes: int) -> Any:
    return types.Array(kind, axes, "C")


FLAG, SHORT, LONG, FLOAT = types.boolean, types.int32, types.int64, types.float64
STARTS, FLAGS, SHORTS, LONGS, FLOATS = (_in(kind) for kind in (LONG, FLAG, SHORT, LONG, FLOAT))


def match(machine: Machine) -> Template:
    """Make the kernel of `boxloss.evaluation.steps.match`."""
    found, truth = (STARTS, SHORTS, _in(FLOAT, 2)), (STARTS, SHORTS, _in(FLOAT, 2), FLAGS, _in(FLAG, 2))
    settings, near = (FLOATS, _in(FLOAT, 2), types.intp), (LONGS, LONGS, FLOATS)
    room = (_out(LONG, 1), _out(LONG, 1), _out(LONG, 1), _out(FLOAT, 1))
    out = (_out(LONG, 2), _out(SHORT, 1), _out(LONG, 2), _out(LONG, 2))
    return steps.match, types.void(*found, *truth, *settings, *near, *(types.intp,) * 2, *room, *out)


def accumulate(machine: Machine) -> Template:
    """Make the kernel of `boxloss.evaluation.steps.accumulate`."""
    marks, truth = (STARTS, FLOATS, SHORTS, _in(LONG, 2), _in(LONG, 2)), (STARTS, _in(FLAG, 2))
    room = (_out(LONG, 1), _out(FLOAT, 3), _out(FLOAT, 3), _out(LONG, 2), _out(LONG, 2), _out(LONG, 1))
    out = (_out(FLOAT, 5), _out(FLOAT, 4), _out(FLOAT, 5))
    return steps.accumulate, types.void(*marks, *truth, FLOATS, LONGS, *(types.intp,) * 2, *room, *out)


def resample(machine: Machine, lanes: int) -> Template:
    """Make the kernel of mean precision and recall of each category and threshold, for some weightings of the images.

    It goes down the detections once to count them, and then up those that are not wrong at every threshold, where the
    best precision from a rank on is known.
    """
    L = lanes

    def resample_categories(  # type: ignore[no-untyped-def]
        start, image, turn, right, ignored, truth_start, truth_image, truth_ignored, recalls, most, weights,
        work, annotations, unmatched, marked, before, precision, recall,
    ):  # fmt: skip
        prefer_wide_vectors()
        T, top, step = precision.shape[1], recalls.size - 1, recalls[1]  # which is recalls[n] / n for each n
        everything = (1 << T) - 1
        # Rows of one array, whose places LLVM can tell apart: of loops over many arrays it would make no vectors.
        for k in range(start.size - 1):
            for b in range(L):
                annotations[b] = 0.0
                unmatched[b] = 0.0
            for g in range(truth_start[k], truth_start[k + 1]):
                if not truth_ignored[g]:
                    first = truth_image[g] * L
                    for b in range(L):
                        annotations[b] += weights[first + b]
            for i in range(T * ROWS * L):
                work[i] = 0.0
            count = 0
            for d in range(start[k], start[k + 1]):
                if turn[d] >= most or ignored[d] == everything:
                    continue
                first = image[d] * L
                if right[d] == 0 and ignored[d] == 0:
                    for b in range(L):
                        unmatched[b] += weights[first + b]
                else:
                    marked[count] = d
                    for b in range(L):
                        before[count * L + b] = unmatched[b]
                    count += 1
                    for t in range(T):
                        row = FOUND if right[d] >> t & 1 else SPARE if ignored[d] >> t & 1 else WRONG
                        at = (t * ROWS + row) * L
                        for b in range(L):
                            work[at + b] += weights[first + b]
            for t in range(T):
                at = t * ROWS * L
                for b in range(L):
                    share = work[at + FOUND * L + b] / max(annotations[b], 1.0)
                    recall[k, t, b] = share if annotations[b] > 0.0 else np.nan
                    reached = np.floor(share * top + 1e-9)
                    work[at + REACHED * L + b] = reached - (1.0 if reached * step > share else 0.0)
                    work[at + ANNOTATIONS * L + b] = max(annotations[b], 1.0)
            for c in range(count - 1, -1, -1):
                d = marked[c]
                first, own = image[d] * L, c * L
                for t in range(T):
                    at = t * ROWS * L
                    if right[d] >> t & 1:
                        for b in range(L):
                            found = work[at + FOUND * L + b]
                            value = found / (found + work[at + WRONG * L + b] + before[own + b] + EPS)
                            best = max(work[at + BEST * L + b], value)
                            found -= weights[first + b]
                            share = found / work[at + ANNOTATIONS * L + b]
                            reached = np.floor(share * top + 1e-9)
                            reached -= 1.0 if reached * step > share else 0.0
                            work[at + TOTAL * L + b] += best * (work[at + REACHED * L + b] - reached)
                            work[at + FOUND * L + b] = found
                            work[at + BEST * L + b] = best
                            work[at + REACHED * L + b] = reached
                    elif not ignored[d] >> t & 1:
                        for b in range(L):
                            work[at + WRONG * L + b] -= weights[first + b]
            for t in range(T):
                at = t * ROWS * L
                for b in range(L):
                    total = (work[at + TOTAL * L + b] + work[at + BEST * L + b]) / recalls.size
                    precision[k, t, b] = total if annotations[b] > 0.0 else np.nan

    marks, truth = (STARTS, SHORTS, SHORTS, LONGS, LONGS), (STARTS, SHORTS, FLAGS)
    room = (*(_out(FLOAT, 1),) * 3, _out(LONG, 1), _out(FLOAT, 1))
    out = (_out(FLOAT, 3), _out(FLOAT, 3))
    return resample_categories, types.void(*marks, *truth, FLOATS, types.intp, FLOATS, *room, *out)


def room_of_resample(T: int, lanes: int, most: int) -> tuple[Any, ...]:
    """Make what the kernel of `resample` works with, if no category has more detections than `most`."""
    work, annotations, unmatched = np.empty(T * ROWS * lanes), np.empty(lanes), np.empty(lanes)
    return work, annotations, unmatched, np.empty(most, np.int64), np.empty(most * lanes)
