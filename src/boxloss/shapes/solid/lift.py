"""Boxes along the axes as boxes with a yaw of 0, and those around boxes with a yaw."""

from boxloss.shapes.box import Image
from boxloss.shapes.rotated.lift import with_angle, with_angle_pullback
from boxloss.shapes.rotated.shape import enclosing
from boxloss.shapes.shape import Format, Numbers
from boxloss.shapes.solid.box import Solid, SolidGradient, TurnedSolid
from boxloss.shapes.solid.shape import TURNED_SOLID
from boxloss.typing import Namespace


def with_yaw(xp: Namespace, b: Solid) -> TurnedSolid:
    """Make a box with a yaw of 0."""
    return TurnedSolid.of(with_angle(xp, b.ground), b.height)


def around(xp: Namespace, b: TurnedSolid) -> Solid:
    """Make the box along the axes around a box with a yaw."""
    return Solid.of(enclosing(xp, b.ground), b.height)


def lifted(own: Format) -> Format:
    """Make a format of boxes along the axes one of boxes with a yaw.

    An inverted side is one of length 0 at its first corner, as it is without a yaw. The pair sees to that along z.
    """

    def decode(xp: Namespace, numbers: Numbers, image: Image) -> TurnedSolid:
        b = own.decode(xp, numbers, image)
        return with_yaw(xp, b.of(b.ground.upright(xp), b.height))

    def pullback(xp: Namespace, numbers: Numbers, d: SolidGradient, image: Image) -> Numbers:
        b = own.decode(xp, numbers, image)
        return own.pullback(xp, numbers, d._replace(ground=with_angle_pullback(xp, b.ground, d.ground)), image)

    return own._replace(shape=TURNED_SOLID, decode=decode, pullback=pullback)
