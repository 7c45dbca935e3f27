"""The rectangles that enclose two boxes with an angle: along the sides of one, and along those of the other.

Both are seen from the boxes alone, so they turn with them, and for equal angles they are one: the enclosing box of
axis-aligned boxes. Of the two the one with the smaller area, or with the shorter diagonal, counts.
"""

from typing import Any, NamedTuple

from boxloss.shapes.relations import Vector, where_larger
from boxloss.shapes.relative import Relative, RelativeGradient
from boxloss.shapes.replaceable import larger, smaller
from boxloss.shapes.shape import plus, times


class Reach(NamedTuple):
    """A rectangle along one box that encloses both, along one axis.

    Attributes
    ----------
    length
        Its side.
    by_offset, by_half
        Derivatives with respect to the place and to half the extent of the other box.
    by_side
        That with respect to the side of the box that it lies along.
    """

    length: Any
    by_offset: Any
    by_half: Any
    by_side: Any


class Rectangle(NamedTuple):
    """A rectangle along one of the boxes that encloses both.

    Attributes
    ----------
    sides
        Along the width and the height of that box.
    partials
        For each side its derivatives with respect to the two boxes, but for the angle.
    turn, bend
        Its derivative with respect to the angle between the boxes is `turn`, plus or minus `bend` on the two sides of
        a quarter turn; `bend` is 0 elsewhere.
    """

    sides: Vector
    partials: tuple[RelativeGradient, RelativeGradient]
    turn: Vector
    bend: Vector


def reach(xp: Any, offset: Any, half: Any, side: Any) -> Reach:
    """Enclose [-side/2, side/2] and what extends by `half` about `offset`."""
    half_side = 0.5 * side
    first, last = half - offset, half + offset
    # Half the sign of each: 1/2 where the other box reaches beyond this one, -1/2 where it does not.
    beyond_first, beyond_last = (0.5 * xp.sign(far - half_side) for far in (first, last))
    return Reach(
        larger(xp, half_side, first) + larger(xp, half_side, last),
        beyond_last - beyond_first,
        1.0 + (beyond_last + beyond_first),
        0.5 - 0.5 * (beyond_last + beyond_first),
    )


class Extent(NamedTuple):
    """Half the extents of a turned box along two axes, and their derivatives with respect to the angle."""

    half: Vector
    turn: Vector
    bend: Vector


def extent(xp: Any, w: Any, h: Any, cos: Any, sin: Any) -> Extent:
    """|cos| and |sin| have a kink where the boxes are a quarter turn apart."""
    size_cos, size_sin = xp.abs(cos), xp.abs(sin)
    sign_cos, sign_sin = xp.sign(cos), xp.sign(sin)
    # At a kink, where a sine or a cosine is 0, its size grows either way.
    bend_sin, bend_cos = xp.where(sin == 0.0, size_cos, 0.0), xp.where(cos == 0.0, size_sin, 0.0)
    of_cos, of_sin = -(sign_cos * sin), sign_sin * cos
    return Extent(
        Vector(0.5 * (w * size_cos + h * size_sin), 0.5 * (w * size_sin + h * size_cos)),
        Vector(0.5 * (w * of_cos + h * of_sin), 0.5 * (w * of_sin + h * of_cos)),
        Vector(0.5 * (w * bend_cos + h * bend_sin), 0.5 * (w * bend_sin + h * bend_cos)),
    )


def along_second(xp: Any, r: Relative) -> Rectangle:
    """The rectangle along the second box."""
    own = extent(xp, r.w, r.h, r.cos, r.sin)
    size_cos, size_sin = 0.5 * xp.abs(r.cos), 0.5 * xp.abs(r.sin)
    x, y = reach(xp, r.x, own.half.x, r.other_w), reach(xp, r.y, own.half.y, r.other_h)
    partials = (
        RelativeGradient(x=x.by_offset, w=x.by_half * size_cos, h=x.by_half * size_sin, other_w=x.by_side),
        RelativeGradient(y=y.by_offset, w=y.by_half * size_sin, h=y.by_half * size_cos, other_h=y.by_side),
    )
    turn = Vector(x.by_half * own.turn.x, y.by_half * own.turn.y)
    bend = Vector(x.by_half * own.bend.x, y.by_half * own.bend.y)
    return Rectangle(Vector(x.length, y.length), partials, turn, bend)


def along_first(xp: Any, r: Relative) -> Rectangle:
    """The rectangle along the first box: the second is seen from there, and turns the other way."""
    other = extent(xp, r.other_w, r.other_h, r.cos, -r.sin)
    size_cos, size_sin = 0.5 * xp.abs(r.cos), 0.5 * xp.abs(r.sin)
    offset_x, offset_y = -(r.cos * r.x + r.sin * r.y), r.sin * r.x - r.cos * r.y
    x, y = reach(xp, offset_x, other.half.x, r.w), reach(xp, offset_y, other.half.y, r.h)
    partials = (
        RelativeGradient(
            x=-(x.by_offset * r.cos),
            y=-(x.by_offset * r.sin),
            w=x.by_side,
            other_w=x.by_half * size_cos,
            other_h=x.by_half * size_sin,
        ),
        RelativeGradient(
            x=y.by_offset * r.sin,
            y=-(y.by_offset * r.cos),
            h=y.by_side,
            other_w=y.by_half * size_sin,
            other_h=y.by_half * size_cos,
        ),
    )
    turn = Vector(
        x.by_offset * offset_y - x.by_half * other.turn.x, -(y.by_offset * offset_x) - y.by_half * other.turn.y
    )
    return Rectangle(
        Vector(x.length, y.length), partials, turn, Vector(x.by_half * other.bend.x, y.by_half * other.bend.y)
    )


class Measured(NamedTuple):
    """A measure of a rectangle, such as its area, and its derivatives."""

    value: Any
    partials: RelativeGradient
    turn: Any
    bend: Any


def measured(rectangle: Rectangle, value: Any, by_sides: Vector) -> Measured:
    """A function of the sides, from its derivatives with respect to these."""
    (by_x, by_y), turn, bend = rectangle.partials, rectangle.turn, rectangle.bend
    partials = plus(times(by_x, by_sides.x), times(by_y, by_sides.y))
    return Measured(
        value,
        partials,
        by_sides.x * turn.x + by_sides.y * turn.y,
        by_sides.x * bend.x + by_sides.y * bend.y,
    )


def smaller_of(xp: Any, a: Measured, b: Measured, is_same: Any) -> RelativeGradient:
    """The derivatives of the smaller of two measures.

    Where the boxes are some quarter turns apart both may be the same, and differ by rounding: `is_same`. As the angle
    grows from there the one with the smaller derivative is the smaller, and as it falls the one with the larger: the
    derivative is the mean of these two.
    """

    def chosen(one: Any, other: Any) -> Any:
        if one is None and other is None:
            return None
        one, other = (0.0 if d is None else d for d in (one, other))
        return xp.where(is_same, 0.5 * (one + other), where_larger(xp, b.value, a.value, one, other))

    after = smaller(xp, a.turn + a.bend, b.turn + b.bend)
    before = larger(xp, a.turn - a.bend, b.turn - b.bend)
    angle = xp.where(is_same, 0.5 * (after + before), where_larger(xp, b.value, a.value, a.turn, b.turn))
    return RelativeGradient(*map(chosen, a.partials, b.partials))._replace(angle=angle)


def larger_of(xp: Any, a: Measured, b: Measured, is_same: Any) -> RelativeGradient:
    """Those of the larger of two."""
    return times(smaller_of(xp, _negated(a), _negated(b), is_same), -1.0)  # type: ignore[no-any-return]


def _negated(a: Measured) -> Measured:
    return times(a, -1.0)  # type: ignore[no-any-return]
