"""The kinds of box that the page has, and how it holds a pair of them."""

from dataclasses import dataclass
from typing import Any

from boxloss.lab.explorer.subroutines import ALONG_IMAGE_WITH_CALLS, ROTATED_WITH_CALLS
from boxloss.lab.methods import PARAMETRISATIONS, WITHOUT_ANGLE
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.shapes.box import Image
from boxloss.shapes.rotated.pair import RotatedPair
from boxloss.shapes.rotated.shape import ROTATED
from boxloss.shapes.shape import Gradient, Numbers, Pair, Shape
from boxloss.typing import Namespace, Number

BOX = "b"  # the argument of functions of the page that holds a pair


def names(array: str, count: int, start: int = 0) -> list[str]:
    """Name the items of an array."""
    return [f"{array}[{k}]" for k in range(start, start + count)]


@dataclass(frozen=True)
class Boxes:
    """A kind of box on the page.

    A pair is one array: the numbers of pred and target in the shape, and the size of the image.

    Attributes
    ----------
    shape
        The kind.
    formats
        Those that a gradient is shown in; the last is that of the boxes that a user moves.
    parametrisations
        What the ball descends on.
    """

    shape: Shape
    formats: tuple[str, ...]
    parametrisations: tuple[str, ...]

    @property
    def name(self) -> str:
        """The word for the kind."""
        return self.shape.name

    @property
    def has_other_axes(self) -> bool:
        """Whether enclosing boxes along the image are others."""
        return issubclass(self.shape.pair, RotatedPair)

    @property
    def arguments(self) -> list[list[str]]:
        """What the numbers of a pair are called."""
        size = self.shape.size
        return [names(BOX, size), names(BOX, size, size), names(BOX, 2, 2 * size)]

    def pair(self, xp: Namespace, pred: Numbers, target: Numbers, image: tuple[Number, Number]) -> Pair:
        """Make a pair from its numbers."""
        return self.pair_of(xp, self.shape.box(*pred), self.shape.box(*target), Image(*image))

    def pair_of(self, xp: Namespace, pred: Any, target: Any, image: Image) -> Pair:
        """Make a pair of boxes."""
        pair = self.shape.pair(xp, pred, target, image)
        if isinstance(pair, RotatedPair):
            pair.shape, pair.with_image_axes = ROTATED_WITH_CALLS, ALONG_IMAGE_WITH_CALLS
            pair.along_image()  # which computes what both need, so that it comes first in the code of either
        return pair


AXIS_ALIGNED_BOXES = Boxes(AXIS_ALIGNED, ("xyxy", "cxcywh"), WITHOUT_ANGLE)
ROTATED_BOXES = Boxes(
    ROTATED, ("cxcywha",), tuple(name for name, own in PARAMETRISATIONS.items() if own.format.shape is ROTATED)
)
KINDS = (AXIS_ALIGNED_BOXES, ROTATED_BOXES)


def has_image_axes(pair: Pair) -> bool:
    """Say whether enclosing boxes are along the image, where those of the kind are not."""
    return pair.shape in (ALONG_IMAGE_WITH_CALLS, RotatedPair.with_image_axes)


def derivatives_of(pair: Pair) -> Any:
    """Find what the derivatives with respect to a box are put together by."""
    return type(pair.pull_back(Gradient()))
