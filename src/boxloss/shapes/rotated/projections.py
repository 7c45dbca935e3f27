"""Two boxes with an angle seen along the sides of each: intervals of one line."""

from collections.abc import Callable

from boxloss.shapes.relative import Projection, RelativeGradient
from boxloss.shapes.rotated.enclosing import reach
from boxloss.shapes.rotated.lines import Line
from boxloss.typing import Namespace


def projected(xp: Namespace, line: Line) -> tuple[Projection, Callable[[Projection], RelativeGradient]]:
    """Find the interval of one box beside that of the other, and the way back to the pair."""
    offset, half, side, _, back_to_pair = line
    more, span = half - 0.5 * side, reach(xp, offset, half, side)
    first, last = offset - more, offset + more

    def back(d: Projection) -> RelativeGradient:
        of_first, of_last = d.distance * xp.sign(first), d.distance * xp.sign(last)
        by_offset, by_half = of_first + of_last, of_last - of_first
        return back_to_pair(
            by_offset + d.length * span.by_offset,
            by_half + d.length * span.by_half,
            d.length * span.by_side - 0.5 * by_half,
        )

    return Projection(xp.abs(first) + xp.abs(last), span.length), back
