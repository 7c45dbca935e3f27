"""The differences of the numbers of two boxes with an angle, for losses of coordinates."""

from collections.abc import Callable

from boxloss.shapes.box import Box
from boxloss.shapes.coordinates import COORDINATES
from boxloss.shapes.relative import Relative
from boxloss.shapes.rotated.box import RotatedGradient, seen_from
from boxloss.shapes.rotated.pair import RotatedPair
from boxloss.shapes.shape import Numbers
from boxloss.typing import Namespace, Number


def angle_between(xp: Namespace, r: Relative) -> Number:
    """Compute the angle between two boxes in radians, from -pi/2 to pi/2: half a turn leaves a box as it is."""
    return 0.5 * xp.atan2(2.0 * r.sin * r.cos, r.cos * r.cos - r.sin * r.sin)


def differences(
    xp: Namespace, pair: RotatedPair, coordinates: str
) -> tuple[Numbers, Callable[[Numbers], RotatedGradient]]:
    """Compute the differences of the coordinates of the boxes before they are turned, and the angle between them.

    At a right angle, from where the angle falls either way, it has no slope.
    """
    p, t, own = pair.given, pair.given_other, COORDINATES[coordinates]
    half_w, half_h = 0.5 * (p.w - t.w), 0.5 * (p.h - t.h)
    x, y = p.x - t.x, p.y - t.y
    corners = own.of(Box(x - half_w, y - half_h, x + half_w, y + half_h))
    relative = seen_from(xp, p, t)

    def back(d: Numbers) -> RotatedGradient:
        *of_corners, angle = d
        b = own.pullback(tuple(of_corners))
        w, h = 0.5 * (b.x2 - b.x1), 0.5 * (b.y2 - b.y1)
        return RotatedGradient(b.x1 + b.x2, b.y1 + b.y2, w, h, xp.where(relative.cos == 0.0, 0.0, angle))

    return (*corners, angle_between(xp, relative)), back
