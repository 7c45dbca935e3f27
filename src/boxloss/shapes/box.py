"""The `Box` that formulas read and gradients are returned in, and the numbers of a box in an array."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, Self

from boxloss.shapes.replaceable import larger
from boxloss.typing import Array, Namespace, Number


class AnyBox(Protocol):
    """What boxes of every kind have."""

    def upright(self, xp: Namespace, /) -> Self:
        """Make the box with sides that are not negative."""


class FlatBox(AnyBox, Protocol):
    """What boxes of a plane have, along its axes or not."""

    @property
    def sides(self) -> tuple[Number, Number]:
        """Width and height."""


class Vector(NamedTuple):
    """A quantity with a component along each axis, or the derivatives with respect to it."""

    x: Number
    y: Number


class Box(NamedTuple):
    """Four corner coordinates of a box, or four derivatives with respect to them.

    The fields are arrays in the array engine and single numbers in a compiled loop.
    """

    x1: Number
    y1: Number
    x2: Number
    y2: Number

    @property
    def sides(self) -> tuple[Number, Number]:
        """Width and height."""
        return self.x2 - self.x1, self.y2 - self.y1

    def upright(self, xp: Namespace) -> "Box":
        """Make x2 >= x1 and y2 >= y1: an inverted side becomes a side of length 0 at (x1, y1)."""
        return Box(self.x1, self.y1, larger(xp, self.x1, self.x2), larger(xp, self.y1, self.y2))


class Image(NamedTuple):
    """The size of an image in pixels; 1 by 1 where a call has none and needs none."""

    width: Number = 1.0
    height: Number = 1.0


def split(boxes: Array) -> tuple[Any, ...]:
    """Take an array of boxes apart along its last axis."""
    return tuple(boxes[..., k] for k in range(boxes.shape[-1]))


def join(xp: Any, numbers: Sequence[Number]) -> Any:
    """Put together what `split` takes apart."""
    return xp.stack(list(numbers), axis=-1)
