"""Two boxes with an angle seen along the sides of each: intervals of one line."""

from collections.abc import Callable
from typing import Any

from boxloss.shapes.relative import Projection, Relative, RelativeGradient
from boxloss.shapes.rotated.enclosing import extent, reach

Seen = tuple[Projection, Callable[[Projection], RelativeGradient]]


def interval(xp: Any, offset: Any, half: Any, side: Any) -> tuple[Projection, Callable[[Projection], tuple[Any, ...]]]:
    """What extends by `half` about `offset` beside a side about 0; the derivatives by these three numbers."""
    more, span = half - 0.5 * side, reach(xp, offset, half, side)
    first, last = offset - more, offset + more

    def back(d: Projection) -> tuple[Any, ...]:
        of_first, of_last = d.distance * xp.sign(first), d.distance * xp.sign(last)
        by_offset, by_half = of_first + of_last, of_last - of_first
        return (
            by_offset + d.length * span.by_offset,
            by_half + d.length * span.by_half,
            d.length * span.by_side - 0.5 * by_half,
        )

    return Projection(xp.abs(first) + xp.abs(last), span.length), back


def along_target(xp: Any, r: Relative) -> tuple[Seen, Seen]:
    """The first box along the width and the height of the second, and the way back to the pair."""
    own = extent(xp, r.w, r.h, r.cos, r.sin)
    cos, sin = 0.5 * xp.abs(r.cos), 0.5 * xp.abs(r.sin)
    x, of_x = interval(xp, r.x, own.half.x, r.other_w)
    y, of_y = interval(xp, r.y, own.half.y, r.other_h)

    def back_x(d: Projection) -> RelativeGradient:
        offset, half, side = of_x(d)
        return RelativeGradient(x=offset, w=half * cos, h=half * sin, angle=half * own.turn.x, other_w=side)

    def back_y(d: Projection) -> RelativeGradient:
        offset, half, side = of_y(d)
        return RelativeGradient(y=offset, w=half * sin, h=half * cos, angle=half * own.turn.y, other_h=side)

    return (x, back_x), (y, back_y)


def along_pred(xp: Any, r: Relative) -> tuple[Seen, Seen]:
    """The second box along the width and the height of the first."""
    other = extent(xp, r.other_w, r.other_h, r.cos, -r.sin)
    cos, sin = 0.5 * xp.abs(r.cos), 0.5 * xp.abs(r.sin)
    offset_x, offset_y = -(r.cos * r.x + r.sin * r.y), r.sin * r.x - r.cos * r.y
    x, of_x = interval(xp, offset_x, other.half.x, r.w)
    y, of_y = interval(xp, offset_y, other.half.y, r.h)

    def back_x(d: Projection) -> RelativeGradient:
        offset, half, side = of_x(d)
        angle = offset * offset_y - half * other.turn.x
        place = {"x": -(offset * r.cos), "y": -(offset * r.sin)}
        return RelativeGradient(**place, w=side, angle=angle, other_w=half * cos, other_h=half * sin)

    def back_y(d: Projection) -> RelativeGradient:
        offset, half, side = of_y(d)
        angle = -(offset * offset_x) - half * other.turn.y
        place = {"x": offset * r.sin, "y": -(offset * r.cos)}
        return RelativeGradient(**place, h=side, angle=angle, other_w=half * sin, other_h=half * cos)

    return (x, back_x), (y, back_y)
