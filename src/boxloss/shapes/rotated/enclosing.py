"""The rectangles that enclose two boxes with an angle: along the sides of one, and along those of the other.

Both are seen from the boxes alone, so they turn with them, and for equal angles they are one: the enclosing box of
axis-aligned boxes. Of the two the one with the smaller area, or with the shorter diagonal, counts.
"""

from collections.abc import Iterable
from functools import reduce
from typing import Any, NamedTuple

from boxloss.shapes.box import Vector
from boxloss.shapes.relative import RelativeGradient
from boxloss.shapes.replaceable import larger, smaller
from boxloss.shapes.rotated.lines import Line
from boxloss.shapes.shape import plus, times
from boxloss.typing import Namespace, Number, Truth


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

    length: Number
    by_offset: Number
    by_half: Number
    by_side: Number


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


def reach(xp: Namespace, offset: Number, half: Number, side: Number) -> Reach:
    """Enclose [-side/2, side/2] and what extends by `half` about `offset`."""
    half_side = 0.5 * side
    first, last = half - offset, half + offset
    # 1/2 where the other box reaches beyond this one, -1/2 where it does not.
    beyond_first, beyond_last = (0.5 * xp.sign(far - half_side) for far in (first, last))
    return Reach(
        larger(xp, half_side, first) + larger(xp, half_side, last),
        beyond_last - beyond_first,
        1.0 + (beyond_last + beyond_first),
        0.5 - 0.5 * (beyond_last + beyond_first),
    )


def rectangle(xp: Namespace, lines: tuple[Line, Line]) -> Rectangle:
    """Make the rectangle along one of the boxes."""
    x, y = (reach(xp, line.offset, line.half, line.side) for line in lines)
    by_x, by_y = (line.back(of.by_offset, of.by_half, of.by_side) for line, of in zip(lines, (x, y), strict=True))
    bend = Vector(x.by_half * lines[0].bend, y.by_half * lines[1].bend)
    return Rectangle(Vector(x.length, y.length), (by_x, by_y), bend)


class Measured(NamedTuple):
    """A measure of a rectangle, such as its area, and its derivatives with respect to the sides; None counts as 0."""

    value: Number
    rectangle: Rectangle
    by_sides: tuple[Number | None, Number | None]


def smaller_of(xp: Namespace, a: Measured, b: Measured, is_same: Truth, d: Number) -> RelativeGradient:
    """Pull back from the smaller of two measures.

    Where the boxes are some quarter turns apart both may be the same, and differ by rounding: `is_same`. As the angle
    grows from there the one with the smaller derivative is the smaller, and as it falls the one with the larger: the
    derivative is the mean of these two.
    """
    half = 0.5 * xp.where(is_same, 0.0, xp.sign(b.value - a.value))
    own, other = d * (0.5 + half), d * (0.5 - half)
    (turn, bend), (other_turn, other_bend) = (_by_angle(one) for one in (a, b))
    after = smaller(xp, turn + bend, other_turn + other_bend)
    before = larger(xp, turn - bend, other_turn - other_bend)
    angle = xp.where(is_same, 0.5 * d * (after + before), own * turn + other * other_turn)
    found: RelativeGradient = plus(_back(a, own), _back(b, other))
    return found._replace(angle=angle)


def _by_angle(a: Measured) -> tuple[Number, Number]:
    """Compute the derivative with respect to the angle, and what is added to it and taken off it at a quarter turn."""
    turns = tuple(partials.angle for partials in a.rectangle.partials)
    turn, bend = (
        _sum_of(None if by is None else one * by for one, by in zip(of, a.by_sides, strict=True))
        for of in (turns, a.rectangle.bend)
    )
    return turn, bend


def _back(a: Measured, d: Number) -> Any:
    """Pull back from a measure."""
    by_sides = (None if by is None else d * by for by in a.by_sides)
    return _sum_of(None if by is None else times(of, by) for of, by in zip(a.rectangle.partials, by_sides, strict=True))


def _sum_of(parts: Iterable[Any]) -> Any:
    return reduce(plus, parts)


def larger_of(xp: Namespace, a: Measured, b: Measured, is_same: Truth, d: Number) -> RelativeGradient:
    """Pull back from the larger of two."""
    one, other = (Measured(-m.value, m.rectangle, times(m.by_sides, -1.0)) for m in (a, b))
    return smaller_of(xp, one, other, is_same, -d)
