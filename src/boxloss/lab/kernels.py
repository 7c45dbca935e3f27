"""The loop of `descend`: all steps of a block of boxes, one block after the other."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
from numba.core import types

from boxloss.engines.machine import Machine
from boxloss.engines.numba.compile import Template
from boxloss.engines.numba.memory import load, prefer_wide_vectors, store
from boxloss.formulas.structure import Structure
from boxloss.lab.methods import OPTIMIZERS, PARAMETRISATIONS, error
from boxloss.losses.iou_score import iou_score
from boxloss.shapes.box import Image
from boxloss.shapes.shape import Numbers
from boxloss.typing import Namespace, Number

# The boxes that go through all steps together: the loop over them is vectorised, and all that they need, 19 KiB in
# float64, stays in a first-level cache. Blocks of 32 to 512 boxes take about the same time (measured).
BLOCK = 128
# Rows of a block: target, state and an optimiser's two memories, as many each as a box has numbers, and these three.
OTHER_ROWS = 3


class Descend(NamedTuple):
    """What a kernel is compiled for, beside the float type."""

    structure: Structure
    parametrisation: str
    optimizer: str
    scaled: bool  # multiply the learning rate of a box by 2 - IoU
    curves: bool  # sum up the error, the IoU and the loss of each step


def step_of(kind: Descend) -> Callable[..., Any]:
    """Make what one step does to a box, ``step(xp, state, target, m, v, rates, decay, numbers)``.

    It returns the state and the memories after the step, and the error, the IoU and the loss before it.
    """
    _, decode, box, pullback, box_format = PARAMETRISATIONS[kind.parametrisation]
    optimizer, score = OPTIMIZERS[kind.optimizer], iou_score.program

    def step(
        xp: Namespace,
        state: Numbers,
        target: Numbers,
        m: Numbers,
        v: Numbers,
        rates: tuple[Number, Number],
        decay: Numbers,
        numbers: Numbers,
    ) -> tuple[Numbers, Numbers, Numbers, Number, Number, Number]:
        rate, per_root = rates
        image = Image()
        pair = box_format.shape.pair(xp, box(xp, state), box_format.decode(xp, target, image), image)
        value, gradient = kind.structure.evaluate(numbers, xp, pair)
        d = pullback(xp, state, pair.pull_back(gradient(False)))
        iou, _ = score.structure.evaluate(score.numbers, xp, pair)
        if kind.scaled:
            rate = rate * (2.0 - iou)
        change, m, v = optimizer.step(xp, d, m, v, rate, per_root, decay)
        moved = tuple(a - b for a, b in zip(state, change, strict=True))
        return moved, m, v, error(xp, pair, decode(xp, state), target), iou, value

    return step


def descend(machine: Machine, kind: Descend) -> Template:
    """All steps of the boxes `first` to `last`, and sums over them."""
    parametrisation, B = PARAMETRISATIONS[kind.parametrisation], BLOCK
    size = parametrisation.format.size
    TARGET, STATE, FIRST, SECOND, ERROR, IOU, VALUE = (*(k * size for k in range(5)), 4 * size + 1, 4 * size + 2)
    encode, decode = machine.function(parametrisation.encode, size), machine.function(parametrisation.decode, size)
    count_of_numbers = len(kind.structure.number_names)
    step = machine.function(step_of(kind), size, size, size, size, 2, 5, count_of_numbers)
    memories, curves = OPTIMIZERS[kind.optimizer].memories, kind.curves
    load_box, store_box, load_row, store_row = load(size), store(size), load(size), store(size)

    def kernel(start, target, rates, per_roots, decay, numbers, first, last, recorded, work, path, sums):  # type: ignore[no-untyped-def]
        prefer_wide_vectors()
        boxes = start.size // size
        for begin in range(first, last, B):
            count = min(B, last - begin)
            for b in range(B):
                i = min(begin + b, last - 1)  # the rest of the last block does what the last box does
                store_row(work, TARGET * B + b, B, load_box(target, size * i, 1))
                store_row(work, STATE * B + b, B, encode((load_box(start, size * i, 1),)))
            work[FIRST * B : ERROR * B] = 0
            record = 0
            for k in range(rates.size):
                if k == recorded[record]:
                    for b in range(count):
                        state = load_row(work, STATE * B + b, B)
                        store_box(path, size * (record * boxes + begin + b), 1, decode((state,)))
                    record += 1
                own_rates = (rates[k], per_roots[k])
                for b in range(B):
                    state, aim = load_row(work, STATE * B + b, B), load_row(work, TARGET * B + b, B)
                    m, v = load_row(work, FIRST * B + b, B), load_row(work, SECOND * B + b, B)
                    state, m, v, error, iou, value = step((state, aim, m, v, own_rates, decay, numbers))
                    if curves:
                        work[ERROR * B + b] = error
                        work[IOU * B + b] = iou
                        work[VALUE * B + b] = value
                    store_row(work, STATE * B + b, B, state)
                    if memories > 0:
                        store_row(work, FIRST * B + b, B, m)
                    if memories > 1:
                        store_row(work, SECOND * B + b, B, v)
                if curves:
                    sums[3 * k] += total(work, ERROR * B, count)
                    sums[3 * k + 1] += total(work, IOU * B, count)
                    sums[3 * k + 2] += total(work, VALUE * B, count)

    counts, float64 = types.Array(types.intp, 1, "C", readonly=True), types.Array(types.float64, 1, "C")
    boxes_and_rates, range_of_boxes = (machine.readonly,) * 4, (types.intp,) * 2
    numbers_types = (machine.numbers(5), machine.numbers(count_of_numbers))
    arrays = (counts, machine.array, machine.array, float64)
    return kernel, types.void(*boxes_and_rates, *numbers_types, *range_of_boxes, *arrays)


@numba.njit(fastmath={"nsz", "reassoc"}, nogil=True)  # type: ignore[untyped-decorator]
def total(work: Any, start: int, count: int) -> float:
    """The sum of a row in float64, in any order: the one that LLVM chooses, always the same."""
    result = 0.0
    for b in range(start, start + count):
        result += work[b]
    return result
