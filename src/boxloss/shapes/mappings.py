"""Pairs of boxes made of a pair, and the way back from the derivatives of a loss of these to the boxes themselves.

Corners are seen from a corner of the pair, so that boxes far from the origin keep their digits. Rounding may leave a
box without area, so what is made of ordinary boxes has all guards.
"""

from boxloss.shapes.box import Box
from boxloss.shapes.guards import with_guards
from boxloss.shapes.mapped import Mapped, back_from_between, back_from_each
from boxloss.shapes.pairs import AlignedPair
from boxloss.shapes.replaceable import larger
from boxloss.typing import Number


def scaled(pair: AlignedPair, ratio: Number) -> Mapped:
    """Scale both boxes about their own centres."""
    origin, inset = pair.outer, 0.5 * (1.0 - ratio)

    def scale(b: Box) -> Box:
        shift_x, shift_y = inset * (b.x2 - b.x1), inset * (b.y2 - b.y1)
        return Box(
            (b.x1 - origin.x1) + shift_x,
            (b.y1 - origin.y1) + shift_y,
            (b.x2 - origin.x1) - shift_x,
            (b.y2 - origin.y1) - shift_y,
        )

    def unscale(d: Box) -> Box:
        turn_x, turn_y = inset * (d.x2 - d.x1), inset * (d.y2 - d.y1)
        return Box(d.x1 + turn_x, d.y1 + turn_y, d.x2 - turn_x, d.y2 - turn_y)

    return Mapped(pair.of_upright(with_guards(pair.xp), scale(pair.box), scale(pair.other)), back_from_each(unscale))


def interpolated(pair: AlignedPair, alpha: Number) -> Mapped:
    """Move the first box towards the other, by the share alpha of the way."""
    xp, box, other, rest = pair.xp, pair.box, pair.other, 1.0 - alpha
    width, height = other.x2 - other.x1, other.y2 - other.y1
    x1, y1 = rest * (box.x1 - other.x1), rest * (box.y1 - other.y1)
    x2, y2 = width + rest * (box.x2 - other.x2), height + rest * (box.y2 - other.y2)
    # Corners far from the other box may change places by rounding, which formulas take for a side below 0.
    between = Box(x1, y1, larger(xp, x1, x2), larger(xp, y1, y2))
    nothing = 0.0 * width

    return Mapped(
        pair.of_upright(with_guards(xp), between, Box(nothing, nothing, width, height)), back_from_between(alpha)
    )
