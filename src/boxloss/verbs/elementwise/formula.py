"""What every engine computes of a pair of boxes: the value, and its gradients in the formats of the boxes."""

from collections.abc import Callable
from typing import Any, NamedTuple

from boxloss.formulas.structure import Structure
from boxloss.shapes.box import Image
from boxloss.shapes.formats import of_one_shape
from boxloss.shapes.shape import times


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


def of_a_pair(kind: Kind) -> Callable[..., tuple[Any, Any, Any]]:
    """Make ``of_a_pair(xp, pred, target, numbers, weight) -> value, d_pred, d_target``.

    `numbers` are the factor of gradients, the width and height of the image, and those of the loss. A gradient that
    is not wanted is an empty tuple. Without weights, `weight` is not read.
    """
    pred_format, target_format = of_one_shape(kind.formats)

    def compute(xp: Any, pred: Any, target: Any, numbers: Any, weight: Any) -> tuple[Any, Any, Any]:
        factor, width, height, *own = numbers
        image = Image(width, height)
        p, t = pred_format.decode(xp, pred, image), target_format.decode(xp, target, image)
        pair = pred_format.shape.pair(xp, p, t, image)
        value, gradient = kind.structure.evaluate(own, xp, pair)
        if kind.weighted:
            value, factor = value * weight, factor * weight
        d_pred: Any = ()
        d_target: Any = ()
        if kind.pred_grad:
            d = pair.pull_back(gradient(False))
            d_pred = times(tuple(pred_format.pullback(xp, pred, d, image)), factor)
        if kind.target_grad:
            d = pair.exchanged().pull_back(gradient(True))
            d_target = times(tuple(target_format.pullback(xp, target, d, image)), factor)
        return value, d_pred, d_target

    return compute
