"""The `Box` that every formula reads and every gradient is returned in."""

from typing import Any, NamedTuple


class Box(NamedTuple):
    """Four coordinates of a box, or four derivatives with respect to them.

    The fields are arrays in the array engine and single numbers inside a compiled loop.
    """

    x1: Any
    y1: Any
    x2: Any
    y2: Any


def split(boxes: Any) -> Box:
    """The four coordinates of an array of boxes with shape (..., 4)."""
    return Box(boxes[..., 0], boxes[..., 1], boxes[..., 2], boxes[..., 3])


def join(xp: Any, box: Box) -> Any:
    """The array of shape (..., 4) that `split` takes apart."""
    return xp.stack([box.x1, box.y1, box.x2, box.y2], axis=-1)


def add(a: Box, b: Box) -> Box:
    """The sum of two gradients."""
    return Box(a.x1 + b.x1, a.y1 + b.y1, a.x2 + b.x2, a.y2 + b.y2)


def scale(a: Box, factor: Any) -> Box:
    """A gradient times a number."""
    return Box(a.x1 * factor, a.y1 * factor, a.x2 * factor, a.y2 * factor)
