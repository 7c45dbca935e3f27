"""The enclosing box along the axes of the image, for losses that are to take it for that along the boxes.

It changes where both boxes are turned. A derivative is by the first box in the frame of the image.
"""

from boxloss.shapes.box import Vector
from boxloss.shapes.guards import safe_if_ordinary
from boxloss.shapes.relations import negated, same
from boxloss.shapes.replaceable import larger
from boxloss.shapes.rotated.box import RotatedBox, RotatedGradient
from boxloss.shapes.rotated.enclosing import Reach, reach
from boxloss.shapes.rotated.lines import extent
from boxloss.shapes.rotated.pair import RotatedPair, RotatedPartials
from boxloss.shapes.rotated.relations import RELATIONS, by_area, by_diagonal
from boxloss.shapes.shape import Relation
from boxloss.typing import Namespace, Number


def reaches(xp: Namespace, pair: RotatedPair) -> tuple[Reach, Reach]:
    """Find the enclosing box along x and along y."""
    b, other = pair.box, pair.other
    own, others = (extent(xp, box.w, box.h, box.cos, box.sin).half for box in (b, other))
    return reach(xp, b.x - other.x, own.x, 2.0 * others.x), reach(xp, b.y - other.y, own.y, 2.0 * others.y)


def sides_forward(xp: Namespace, pair: RotatedPair) -> Vector:
    """Compute its sides."""
    x, y = reaches(xp, pair)
    return Vector(x.length, y.length)


def sides_pullback(xp: Namespace, pair: RotatedPair, d: Vector) -> RotatedPartials:
    """Pull back through the extents of the first box: w |cos| + h |sin| and w |sin| + h |cos|."""
    b: RotatedBox = pair.box
    x, y = reaches(xp, pair)
    by_x, by_y = d.x * x.by_half, d.y * y.by_half
    cos, sin, turn = 0.5 * xp.abs(b.cos), 0.5 * xp.abs(b.sin), extent(xp, b.w, b.h, b.cos, b.sin).turn
    return RotatedPartials(
        of_image=RotatedGradient(
            d.x * x.by_offset,
            d.y * y.by_offset,
            by_x * cos + by_y * sin,
            by_x * sin + by_y * cos,
            by_x * turn.x + by_y * turn.y,
        )
    )


def area_forward(xp: Namespace, pair: RotatedPair) -> Number:
    """Compute its area."""
    return safe_if_ordinary(xp, by_area(sides_forward(xp, pair))[0])


def area_pullback(xp: Namespace, pair: RotatedPair, d: Number) -> RotatedPartials:
    """Pull back by d(w h) = h dw + w dh."""
    _, by = by_area(sides_forward(xp, pair))
    return sides_pullback(xp, pair, Vector(d * by.x, d * by.y))


def diagonal_forward(xp: Namespace, pair: RotatedPair) -> Number:
    """Compute its squared diagonal; rounding leaves it at least the distance of the centres."""
    r = pair.of_target
    return safe_if_ordinary(xp, larger(xp, r.x * r.x + r.y * r.y, by_diagonal(sides_forward(xp, pair))[0]))


def diagonal_pullback(xp: Namespace, pair: RotatedPair, d: Number) -> RotatedPartials:
    """Pull back by d(w^2 + h^2) = 2 w dw + 2 h dh."""
    _, by = by_diagonal(sides_forward(xp, pair))
    return sides_pullback(xp, pair, Vector(d * by.x, d * by.y))


def offset_forward(xp: Namespace, pair: RotatedPair) -> Vector:
    """Compute the centre of pred minus centre of target, along x and y."""
    return Vector(pair.box.x - pair.other.x, pair.box.y - pair.other.y)


def offset_pullback(xp: Namespace, pair: RotatedPair, d: Vector) -> RotatedPartials:
    """Pull back: the offset is the place of the first box."""
    return RotatedPartials(of_image=RotatedGradient(d.x, d.y, 0.0, 0.0, 0.0))


ALONG_IMAGE = {
    **RELATIONS,
    "enclosing_sides": Relation("enclosing_sides", sides_forward, sides_pullback, same),
    "enclosing_area": Relation("enclosing_area", area_forward, area_pullback, same),
    "enclosing_diagonal": Relation("enclosing_diagonal", diagonal_forward, diagonal_pullback, same),
    "enclosing_offset": Relation("enclosing_offset", offset_forward, offset_pullback, negated),
}
