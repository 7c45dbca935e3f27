"""What every engine computes of a pair of boxes: the value, and its gradients in the formats of the boxes."""

from collections.abc import Callable
from typing import Any, NamedTuple

from boxloss.formulas.structure import Structure
from boxloss.shapes.box import Image
from boxloss.shapes.formats import of_one_shape
from boxloss.shapes.shape import Format, Numbers, times
from boxloss.typing import Namespace, Number

OfAPair = Callable[[Namespace, Numbers, Numbers, Numbers, Number], tuple[Number, Numbers, Numbers]]


class Kind(NamedTuple):
    """What a kernel is compiled for, beside the float type.

    Attributes
    ----------
    structure
        That of the loss.
    formats
        Of pred and target.
    pred_grad, target_grad
        Which gradients are wanted.
    weighted
        Whether there is a weight a pair.
    """

    structure: Structure
    formats: tuple[str, str]
    pred_grad: bool
    target_grad: bool
    weighted: bool

    @property
    def sizes(self) -> tuple[int, int, int, None]:
        """How many numbers `of_a_pair` takes for each of its arguments."""
        pred, target = of_one_shape(self.formats)
        return pred.size, target.size, 3 + len(self.structure.number_names), None


def made_of(box_format: Format) -> Callable[[Namespace, Numbers, tuple[Number, Number]], Numbers]:
    """Make ``made_of(xp, numbers, image_size)``: the numbers of a box that its format does not have as they are."""

    def made(xp: Namespace, numbers: Numbers, image_size: tuple[Number, Number]) -> Numbers:
        box = box_format.decode(xp, numbers, Image(*image_size))
        return tuple(number for number in box if not _is_one_of(numbers, number))

    return made


def _is_one_of(numbers: Numbers, number: Number) -> bool:
    return any(number is given for given in numbers)


def _with_made(xp: Namespace, box_format: Format, numbers: Numbers, image: Image) -> Any:
    """Make a box from the numbers of its format, followed by those that are made of these."""
    given, made = numbers[: box_format.size], iter(numbers[box_format.size :])
    box = box_format.decode(xp, given, image)
    return type(box)(*(number if _is_one_of(given, number) else next(made) for number in box))


def of_a_pair(kind: Kind, *, has_made: bool = False) -> OfAPair:
    """Make ``of_a_pair(xp, pred, target, numbers, weight) -> value, d_pred, d_target``.

    `numbers` are the factor of gradients, the width and height of the image, and those of the loss. A gradient that
    is not wanted is an empty tuple. Without weights, `weight` is not read. If it `has_made` numbers, those of `made_of`
    follow the numbers of each box.
    """
    pred_format, target_format = of_one_shape(kind.formats)

    def compute(
        xp: Namespace, pred: Numbers, target: Numbers, numbers: Numbers, weight: Number
    ) -> tuple[Number, Numbers, Numbers]:
        factor, width, height, *own = numbers
        image = Image(width, height)
        boxes = (pred_format, pred), (target_format, target)
        if has_made:
            p, t = (_with_made(xp, own, given, image) for own, given in boxes)
            pred, target = pred[: pred_format.size], target[: target_format.size]
        else:
            p, t = (own.decode(xp, given, image) for own, given in boxes)
        pair = pred_format.shape.pair(xp, p, t, image)
        value, gradient = kind.structure.evaluate(own, xp, pair)
        if kind.weighted:
            value, factor = value * weight, factor * weight
        d_pred: Numbers = ()
        d_target: Numbers = ()
        if kind.pred_grad:
            d = pair.pull_back(gradient(False))
            d_pred = times(tuple(pred_format.pullback(xp, pred, d, image)), factor)
        if kind.target_grad:
            d = pair.exchanged().pull_back(gradient(True))
            d_target = times(tuple(target_format.pullback(xp, target, d, image)), factor)
        return value, d_pred, d_target

    return compute
