"""The rectangles that enclose two boxes with an angle: along the sides of one, and along those of the other.

Both are seen from the boxes alone, so they turn with them, and for equal angles they are one: the enclosing box of
axis-aligned boxes. Of the two the one with the smaller area, or with the shorter diagonal, counts.
"""

from typing import Any, NamedTuple

from boxloss.shapes.relations import Vector, where_larger
from boxloss.shapes.relative import RelativeGradient
from boxloss.shapes.replaceable import larger, smaller
from boxloss.shapes.rotated.lines import Line
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
        For each side its derivatives with respect to the two boxes.
    bend
        What is added to those with respect to the angle on one side of a quarter turn, and taken off on the other; 0
        elsewhere.
    """

    sides: Vector
    partials: tuple[RelativeGradient, RelativeGradient]
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


def rectangle(xp: Any, lines: tuple[Line, Line]) -> Rectangle:
    """The rectangle along one of the boxes."""
    x, y = (reach(xp, line.offset, line.half, line.side) for line in lines)
    by_x, by_y = (line.back(of.by_offset, of.by_half, of.by_side) for line, of in zip(lines, (x, y), strict=True))
    bend = Vector(x.by_half * lines[0].bend, y.by_half * lines[1].bend)
    return Rectangle(Vector(x.length, y.length), (by_x, by_y), bend)


class Measured(NamedTuple):
    """A measure of a rectangle, such as its area, and its derivatives."""

    value: Any
    partials: RelativeGradient
    bend: Any


def measured(rectangle: Rectangle, value: Any, by_sides: Vector) -> Measured:
    """A function of the sides, from its derivatives with respect to these."""
    (by_x, by_y), bend = rectangle.partials, rectangle.bend
    partials = plus(times(by_x, by_sides.x), times(by_y, by_sides.y))
    return Measured(value, partials, by_sides.x * bend.x + by_sides.y * bend.y)


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

    turn, other_turn = a.partials.angle, b.partials.angle
    after = smaller(xp, turn + a.bend, other_turn + b.bend)
    before = larger(xp, turn - a.bend, other_turn - b.bend)
    angle = xp.where(is_same, 0.5 * (after + before), where_larger(xp, b.value, a.value, turn, other_turn))
    return RelativeGradient(*map(chosen, a.partials, b.partials))._replace(angle=angle)


def larger_of(xp: Any, a: Measured, b: Measured, is_same: Any) -> RelativeGradient:
    """Those of the larger of two."""
    return times(smaller_of(xp, _negated(a), _negated(b), is_same), -1.0)


def _negated(a: Measured) -> Measured:
    return times(a, -1.0)
