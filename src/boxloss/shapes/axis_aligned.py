"""Axis-aligned boxes: a pair of them, and the way from its derivatives back to each box.

At a kink a pullback returns the mean of the one-sided derivatives, which is what central differences converge to.
"""

from functools import cached_property
from types import MappingProxyType

from boxloss.shapes.box import Box, Vector
from boxloss.shapes.coordinates import differences
from boxloss.shapes.guards import ordinary, upright_as_given
from boxloss.shapes.mappings import interpolated, scaled
from boxloss.shapes.relations import RELATIONS, where_larger
from boxloss.shapes.relative_relations import RELATIVE_RELATIONS
from boxloss.shapes.replaceable import larger, smaller
from boxloss.shapes.shape import Gradient, Pair, Partials, Shape, plus
from boxloss.typing import Namespace


class AxisAlignedPair(Pair):
    """Two axis-aligned boxes, and the corners that they make together."""

    given: Box
    given_other: Box

    @cached_property
    def box(self) -> Box:
        """The first box, upright."""
        return upright_as_given(self.xp, self.given)

    @cached_property
    def other(self) -> Box:
        """The second box, upright."""
        return upright_as_given(self.xp, self.given_other)

    @cached_property
    def inner(self) -> Box:
        """The larger first corners and the smaller second corners: the intersection, or inverted: a gap."""
        xp, a, b = self.xp, self.box, self.other
        return Box(larger(xp, a.x1, b.x1), larger(xp, a.y1, b.y1), smaller(xp, a.x2, b.x2), smaller(xp, a.y2, b.y2))

    @cached_property
    def outer(self) -> Box:
        """The smaller first corners and the larger second corners: the enclosing box."""
        xp, a, b = self.xp, self.box, self.other
        return Box(smaller(xp, a.x1, b.x1), smaller(xp, a.y1, b.y1), larger(xp, a.x2, b.x2), larger(xp, a.y2, b.y2))

    @cached_property
    def offset(self) -> Vector:
        """Centre of the first box minus that of the other, from corner differences: exact for boxes that are close."""
        a, b = self.box, self.other
        return Vector(0.5 * ((a.x1 - b.x1) + (a.x2 - b.x2)), 0.5 * ((a.y1 - b.y1) + (a.y2 - b.y2)))

    def exchanged(self) -> "AxisAlignedPair":
        """Make the pair with its other box first, and the same corners."""
        pair = AxisAlignedPair(self.xp, self.given_other, self.given, self.image)
        pair.__dict__.update(box=self.other, other=self.box, inner=self.inner, outer=self.outer)
        return pair

    def of_upright(self, xp: Namespace, box: Box, other: Box) -> "AxisAlignedPair":
        """Make a pair of other boxes, which are upright."""
        pair = AxisAlignedPair(xp, box, other, self.image)
        pair.__dict__.update(box=box, other=other)
        return pair

    def gradient(self, partials: Partials | None) -> Gradient:
        """Compute the gradient: a corner of the first box is the inner one, the outer one or, at a tie, both."""
        d, inner, outer = partials or Partials()
        if inner is None and outer is None:
            return Gradient(d)
        xp, a, b = self.xp, self.box, self.other
        nothing = Vector(0.0, 0.0)
        inner, outer = inner or nothing, outer or nothing
        by_sides = Box(
            -where_larger(xp, a.x1, b.x1, inner.x, outer.x),
            -where_larger(xp, a.y1, b.y1, inner.y, outer.y),
            where_larger(xp, a.x2, b.x2, outer.x, inner.x),
            where_larger(xp, a.y2, b.y2, outer.y, inner.y),
        )
        return Gradient(plus(d, by_sides))

    def pull_back(self, gradient: Gradient) -> Box:
        """Pull back: the second corner of an inverted box has no influence, and its first one that of both."""
        d, given = gradient
        if d is not None:
            xp, b = self.xp, self.given
            d_x2, d_y2 = where_larger(xp, b.x2, b.x1, d.x2, 0.0), where_larger(xp, b.y2, b.y1, d.y2, 0.0)
            d = Box(d.x1 + (d.x2 - d_x2), d.y1 + (d.y2 - d_y2), d_x2, d_y2)
        return plus(d, given) or Box(0.0, 0.0, 0.0, 0.0)


def enclosing(xp: Namespace, b: Box) -> Box:
    """Return the box itself."""
    return b


ALL_RELATIONS = MappingProxyType({**RELATIONS, **RELATIVE_RELATIONS})
AXIS_ALIGNED = Shape(
    "axis-aligned", 4, Box, AxisAlignedPair, ordinary, ALL_RELATIONS, scaled, interpolated, differences, enclosing
)
AxisAlignedPair.shape = AXIS_ALIGNED
