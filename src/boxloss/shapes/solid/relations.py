"""The relations of two boxes in space, each with its pullback: those of the ground plane times, or plus, those of z.

What is an area in the plane is a volume here. There is no aspect ratio, and what has a component along each axis is a
plain tuple of three: a formula that reads `x` and `y` of it must not pass over the third.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from boxloss.shapes.box import FlatBox, Vector
from boxloss.shapes.guards import safe_if_ordinary
from boxloss.shapes.relations import (
    AreaPartials,
    Areas,
    positive_part,
    same,
    sum_of_products,
    where_overlapping,
)
from boxloss.shapes.relative import Projection
from boxloss.shapes.shape import Relation, Shape
from boxloss.shapes.solid.interval import Interval, IntervalPartials
from boxloss.shapes.solid.pair import SolidPair, SolidPartials
from boxloss.typing import Namespace, Number

Axes = tuple[Number, Number, Number]  # along x, y and z


def of_ground(pair: SolidPair, name: str) -> Any:
    """Compute a quantity of the boxes of the ground plane."""
    return pair.ground.quantity(pair.ground.shape.relation(name))


def ground_pullback(xp: Namespace, pair: SolidPair, name: str, d: Any) -> Any:
    """Pull back from it."""
    return pair.ground.shape.relation(name).pullback(xp, pair.ground, d)


def area(b: FlatBox) -> Number:
    """Compute the area of a box of the ground plane."""
    w, h = b.sides
    return w * h


def volumes_forward(xp: Namespace, pair: SolidPair) -> Areas:
    """Compute intersection and union.

    As in the plane, the symmetric difference is summed from the parts of each box outside the other.
    """
    ground, height = of_ground(pair, "areas"), pair.height
    length, other_length, overlap = height.box.length, height.other.length, height.inner.length
    shared = positive_part(xp, overlap)
    intersection = ground.intersection * shared
    difference = shared * ground.symmetric_difference + sum_of_products(
        xp, area(pair.ground.box), length - shared, area(pair.ground.other), other_length - shared
    )
    corner_distance = ground.corner_distance + (height.outer.length - overlap)
    return Areas(intersection, safe_if_ordinary(xp, difference + intersection), difference, corner_distance)


def volumes_pullback(xp: Namespace, pair: SolidPair, d: AreaPartials) -> SolidPartials:
    """Pull back by union = both volumes - intersection; a volume is an area times a length."""
    height, by_intersection = pair.height, d.intersection - d.union
    length, overlap = height.box.length, height.inner.length
    by_length = d.union * area(pair.ground.box)
    by_overlap = by_intersection * of_ground(pair, "areas").intersection
    return SolidPartials(
        pair.area_and_intersection_pullback(
            xp, pair.ground, d.union * length, by_intersection * positive_part(xp, overlap)
        ),
        IntervalPartials(Interval(-by_length, by_length), where_overlapping(xp, overlap, length, by_overlap)),
    )


def enclosing_volume_forward(xp: Namespace, pair: SolidPair) -> Number:
    """Compute the area that encloses both in the ground plane, times the length that encloses both along z."""
    return safe_if_ordinary(xp, of_ground(pair, "enclosing_area") * pair.height.outer.length)


def enclosing_volume_pullback(xp: Namespace, pair: SolidPair, d: Number) -> SolidPartials:
    """Pull back by the product rule."""
    ground = ground_pullback(xp, pair, "enclosing_area", d * pair.height.outer.length)
    return SolidPartials(ground, IntervalPartials(outer=d * of_ground(pair, "enclosing_area")))


def enclosing_diagonal_forward(xp: Namespace, pair: SolidPair) -> Number:
    """Compute the squared diagonal of the enclosing box."""
    length = pair.height.outer.length
    return safe_if_ordinary(xp, of_ground(pair, "enclosing_diagonal") + length * length)


def enclosing_diagonal_pullback(xp: Namespace, pair: SolidPair, d: Number) -> SolidPartials:
    """Pull back by d(l^2) = 2 l dl."""
    ground = ground_pullback(xp, pair, "enclosing_diagonal", d)
    return SolidPartials(ground, IntervalPartials(outer=2.0 * d * pair.height.outer.length))


def center_distance_forward(xp: Namespace, pair: SolidPair) -> Number:
    """Compute the squared distance of the centres."""
    z = pair.height.offset
    in_plane: Number = of_ground(pair, "center_distance")
    return in_plane + z * z


def center_distance_pullback(xp: Namespace, pair: SolidPair, d: Number) -> SolidPartials:
    """Pull back by d(z^2) = 2 z dz, and either end moves the middle by half."""
    d_z = d * pair.height.offset
    return SolidPartials(ground_pullback(xp, pair, "center_distance", d), IntervalPartials(Interval(d_z, d_z)))


def enclosing_sides_forward(xp: Namespace, pair: SolidPair) -> Axes:
    """Compute the sides of the enclosing box."""
    return (*of_ground(pair, "enclosing_sides"), pair.height.outer.length)


def enclosing_sides_pullback(xp: Namespace, pair: SolidPair, d: Axes) -> SolidPartials:
    """Pull back from those of the ground plane, and from the length."""
    x, y, z = d
    return SolidPartials(ground_pullback(xp, pair, "enclosing_sides", Vector(x, y)), IntervalPartials(outer=z))


def size_difference_forward(xp: Namespace, pair: SolidPair) -> Axes:
    """Compute the sides of pred minus sides of target."""
    return (*of_ground(pair, "size_difference"), pair.height.box.length - pair.height.other.length)


def size_difference_pullback(xp: Namespace, pair: SolidPair, d: Axes) -> SolidPartials:
    """Pull back: a length is its second end minus its first."""
    x, y, z = d
    return SolidPartials(ground_pullback(xp, pair, "size_difference", Vector(x, y)), IntervalPartials(Interval(-z, z)))


def projections_forward(xp: Namespace, pair: SolidPair) -> tuple[Projection, ...]:
    """Take the projections of the ground plane, and those along z: as many as along another axis, to count as much."""
    of_plane, box, other = of_ground(pair, "projections"), pair.height.box, pair.height.other
    distance = xp.abs(box.z1 - other.z1) + xp.abs(box.z2 - other.z2)
    return (*of_plane, *(Projection(distance, pair.height.outer.length),) * (len(of_plane) // 2))


def projections_pullback(xp: Namespace, pair: SolidPair, d: tuple[Projection, ...]) -> SolidPartials:
    """Pull back: each end has the sign of its difference as slope."""
    count, box, other = len(of_ground(pair, "projections")), pair.height.box, pair.height.other
    distance, length = (sum(numbers[1:], start=numbers[0]) for numbers in zip(*d[count:], strict=True))
    ends = Interval(distance * xp.sign(box.z1 - other.z1), distance * xp.sign(box.z2 - other.z2))
    return SolidPartials(ground_pullback(xp, pair, "projections", d[:count]), IntervalPartials(ends, outer=length))


def relations_of(ground: Shape) -> Mapping[str, Relation]:
    """Make the relations of boxes that stand on one kind of box."""
    exchange = ground.relation("size_difference").exchange

    def exchanged(d: Axes) -> Axes:
        x, y, z = d
        return (*exchange(Vector(x, y)), -z)

    relations = (
        Relation("areas", volumes_forward, volumes_pullback, same),
        Relation("enclosing_sides", enclosing_sides_forward, enclosing_sides_pullback, same),
        Relation("enclosing_area", enclosing_volume_forward, enclosing_volume_pullback, same),
        Relation("enclosing_diagonal", enclosing_diagonal_forward, enclosing_diagonal_pullback, same),
        Relation("center_distance", center_distance_forward, center_distance_pullback, same),
        Relation("size_difference", size_difference_forward, size_difference_pullback, exchanged),
        Relation("projections", projections_forward, projections_pullback, same),
    )
    return MappingProxyType({relation.name: relation for relation in relations})
