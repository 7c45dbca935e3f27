"""What kernels over rows of a matrix on a GPU share: targets that the threads of a block stage in shared memory."""

from typing import Any, NamedTuple

from numba.core import types

from boxloss.engines.cuda.compile import CudaMachine
from boxloss.engines.cuda.memory import load, store
from boxloss.formulas.structure import Structure
from boxloss.shapes.formats import of_one_shape
from boxloss.shapes.shape import Format, Numbers, Shape
from boxloss.typing import Namespace, Number, Truth
from boxloss.verbs.pairwise.formula import OfABox, OfPrepared, of_a_box, of_prepared

ALL_LANES = 0xFFFFFFFF  # of a warp, as a mask
SHARED_BYTES = 40 << 10  # for targets, of the 48 KiB that a block has without asking the driver for more


class Staged(NamedTuple):
    """The functions that a kernel closes over, and sizes.

    Attributes
    ----------
    load_pred, load_target
        ``load(boxes, place)``, from global memory.
    of_pred, of_target
        ``of((box, image)) -> (box, parts), is_ordinary``.
    value, value_guarded
        ``value((pred, target, numbers))``, of what is prepared of each.
    stage_box, stage_parts, staged_box, staged_parts
        ``stage(array, place, numbers)`` and ``staged(array, place)``, of shared memory.
    boxes_size, parts_size
        The sizes of the shared arrays.
    targets
        How many there is room for, at most as many as threads.
    """

    load_pred: Any
    load_target: Any
    of_pred: Any
    of_target: Any
    value: Any
    value_guarded: Any
    stage_box: Any
    stage_parts: Any
    staged_box: Any
    staged_parts: Any
    boxes_size: int
    parts_size: int
    targets: int


def staged(
    machine: CudaMachine, structure: Structure, formats: tuple[str, str], aligned: bool, masked: bool, threads: int
) -> Staged:
    """Make what a kernel needs to go over rows, a tile of staged targets at a time.

    If `masked`, boxes of NaN stand for targets that do not count.
    """
    of_pred, of_target = of_one_shape(formats)
    shape = of_pred.shape
    size, parts, count = shape.size, len(structure.parts(shape)), 2 + len(structure.number_names)
    of_pair = (of_those_that_count if masked else of_prepared)(structure, shape)
    value, value_guarded = (
        machine.function(of_pair, size + parts, size + parts, count, guarded=guarded) for guarded in (False, True)
    )
    targets = min(threads, targets_at_a_time(size + parts, machine.number.bitwidth // 8))
    return Staged(
        load(of_pred.size, aligned),
        load(of_target.size, aligned),
        machine.function(of_a_box(structure, of_pred), of_pred.size, 2),
        machine.function(of_a_target(structure, of_target), of_target.size, 2),
        value,
        value_guarded,
        store(size, aligned=True),
        store(parts, aligned=False),
        load(size, aligned=True),
        load(parts, aligned=False),
        size * targets,
        max(1, parts * targets),
        targets,
    )


def targets_at_a_time(numbers: int, number_bytes: int) -> int:
    """Find how many targets there is room for, of so many numbers each: whole warps of them."""
    return max(1, SHARED_BYTES // (32 * numbers * number_bytes)) * 32


def of_a_target(structure: Structure, box_format: Format) -> OfABox:
    """Prepare as `of_a_box`, but a box of NaN alone is ordinary: it stands for a target that does not count.

    Its values are NaN without guards too, so that a tile does not need them because it is filled up.
    """
    prepare = of_a_box(structure, box_format)

    def prepare_target(
        xp: Namespace, numbers: Numbers, image_size: tuple[Number, Number]
    ) -> tuple[tuple[Numbers, Numbers], Truth]:
        prepared, is_ordinary = prepare(xp, numbers, image_size)
        is_absent = numbers[0] != numbers[0]
        for number in numbers[1:]:
            is_absent &= number != number
        return prepared, is_ordinary | is_absent

    return prepare_target


def of_those_that_count(structure: Structure, shape: Shape) -> OfPrepared:
    """Compute as `of_prepared`, but the value of a target of NaN alone is NaN, whatever the formula makes of it."""
    of_pair = of_prepared(structure, shape)

    def compute(xp: Namespace, pred: Numbers, target: Numbers, numbers: Numbers) -> Number:
        counts = target[0] == target[0]
        for number in target[1 : shape.size]:
            counts |= number == number
        return xp.where(counts, of_pair(xp, pred, target, numbers), float("nan"))

    return compute


def signature(machine: CudaMachine, structure: Structure, *more: Any) -> Any:
    """Make the signature of a kernel that `cuda_rows.run` launches; `more` are the types of what it has beside."""
    array, indices = machine.pointer, types.CPointer(types.int64)  # type: ignore[attr-defined]
    numbers = machine.numbers(2 + len(structure.number_names))
    return types.void(array, array, numbers, array, indices, *(types.int64,) * 5, *more)
