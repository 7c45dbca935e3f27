"""The `Box` that formulas read and gradients are returned in, and the numbers of a box in an array."""

from typing import Any, NamedTuple

from boxloss.shapes.replaceable import larger


class Box(NamedTuple):
    """Four corner coordinates of a box, or four derivatives with respect to them.

    The fields are arrays in the array engine and single numbers in a compiled loop.
    """

    x1: Any
    y1: Any
    x2: Any
    y2: Any

    @property
    def sides(self) -> tuple[Any, ...]:
        """Width and height."""
        return self.x2 - self.x1, self.y2 - self.y1

    def upright(self, xp: Any) -> "Box":
        """Make x2 >= x1 and y2 >= y1: an inverted side becomes a side of length 0 at (x1, y1)."""
        return Box(self.x1, self.y1, larger(xp, self.x1, self.x2), larger(xp, self.y1, self.y2))


class Image(NamedTuple):
    """The size of an image in pixels; 1 by 1 where a call has none and needs none."""

    width: Any = 1.0
    height: Any = 1.0


def split(boxes: Any) -> tuple[Any, ...]:
    """Take an array of boxes apart along its last axis."""
    return tuple(boxes[..., k] for k in range(boxes.shape[-1]))


def join(xp: Any, numbers: tuple[Any, ...]) -> Any:
    """Put together what `split` takes apart."""
    return xp.stack(list(numbers), axis=-1)
