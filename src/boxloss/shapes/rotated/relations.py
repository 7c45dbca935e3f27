"""The relations of two boxes with an angle, each with its pullback.

Vectors and sides are along the target: what stands for x is along its width. So all of them stay as they are where
both boxes are turned.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from boxloss.shapes.box import Vector
from boxloss.shapes.guards import nonzero, safe_if_ordinary
from boxloss.shapes.relations import (
    AreaPartials,
    Areas,
    Sides,
    aspect_forward,
    aspect_of_one_box,
    aspect_of_two,
    same,
    sides_forward,
    size_difference_forward,
)
from boxloss.shapes.relative import Projection, Relative, RelativeGradient
from boxloss.shapes.replaceable import larger, smaller
from boxloss.shapes.rotated.enclosing import Measured, larger_of, smaller_of
from boxloss.shapes.rotated.pair import RotatedPair, RotatedPartials
from boxloss.shapes.rotated.projections import projected
from boxloss.shapes.shape import Relation, plus, times
from boxloss.shapes.wasserstein import wasserstein
from boxloss.typing import Namespace, Number


def both(**d: Number) -> RotatedPartials:
    """Make derivatives in the frame of the target."""
    return RotatedPartials(both=RelativeGradient(**d))


# --- Areas ----------------------------------------------------------------------------------------------------------


def areas_forward(xp: Namespace, pair: RotatedPair) -> Areas:
    """Compute intersection and union.

    The intersection of two equal boxes is the area of either, exactly; so a match leaves no rounding residue.
    """
    r, intersection = pair.relative, pair.overlap.area
    difference = (r.w * r.h - intersection) + (r.other_w * r.other_h - intersection)
    unequal = xp.abs(r.x) + xp.abs(r.y) + xp.abs(r.w - r.other_w) + xp.abs(r.h - r.other_h)
    return Areas(
        intersection,
        safe_if_ordinary(xp, difference + intersection),
        difference,
        unequal + xp.abs(r.sin) * (r.w + r.h),
    )


def areas_pullback(xp: Namespace, pair: RotatedPair, d: AreaPartials) -> RotatedPartials:
    """Pull back by union = w h + W H - intersection."""
    return area_and_intersection_pullback(xp, pair, d.union, d.intersection - d.union)


def area_and_intersection_pullback(
    xp: Namespace, pair: RotatedPair, by_area: Number, by_intersection: Number
) -> RotatedPartials:
    """Pull back from the area of the first box, and from the intersection."""
    r, found = pair.relative, pair.overlap
    return RotatedPartials(
        RelativeGradient(
            by_intersection * found.x,
            by_intersection * found.y,
            by_area * r.h + by_intersection * found.w,
            by_area * r.w + by_intersection * found.h,
            by_intersection * found.angle,
        )
    )


# --- The enclosing rectangles ---------------------------------------------------------------------------------------


def by_area(sides: Vector) -> tuple[Number, Vector]:
    """Compute the area, and its derivatives."""
    return sides.x * sides.y, Vector(sides.y, sides.x)


def by_diagonal(sides: Vector) -> tuple[Number, Vector]:
    """Compute the squared diagonal, and its derivatives."""
    return sides.x * sides.x + sides.y * sides.y, Vector(2.0 * sides.x, 2.0 * sides.y)


def both_measured(pair: RotatedPair, by: Callable[[Vector], tuple[Number, Vector]]) -> tuple[Measured, Measured]:
    """Make a measure of the two rectangles."""
    (value, by_sides), (other_value, other_by_sides) = (by(rectangle.sides) for rectangle in pair.rectangles)
    one, other = pair.rectangles
    return Measured(value, one, by_sides), Measured(other_value, other, other_by_sides)


def pullback_of_smaller(
    xp: Namespace, pair: RotatedPair, found: tuple[Measured, Measured], d: Number
) -> RotatedPartials:
    """Pull back from the smaller of two measures."""
    is_quarter_turn = (pair.of_target.sin == 0.0) | (pair.of_target.cos == 0.0)
    return RotatedPartials(both=smaller_of(xp, *found, is_quarter_turn, d))


def enclosing_area_forward(xp: Namespace, pair: RotatedPair) -> Number:
    """Compute the area of the smaller of the two enclosing rectangles along the boxes."""
    one, other = both_measured(pair, by_area)
    return safe_if_ordinary(xp, smaller(xp, one.value, other.value))


def enclosing_area_pullback(xp: Namespace, pair: RotatedPair, d: Number) -> RotatedPartials:
    """Pull back from the area of the smaller one."""
    return pullback_of_smaller(xp, pair, both_measured(pair, by_area), d)


def enclosing_diagonal_forward(xp: Namespace, pair: RotatedPair) -> Number:
    """Find the shorter of the squared diagonals of these; rounding leaves it at least the distance of the centres."""
    r, (one, other) = pair.of_target, both_measured(pair, by_diagonal)
    return safe_if_ordinary(xp, larger(xp, r.x * r.x + r.y * r.y, smaller(xp, one.value, other.value)))


def enclosing_diagonal_pullback(xp: Namespace, pair: RotatedPair, d: Number) -> RotatedPartials:
    """Pull back from the shorter one."""
    return pullback_of_smaller(xp, pair, both_measured(pair, by_diagonal), d)


def enclosing_sides_forward(xp: Namespace, pair: RotatedPair) -> Vector:
    """Find the longer of the sides along the widths, and of those along the heights, of both enclosing rectangles."""
    one, other = (rectangle.sides for rectangle in pair.rectangles)
    return Vector(larger(xp, one.x, other.x), larger(xp, one.y, other.y))


def enclosing_sides_pullback(xp: Namespace, pair: RotatedPair, d: Vector) -> RotatedPartials:
    """Pull back from the longer ones."""
    rectangles, is_parallel = pair.rectangles, pair.of_target.sin == 0.0
    one_x, other_x = (Measured(r.sides.x, r, (1.0, None)) for r in rectangles)
    one_y, other_y = (Measured(r.sides.y, r, (None, 1.0)) for r in rectangles)
    of_x = larger_of(xp, one_x, other_x, is_parallel, d.x)
    of_y = larger_of(xp, one_y, other_y, is_parallel, d.y)
    return RotatedPartials(both=plus(of_x, of_y))


# --- Centres, sides, aspect ratios ----------------------------------------------------------------------------------


def center_offset_forward(xp: Namespace, pair: RotatedPair) -> Vector:
    """Compute the centre of pred minus centre of target, along the target."""
    return Vector(pair.of_target.x, pair.of_target.y)


def center_offset_pullback(xp: Namespace, pair: RotatedPair, d: Vector) -> RotatedPartials:
    """Pull back: the offset is the place of pred."""
    return both(x=d.x, y=d.y)


def center_distance_forward(xp: Namespace, pair: RotatedPair) -> Number:
    """Compute the squared distance of the centres."""
    x, y = pair.of_target.x, pair.of_target.y
    return x * x + y * y


def center_distance_pullback(xp: Namespace, pair: RotatedPair, d: Number) -> RotatedPartials:
    """Pull back by d(x^2 + y^2) = 2 x dx + 2 y dy."""
    twice = 2.0 * d
    return both(x=twice * pair.of_target.x, y=twice * pair.of_target.y)


def size_difference_pullback(xp: Namespace, pair: RotatedPair, d: Vector) -> RotatedPartials:
    """Pull back to both boxes, with either sign."""
    return both(w=d.x, h=d.y, other_w=-d.x, other_h=-d.y)


def sides_pullback(xp: Namespace, pair: RotatedPair, d: Sides) -> RotatedPartials:
    """Pull back: the sides are numbers of the boxes."""
    return both(**d._asdict())


def aspect_pullback(xp: Namespace, pair: RotatedPair, d: Number) -> RotatedPartials:
    """Pull back by d atan(w / h) = (h dw - w dh) / (w^2 + h^2)."""
    r = pair.of_target
    own = d / nonzero(xp, r.w * r.w + r.h * r.h)
    other = d / nonzero(xp, r.other_w * r.other_w + r.other_h * r.other_h)
    return both(w=-(own * r.h), h=own * r.w, other_w=other * r.other_h, other_h=-(other * r.other_w))


def relative_forward(xp: Namespace, pair: RotatedPair) -> Relative:
    """Return the pred in the frame of the target."""
    return pair.of_target


def relative_pullback(xp: Namespace, pair: RotatedPair, d: RelativeGradient) -> RotatedPartials:
    """Pull back: these are numbers of the pair."""
    return RotatedPartials(both=d)


def wasserstein_forward(xp: Namespace, pair: RotatedPair) -> Number:
    """Compute the squared Wasserstein distance of the boxes as Gaussians."""
    return wasserstein(xp, pair.of_target)[0]


def wasserstein_pullback(xp: Namespace, pair: RotatedPair, d: Number) -> RotatedPartials:
    """Pull back through the centre, the sides and the angle."""
    return RotatedPartials(both=times(wasserstein(xp, pair.of_target)[1], d))


def projections_forward(xp: Namespace, pair: RotatedPair) -> tuple[Projection, ...]:
    """Project both boxes along the sides of the target and along those of pred."""
    return tuple(projected(xp, line)[0] for lines in pair.lines for line in lines)


def projections_pullback(xp: Namespace, pair: RotatedPair, d: tuple[Projection, ...]) -> RotatedPartials:
    """Pull back from each."""
    total: RelativeGradient | None = None
    for line, one in zip((line for lines in pair.lines for line in lines), d, strict=True):
        total = plus(total, projected(xp, line)[1](one))
    return RotatedPartials(both=total)


# --- The table ------------------------------------------------------------------------------------------------------

_ALL = (
    Relation("areas", areas_forward, areas_pullback, same),
    Relation("enclosing_sides", enclosing_sides_forward, enclosing_sides_pullback, same),
    Relation("enclosing_area", enclosing_area_forward, enclosing_area_pullback, same),
    Relation("enclosing_diagonal", enclosing_diagonal_forward, enclosing_diagonal_pullback, same),
    Relation("center_offset", center_offset_forward, center_offset_pullback, same),
    Relation("enclosing_offset", center_offset_forward, center_offset_pullback, same),
    Relation("center_distance", center_distance_forward, center_distance_pullback, same),
    Relation("size_difference", size_difference_forward, size_difference_pullback, same),
    Relation("sides", sides_forward, sides_pullback, same),
    Relation("aspect", aspect_forward, aspect_pullback, same, aspect_of_one_box, aspect_of_two),
    Relation("relative", relative_forward, relative_pullback, same),
    Relation("wasserstein", wasserstein_forward, wasserstein_pullback, same),
    Relation("projections", projections_forward, projections_pullback, same),
)
RELATIONS: Mapping[str, Relation] = MappingProxyType({relation.name: relation for relation in _ALL})
