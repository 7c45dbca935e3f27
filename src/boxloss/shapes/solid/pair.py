"""Boxes in space: a pair of them, which is a pair of boxes of the ground plane and one of intervals."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Self

from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.shapes.relations import area_and_intersection_pullback
from boxloss.shapes.rotated.relations import area_and_intersection_pullback as of_rotated
from boxloss.shapes.rotated.shape import ROTATED
from boxloss.shapes.shape import Gradient, Pair, Shape
from boxloss.shapes.solid.box import Solid, SolidGradient, TurnedSolid
from boxloss.shapes.solid.interval import IntervalPair, IntervalPartials


class SolidPartials(NamedTuple):
    """Derivatives of a quantity of a pair: those of the pair in the ground plane, and those of the intervals."""

    ground: Any = None
    height: IntervalPartials | None = None


class SolidPair(Pair):
    """Two boxes in space.

    Attributes
    ----------
    box : type
        Of the boxes.
    ground_shape : Shape
        The kind of box that they stand on.
    area_and_intersection_pullback
        ``(xp, ground, by_area, by_intersection)``: the partial derivatives of a pair of these.
    """

    box: ClassVar[type[Solid] | type[TurnedSolid]]
    ground_shape: ClassVar[Shape]
    area_and_intersection_pullback: ClassVar[Callable[..., Any]]

    @cached_property
    def ground(self) -> Any:
        """What the boxes stand on."""
        return self.ground_shape.pair(self.xp, self.given.ground, self.given_other.ground, self.image)

    @cached_property
    def height(self) -> IntervalPair:
        """From where to where they stand."""
        return IntervalPair(self.xp, self.given.height, self.given_other.height, self.image)

    def of_parts(self, ground: Pair, height: Pair) -> Self:
        """Make a pair of other boxes."""
        given = self.box.of(ground.given, height.given)
        pair = type(self)(ground.xp, given, self.box.of(ground.given_other, height.given_other), self.image)
        pair.__dict__.update(ground=ground, height=height)
        return pair

    def exchanged(self) -> Self:
        """Make the pair with its other box first."""
        return self.of_parts(self.ground.exchanged(), self.height.exchanged())

    def along_image(self) -> Self:
        """Make the pair with enclosing boxes along x and y, which all of them are along z."""
        return self.of_parts(self.ground.along_image(), self.height)

    def gradient(self, partials: SolidPartials | None) -> Gradient:
        """Compute the gradient of the boxes of the ground plane, and that of the intervals."""
        ground, height = partials or SolidPartials()
        return joined(self.ground.gradient(ground), self.height.gradient(height))

    def pull_back(self, gradient: Gradient) -> SolidGradient:
        """Pull back to both."""
        ground, height = (part_of(gradient, k) for k in (0, 1))
        return SolidGradient(self.ground.pull_back(ground), self.height.pull_back(height))


def joined(ground: Gradient, height: Gradient) -> Gradient:
    """Join the gradient of boxes of the ground plane and that of intervals."""
    return Gradient(
        *(None if a is None and b is None else SolidGradient(a, b) for a, b in zip(ground, height, strict=True))
    )


def part_of(gradient: Gradient, part: int) -> Gradient:
    """Take one of those that `joined` joins."""
    return Gradient(*(None if d is None else d[part] for d in gradient))


class AxisAlignedSolidPair(SolidPair):
    """Two boxes along the axes."""

    box = Solid
    ground_shape = AXIS_ALIGNED
    area_and_intersection_pullback = staticmethod(area_and_intersection_pullback)


class TurnedSolidPair(SolidPair):
    """Two boxes that are turned about z."""

    box = TurnedSolid
    ground_shape = ROTATED
    area_and_intersection_pullback = staticmethod(of_rotated)
