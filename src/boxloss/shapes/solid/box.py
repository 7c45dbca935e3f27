"""Boxes in space: what formulas read, and what gradients are returned in."""

from typing import Any, NamedTuple

from boxloss.shapes.box import Box
from boxloss.shapes.rotated.box import RotatedBox
from boxloss.shapes.solid.interval import Interval
from boxloss.typing import Namespace, Number


class Solid(NamedTuple):
    """The corners of a box along the axes."""

    x1: Number
    y1: Number
    z1: Number
    x2: Number
    y2: Number
    z2: Number

    @property
    def ground(self) -> Box:
        """What it stands on."""
        return Box(self.x1, self.y1, self.x2, self.y2)

    @property
    def height(self) -> Interval:
        """From where to where it stands."""
        return Interval(self.z1, self.z2)

    @property
    def sides(self) -> tuple[Number, ...]:
        """Along x, y and z."""
        return (*self.ground.sides, self.height.length)

    @staticmethod
    def of(ground: Box, height: Interval) -> "Solid":
        """Make a box of the ground plane times an interval."""
        return Solid(ground.x1, ground.y1, height.z1, ground.x2, ground.y2, height.z2)

    def upright(self, xp: Namespace) -> "Solid":
        """Make an inverted side one of length 0 at its first corner."""
        return self.of(self.ground.upright(xp), self.height.upright(xp))


class TurnedSolid(NamedTuple):
    """A box that is turned about z: a box with an angle in the ground plane, and an interval."""

    x: Number
    y: Number
    w: Number
    h: Number
    cos: Number
    sin: Number
    z1: Number
    z2: Number

    @property
    def ground(self) -> RotatedBox:
        """What it stands on."""
        return RotatedBox(*self[:6])

    @property
    def height(self) -> Interval:
        """From where to where it stands."""
        return Interval(self.z1, self.z2)

    @property
    def sides(self) -> tuple[Number, ...]:
        """Along the two axes that are turned, and along z."""
        return self.w, self.h, self.height.length

    @staticmethod
    def of(ground: RotatedBox, height: Interval) -> "TurnedSolid":
        """Make a box of the ground plane times an interval."""
        return TurnedSolid(*ground, *height)

    def upright(self, xp: Namespace) -> "TurnedSolid":
        """Make a negative side one of length 0."""
        return self.of(self.ground.upright(xp), self.height.upright(xp))


class SolidGradient(NamedTuple):
    """Derivatives with respect to the box of the ground plane, and to the interval; None where there are none."""

    ground: Any
    height: Any
