"""Axis-aligned boxes as boxes with an angle of 0."""

from boxloss.shapes.box import Box, Image
from boxloss.shapes.relations import where_larger
from boxloss.shapes.rotated.box import RotatedBox, RotatedGradient
from boxloss.shapes.rotated.shape import ROTATED
from boxloss.shapes.shape import Format, Numbers
from boxloss.typing import Namespace


def with_angle(xp: Namespace, b: Box) -> RotatedBox:
    """Make a box with the angle 0, and the same sides."""
    w, h = b.sides
    one = 0.0 * w + 1.0
    return RotatedBox(b.x1 + 0.5 * w, b.y1 + 0.5 * h, w, h, one, 0.0 * w)


def with_angle_pullback(xp: Namespace, b: Box, d: RotatedGradient) -> Box:
    """Compute the gradient with respect to the corners, whether or not they are inverted."""
    half_x, half_y = 0.5 * d.x, 0.5 * d.y
    d_x2, d_y2 = half_x + d.w, half_y + d.h
    own_x2, own_y2 = where_larger(xp, b.x2, b.x1, d_x2, 0.0), where_larger(xp, b.y2, b.y1, d_y2, 0.0)
    return Box(half_x - d.w + (d_x2 - own_x2), half_y - d.h + (d_y2 - own_y2), own_x2, own_y2)


def lifted(own: Format) -> Format:
    """Make a format of axis-aligned boxes one of boxes with an angle.

    An inverted side is one of length 0 at its first corner, as it is without an angle.
    """

    def decode(xp: Namespace, numbers: Numbers, image: Image) -> RotatedBox:
        return with_angle(xp, own.decode(xp, numbers, image).upright(xp))

    def pullback(xp: Namespace, numbers: Numbers, d: RotatedGradient, image: Image) -> Numbers:
        return own.pullback(xp, numbers, with_angle_pullback(xp, own.decode(xp, numbers, image), d), image)

    return own._replace(shape=ROTATED, decode=decode, pullback=pullback)
