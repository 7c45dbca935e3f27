"""The loop of `descend`: all steps of a block of boxes, one block after the other."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
from numba.core import types

from boxloss.engines.machine import Machine
from boxloss.engines.numba.compile import Template
from boxloss.engines.numba.entries import call_at
from boxloss.engines.numba.memory import data_of, load, prefer_wide_vectors, store
from boxloss.engines.numba.rows import over_rows
from boxloss.engines.numba.vectors import lanes_of
from boxloss.formulas.structure import Structure
from boxloss.lab.methods import OPTIMIZERS, PARAMETRISATIONS, error
from boxloss.losses.iou_score import iou_score
from boxloss.shapes.box import Image
from boxloss.shapes.shape import Numbers
from boxloss.typing import Namespace, Number

# The boxes that go through all steps together: all that they need, 38 KiB in float64, stays near. With 128 boxes a step
# takes 1.05 to 1.2 times as long in float32, since what is put into all lanes before it is for fewer (Zen 4).
BLOCK = 256
# Rows of a block: target, state and an optimiser's two memories, as many each as a box has numbers, and these three.
OTHER_ROWS = 3
# How many numbers all boxes of a step share, before those of the loss: two rates, and five of the optimiser.
SHARED = 7


class Descend(NamedTuple):
    """What a kernel is compiled for, beside the float type."""

    structure: Structure
    parametrisation: str
    optimizer: str
    scaled: bool  # multiply the learning rate of a box by 2 - IoU
    curves: bool  # sum up the error, the IoU and the loss of each step


def step_of(kind: Descend) -> Callable[..., Any]:
    """Make what one step does to a box, ``step(xp, state, target, m, v, rates, decay, numbers)``.

    It returns the state and the memories after the step and, for curves, the error, the IoU and the loss before it.
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
    ) -> tuple[Numbers | Number, ...]:
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
        curves = (error(xp, pair, decode(xp, state), target), iou, value) if kind.curves else ()
        return moved, *(m, v)[: optimizer.memories], *curves

    return step


def rows_of(kind: Descend) -> tuple[list[int], list[int]]:
    """Find which rows of a block a step reads, and which it writes its results into."""
    size = PARAMETRISATIONS[kind.parametrisation].format.size
    target, state, memories, sums = (list(range(k * size, end * size)) for k, end in ((0, 1), (1, 2), (2, 4), (4, 5)))
    kept = memories[: OPTIMIZERS[kind.optimizer].memories * size]
    return [*state, *target, *memories], [*state, *kept, *(sums[:OTHER_ROWS] if kind.curves else [])]


def step(machine: Machine, kind: Descend) -> Template:
    """Do one step of all boxes of a block, which the kernel of all steps calls by its address."""
    size, count = PARAMETRISATIONS[kind.parametrisation].format.size, len(kind.structure.number_names)
    written = machine.trace(step_of(kind), size, size, size, size, 2, 5, count)
    compute = over_rows(written, *rows_of(kind), SHARED + count, lanes_of(machine.dtype))

    def step_of_block(work, shared):  # type: ignore[no-untyped-def]
        prefer_wide_vectors()
        compute(work, BLOCK, shared)

    return step_of_block, _signature(machine)


def _signature(machine: Machine) -> Any:
    numbers = types.CPointer(machine.number)  # type: ignore[attr-defined]
    return types.void(numbers, numbers)


def descend(machine: Machine, parametrisation: str, curves: bool) -> Template:
    """Do all steps of the boxes `first` to `last`, and compute sums over them."""
    numbers, B = PARAMETRISATIONS[parametrisation], BLOCK
    size = numbers.format.size
    TARGET, STATE, FIRST, ERROR, IOU, VALUE = (*(k * size for k in (0, 1, 2, 4)), 4 * size + 1, 4 * size + 2)
    into_state, into_box = machine.function(numbers.encode, size), machine.function(numbers.decode, size)
    run_step = call_at(_signature(machine))
    load_box, store_box, load_row, store_row = load(size), store(size), load(size), store(size)

    def kernel(step_at, start, target, rates, shared, first, last, recorded, work, path, sums):  # type: ignore[no-untyped-def]
        prefer_wide_vectors()
        boxes, steps = start.size // size, rates.size // 2
        for begin in range(first, last, B):
            count = min(B, last - begin)
            for b in range(B):
                i = min(begin + b, last - 1)  # the rest of the last block does what the last box does
                store_row(work, TARGET * B + b, B, load_box(target, size * i, 1))
                store_row(work, STATE * B + b, B, into_state((load_box(start, size * i, 1),)))
            work[FIRST * B : ERROR * B] = 0
            record = 0
            for k in range(steps):
                if k == recorded[record]:
                    for b in range(count):
                        state = load_row(work, STATE * B + b, B)
                        store_box(path, size * (record * boxes + begin + b), 1, into_box((state,)))
                    record += 1
                shared[0], shared[1] = rates[k], rates[steps + k]
                run_step(step_at, (data_of(work), data_of(shared)))
                if curves:
                    sums[3 * k] += total(work, ERROR * B, count)
                    sums[3 * k + 1] += total(work, IOU * B, count)
                    sums[3 * k + 2] += total(work, VALUE * B, count)

    counts, float64 = types.Array(types.intp, 1, "C", readonly=True), types.Array(types.float64, 1, "C")
    given = (types.intp, *(machine.readonly,) * 3, machine.array, types.intp, types.intp)
    return kernel, types.void(*given, counts, machine.array, machine.array, float64)


@numba.njit(fastmath={"nsz", "reassoc"}, nogil=True)  # type: ignore[untyped-decorator]
def total(work: Any, start: int, count: int) -> float:
    """Compute the sum of a row in float64, in any order: the one that LLVM chooses, always the same."""
    result = 0.0
    for b in range(start, start + count):
        result += work[b]
    return result
