"""What every engine computes for a matrix: something of each box once, and the value of each pair from it."""

from collections.abc import Callable

from boxloss.formulas.checked import check_number
from boxloss.formulas.structure import Structure
from boxloss.shapes.box import Image
from boxloss.shapes.shape import Format, Numbers, Shape
from boxloss.typing import Namespace, Number, Truth

# Of a box: its numbers and the parts of its relations, and whether it is ordinary.
OfABox = Callable[[Namespace, Numbers, tuple[Number, Number]], tuple[tuple[Numbers, Numbers], Truth]]

# Of a pair, from what is prepared of both boxes and the numbers of the call: its value.
OfPrepared = Callable[[Namespace, Numbers, Numbers, Numbers], Number]


def of_a_box(structure: Structure, box_format: Format) -> OfABox:
    """Make ``of_a_box(xp, numbers, image_size) -> (box, parts), is_ordinary``."""
    decode, shape = box_format.decode, box_format.shape
    parts = structure.parts(shape)

    def prepare(
        xp: Namespace, numbers: Numbers, image_size: tuple[Number, Number]
    ) -> tuple[tuple[Numbers, Numbers], Truth]:
        image = Image(*image_size)
        box = decode(xp, numbers, image)
        prepared = []
        for relation in parts:
            if relation.part is not None:
                prepared.append(relation.part(xp, box, image))
                check_number(f"part of the relation {relation.name!r}", prepared[-1])
        return (tuple(box), tuple(prepared)), shape.ordinary(box)

    return prepare


def of_prepared(structure: Structure, shape: Shape, *, padded: bool = True) -> OfPrepared:
    """Make ``of_prepared(xp, pred, target, numbers) -> value``, from boxes and their parts, one after the other.

    `numbers` are the width and height of the image, and those of the loss. If not `padded` each eps counts as 0.
    """
    relations, size, without = structure.parts(shape), shape.size, () if padded else structure.eps_places

    def compute(xp: Namespace, pred: Numbers, target: Numbers, numbers: Numbers) -> Number:
        width, height, *own = numbers
        parts = dict(zip(relations, zip(pred[size:], target[size:], strict=True), strict=True))
        pair = shape.pair(xp, shape.box(*pred[:size]), shape.box(*target[:size]), Image(width, height), parts)
        own = [0.0 if place in without else number for place, number in enumerate(own)]
        return structure.evaluate(own, xp, pair)[0]

    return compute
