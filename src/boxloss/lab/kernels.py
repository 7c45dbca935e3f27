"""The loop of `descend`: all steps of a block of boxes, one block after the other."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
from numba.core import types

from boxloss.box import Box
from boxloss.engines.compile import Specialiser
from boxloss.engines.extensions import prefer_wide_vectors
from boxloss.engines.kernels import Template
from boxloss.formula import Formula, formula_of
from boxloss.lab.methods import OPTIMIZERS, PARAMETRISATIONS, centre_and_size
from boxloss.losses import iou_score

# The boxes that go through all steps together: the loop over them is vectorised, and all that they need, 19 KiB in
# float64, stays in a first-level cache. Blocks of 32 to 512 boxes take about the same time (measured).
BLOCK = 128
# Rows of a block. Those of boxes and of an optimiser's memories are four each.
TARGET, STATE, FIRST, SECOND, ERROR, IOU, VALUE, ROWS = 0, 4, 8, 12, 16, 17, 18, 19


class Descend(NamedTuple):
    """What a kernel is compiled for, beside the formula and the float type."""

    parametrisation: str
    optimizer: str
    scaled: bool  # multiply the learning rate of a box by 2 - IoU
    curves: bool  # sum up the error, the IoU and the loss of each step


def descend(s: Specialiser, formula: Formula, terms: int, kind: Descend) -> Template:
    """All steps of the boxes `first` to `last`, and sums over them."""
    xp, B = s.xp, BLOCK
    encode, decode, corners, pullback = map(s.function, PARAMETRISATIONS[kind.parametrisation])
    optimizer = OPTIMIZERS[kind.optimizer]
    step, memories = s.function(optimizer.step), optimizer.memories
    evaluate, pull_pred = s.function(formula.evaluate), s.function(formula.pull_pred)
    score, target_corners = s.function(formula_of(iou_score).evaluate), s.function(centre_and_size.decode)
    box_of, write_box, load, store, subtract, distance, times = map(s.function, PARTS)
    _, _, scaled, curves = kind

    def kernel(start, target, rates, per_roots, decay, weights, first, last, recorded, work, path, sums):  # type: ignore[no-untyped-def]
        prefer_wide_vectors()
        boxes = start.size // 4
        for begin in range(first, last, B):
            count = min(B, last - begin)
            for b in range(B):
                i = min(begin + b, last - 1)  # the rest of the last block does what the last box does
                store(work, TARGET, b, box_of(target, i))
                store(work, STATE, b, encode(xp, box_of(start, i)))
            work[FIRST * B : ERROR * B] = 0
            record = 0
            for k in range(rates.size):
                if k == recorded[record]:
                    for b in range(count):
                        write_box(path, record * boxes + begin + b, decode(xp, load(work, STATE, b)))
                    record += 1
                rate, per_root = rates[k], per_roots[k]
                for b in range(B):
                    t, state = load(work, TARGET, b), load(work, STATE, b)
                    p, q = corners(xp, state), target_corners(t, rate, rate)
                    value, residual = evaluate(xp, p, q, weights)
                    d = pullback(xp, state, pull_pred(xp, p, q, residual))
                    own_rate = rate
                    if scaled or curves:
                        iou, _ = score(xp, p, q, ())
                    if scaled:
                        own_rate = times(rate, iou)
                    if curves:
                        work[ERROR * B + b] = distance(xp, decode(xp, state), t)
                        work[IOU * B + b] = iou
                        work[VALUE * B + b] = value
                    m, v = load(work, FIRST, b), load(work, SECOND, b)
                    change, m, v = step(xp, d, m, v, own_rate, per_root, decay)
                    store(work, STATE, b, subtract(state, change))
                    if memories > 0:
                        store(work, FIRST, b, m)
                    if memories > 1:
                        store(work, SECOND, b, v)
                if curves:
                    sums[3 * k] += total(work, ERROR * B, count)
                    sums[3 * k + 1] += total(work, IOU * B, count)
                    sums[3 * k + 2] += total(work, VALUE * B, count)

    counts, float64 = types.Array(types.intp, 1, "C", readonly=True), types.Array(types.float64, 1, "C")
    boxes_and_rates, range_of_boxes = (s.readonly,) * 4, (types.intp,) * 2
    signature = types.void(
        *boxes_and_rates, s.numbers(5), s.numbers(terms), *range_of_boxes, counts, s.array, s.array, float64
    )
    return kernel, signature


@numba.njit(fastmath={"nsz", "reassoc"}, nogil=True)  # type: ignore[untyped-decorator]
def total(work: Any, start: int, count: int) -> float:
    """The sum of a row in float64, in any order: the one that LLVM chooses, always the same."""
    result = 0.0
    for b in range(start, start + count):
        result += work[b]
    return result


# --- Cloned for the float type of a kernel. Rows are of one array, at constant distances: LLVM sees that they do not
# overlap, without which there are no vectors.


def _box_of(flat: Any, i: int) -> Box:
    return Box(flat[4 * i], flat[4 * i + 1], flat[4 * i + 2], flat[4 * i + 3])


def _write_box(flat: Any, i: int, b: Box) -> None:
    flat[4 * i], flat[4 * i + 1], flat[4 * i + 2], flat[4 * i + 3] = b.x1, b.y1, b.x2, b.y2


def _load(work: Any, row: int, b: int) -> Box:
    b += row * BLOCK
    return Box(work[b], work[b + BLOCK], work[b + 2 * BLOCK], work[b + 3 * BLOCK])


def _store(work: Any, row: int, b: int, box: Box) -> None:
    b += row * BLOCK
    work[b], work[b + BLOCK], work[b + 2 * BLOCK], work[b + 3 * BLOCK] = box.x1, box.y1, box.x2, box.y2


def _subtract(a: Box, b: Box) -> Box:
    return Box(a.x1 - b.x1, a.y1 - b.y1, a.x2 - b.x2, a.y2 - b.y2)


def _distance(xp: Any, a: Box, b: Box) -> Any:
    d = _subtract(a, b)
    return xp.abs(d.x1) + xp.abs(d.y1) + xp.abs(d.x2) + xp.abs(d.y2)


def _times_two_minus(rate: Any, iou: Any) -> Any:
    return rate * (2.0 - iou)


PARTS: tuple[Callable[..., Any], ...] = (_box_of, _write_box, _load, _store, _subtract, _distance, _times_two_minus)
