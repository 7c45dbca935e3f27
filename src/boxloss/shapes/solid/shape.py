"""Boxes in space as `Shape`s: along the axes, and turned about z."""

from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.shapes.box import Box
from boxloss.shapes.guards import FARTHEST_CORNER_IN_SPACE, SHORTEST_SIDE_IN_SPACE
from boxloss.shapes.guards import ordinary as ordinary_ground
from boxloss.shapes.rotated.shape import ROTATED
from boxloss.shapes.rotated.shape import enclosing as enclosing_rotated
from boxloss.shapes.rotated.shape import ordinary as ordinary_rotated
from boxloss.shapes.shape import Shape
from boxloss.shapes.solid.box import Solid, TurnedSolid
from boxloss.shapes.solid.interval import Interval
from boxloss.shapes.solid.mappings import differences, interpolated, scaled
from boxloss.shapes.solid.pair import AxisAlignedSolidPair, TurnedSolidPair
from boxloss.shapes.solid.relations import relations_of
from boxloss.typing import Namespace, Truth

SHORTEST, FARTHEST = SHORTEST_SIDE_IN_SPACE, FARTHEST_CORNER_IN_SPACE


def ordinary_height(b: Interval) -> Truth:
    """Say whether an interval needs no guard; a NaN does."""
    return (b.z1 >= -FARTHEST) & (b.z2 <= FARTHEST) & (b.length >= SHORTEST)


def ordinary(b: Solid) -> Truth:
    """Say whether a box needs no guard."""
    return ordinary_ground(b.ground, SHORTEST, FARTHEST) & ordinary_height(b.height)


def ordinary_turned(b: TurnedSolid) -> Truth:
    """Say whether a box that is turned needs no guard."""
    return ordinary_rotated(b.ground, SHORTEST, FARTHEST) & ordinary_height(b.height)


def enclosing(xp: Namespace, b: Solid) -> Box:
    """Return what a box stands on; inverted sides stay so.

    A convex part of a box stands on at least as large a share of it as it has of the volume.
    """
    return b.ground


def enclosing_turned(xp: Namespace, b: TurnedSolid) -> Box:
    """Make the axis-aligned box around what a box stands on."""
    return enclosing_rotated(xp, b.ground)


SOLID = Shape(
    name="axis-aligned 3-D",
    size=6,
    box=Solid,
    pair=AxisAlignedSolidPair,
    ordinary=ordinary,
    relations=relations_of(AXIS_ALIGNED),
    scaled=scaled,
    interpolated=interpolated,
    differences=differences,
    enclosing=enclosing,
)
TURNED_SOLID = Shape(
    name="rotated 3-D",
    size=8,
    box=TurnedSolid,
    pair=TurnedSolidPair,
    ordinary=ordinary_turned,
    relations=relations_of(ROTATED),
    scaled=scaled,
    interpolated=interpolated,
    differences=differences,
    enclosing=enclosing_turned,
    least_extent=ROTATED.least_extent,
)
AxisAlignedSolidPair.shape, TurnedSolidPair.shape = SOLID, TURNED_SOLID
