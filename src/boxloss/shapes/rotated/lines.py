"""Two boxes with an angle seen along the sides of each: what of one box extends where along a side of the other."""

from collections.abc import Callable
from typing import NamedTuple

from boxloss.shapes.box import Vector
from boxloss.shapes.relative import Relative, RelativeGradient
from boxloss.typing import Namespace, Number


class Extent(NamedTuple):
    """Half the extents of a turned box along two axes, and their derivatives with respect to the angle."""

    half: Vector
    turn: Vector
    bend: Vector


class Line(NamedTuple):
    """A side of one box about 0, and how the other box lies along it.

    Attributes
    ----------
    offset, half
        The place of the other box, and half of its extent.
    side
        The side.
    bend
        How much that half grows with the angle, either way, where the boxes are some quarter turns apart; else 0.
    back
        ``back(by_offset, by_half, by_side)``: the derivatives with respect to the pair.
    """

    offset: Number
    half: Number
    side: Number
    bend: Number
    back: Callable[[Number, Number, Number], RelativeGradient]


def extent(xp: Namespace, w: Number, h: Number, cos: Number, sin: Number) -> Extent:
    """Compute the extent: |cos| and |sin| have a kink where the boxes are a quarter turn apart."""
    size_cos, size_sin = xp.abs(cos), xp.abs(sin)
    sign_cos, sign_sin = xp.sign(cos), xp.sign(sin)
    # At a kink, where a sine or a cosine is 0, its size grows either way.
    bend_sin, bend_cos = xp.where(sin == 0.0, size_cos, 0.0), xp.where(cos == 0.0, size_sin, 0.0)
    of_cos, of_sin = -(sign_cos * sin), sign_sin * cos
    w, h = 0.5 * w, 0.5 * h
    return Extent(
        Vector(w * size_cos + h * size_sin, w * size_sin + h * size_cos),
        Vector(w * of_cos + h * of_sin, w * of_sin + h * of_cos),
        Vector(w * bend_cos + h * bend_sin, w * bend_sin + h * bend_cos),
    )


def along_second(xp: Namespace, r: Relative) -> tuple[Line, Line]:
    """Find the first box along the width and the height of the second."""
    own = extent(xp, r.w, r.h, r.cos, r.sin)
    cos, sin = 0.5 * xp.abs(r.cos), 0.5 * xp.abs(r.sin)

    def back_x(offset: Number, half: Number, side: Number) -> RelativeGradient:
        return RelativeGradient(x=offset, w=half * cos, h=half * sin, angle=half * own.turn.x, other_w=side)

    def back_y(offset: Number, half: Number, side: Number) -> RelativeGradient:
        return RelativeGradient(y=offset, w=half * sin, h=half * cos, angle=half * own.turn.y, other_h=side)

    return (
        Line(r.x, own.half.x, r.other_w, own.bend.x, back_x),
        Line(r.y, own.half.y, r.other_h, own.bend.y, back_y),
    )


def along_first(xp: Namespace, r: Relative) -> tuple[Line, Line]:
    """Find the second box along the width and the height of the first: seen from there, it turns the other way."""
    other = extent(xp, r.other_w, r.other_h, r.cos, -r.sin)
    cos, sin = 0.5 * xp.abs(r.cos), 0.5 * xp.abs(r.sin)
    offset_x, offset_y = -(r.cos * r.x + r.sin * r.y), r.sin * r.x - r.cos * r.y

    def back_x(offset: Number, half: Number, side: Number) -> RelativeGradient:
        angle = offset * offset_y - half * other.turn.x
        place = {"x": -(offset * r.cos), "y": -(offset * r.sin)}
        return RelativeGradient(**place, w=side, angle=angle, other_w=half * cos, other_h=half * sin)

    def back_y(offset: Number, half: Number, side: Number) -> RelativeGradient:
        angle = -(offset * offset_x) - half * other.turn.y
        place = {"x": offset * r.sin, "y": -(offset * r.cos)}
        return RelativeGradient(**place, h=side, angle=angle, other_w=half * sin, other_h=half * cos)

    return (
        Line(offset_x, other.half.x, r.w, other.bend.x, back_x),
        Line(offset_y, other.half.y, r.h, other.bend.y, back_y),
    )
