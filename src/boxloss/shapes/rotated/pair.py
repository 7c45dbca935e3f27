"""Boxes with an angle: a pair of them, and the way from its derivatives back to each box."""

from functools import cached_property
from typing import NamedTuple

from boxloss.shapes.guards import upright_as_given
from boxloss.shapes.relative import Relative, RelativeGradient
from boxloss.shapes.rotated.box import (
    RotatedBox,
    RotatedGradient,
    seen_from,
    turned,
    turned_back,
)
from boxloss.shapes.rotated.enclosing import Rectangle, rectangle
from boxloss.shapes.rotated.lines import Line, along_first, along_second
from boxloss.shapes.rotated.overlap import Overlap, overlap
from boxloss.shapes.shape import Gradient, Pair, Shape, plus
from boxloss.typing import Namespace, Number


class RotatedPartials(NamedTuple):
    """Derivatives by the ways that a quantity of a pair depends on its first box; None where it does not.

    `own` is by the first box in the frame of the other, `both` by the pred and the target in the frame of the target,
    whichever of these is the first, and `of_image` by the first box in the frame of the image.
    """

    own: RelativeGradient | None = None
    both: RelativeGradient | None = None
    of_image: RotatedGradient | None = None


class RotatedPair(Pair):
    """Two boxes with an angle, each in the frame of the other."""

    given: RotatedBox
    given_other: RotatedBox
    with_image_axes: Shape
    original: "RotatedPair | None" = None  # the pair that this is with its boxes exchanged

    @cached_property
    def box(self) -> RotatedBox:
        """The first box, upright."""
        return upright_as_given(self.xp, self.given)

    @cached_property
    def other(self) -> RotatedBox:
        """The second box, upright."""
        return upright_as_given(self.xp, self.given_other)

    @cached_property
    def relative(self) -> Relative:
        """The first box in the frame of the second."""
        return seen_from(self.xp, self.box, self.other)

    @cached_property
    def of_target(self) -> Relative:
        """The pred in the frame of the target, whichever of these is the first."""
        return self.relative if self.original is None else self.original.relative

    @cached_property
    def lines(self) -> tuple[tuple[Line, Line], tuple[Line, Line]]:
        """What extends along the sides of the target, and along those of the pred."""
        if self.original is not None:
            return self.original.lines
        return along_second(self.xp, self.relative), along_first(self.xp, self.relative)

    @cached_property
    def rectangles(self) -> tuple[Rectangle, Rectangle]:
        """The rectangles that enclose both: along the target and along the pred."""
        if self.original is not None:
            return self.original.rectangles
        target, pred = self.lines
        return rectangle(self.xp, target), rectangle(self.xp, pred)

    @cached_property
    def overlap(self) -> Overlap:
        """The intersection."""
        return overlap(self.xp, self.relative)

    def exchanged(self) -> "RotatedPair":
        """Make the pair with its other box first."""
        pair = RotatedPair(self.xp, self.given_other, self.given, self.image)
        pair.__dict__.update(box=self.other, other=self.box)
        pair.original, pair.shape = self, self.shape
        return pair

    def along_image(self) -> "RotatedPair":
        """Make the pair with enclosing boxes along the axes of the image."""
        pair = RotatedPair(self.xp, self.given, self.given_other, self.image, self._parts)
        pair.__dict__.update(box=self.box, other=self.other, relative=self.relative)
        pair.shape = self.with_image_axes
        return pair

    def of_upright(self, xp: Namespace, box: RotatedBox, other: RotatedBox) -> "RotatedPair":
        """Make a pair of other boxes, which are upright."""
        pair = RotatedPair(xp, box, other, self.image)
        pair.__dict__.update(box=box, other=other)
        pair.shape = self.shape
        return pair

    def gradient(self, partials: RotatedPartials | None) -> Gradient:
        """Compute the derivatives in the frame of the other box, turned back."""
        if partials is None:
            return Gradient()
        own, both, of_image = partials
        if both is not None and self.original is not None:
            both = self._of_other(both)
        d = plus(own, both)
        if d is None:
            return Gradient(of_image)
        x, y, w, h, angle = (0.0 if item is None else item for item in d[:5])
        x, y = turned(x, y, self.other.cos, self.other.sin)
        return Gradient(plus(RotatedGradient(x, y, w, h, angle), of_image))

    def _of_other(self, d: RelativeGradient) -> RelativeGradient:
        """Compute those by the other box, in its own frame: nothing changes where both are moved or turned."""
        x, y, _, _, angle, other_w, other_h = (0.0 if item is None else item for item in d)
        seen = self.of_target
        moved_x, moved_y = turned_back(x, y, seen.cos, seen.sin)
        return RelativeGradient(-moved_x, -moved_y, other_w, other_h, (seen.y * x - seen.x * y) - angle)

    def pull_back(self, gradient: Gradient) -> RotatedGradient:
        """Pull back: a negative side has no influence."""
        d, given = gradient
        if d is not None:
            xp, b = self.xp, self.given
            d = d._replace(w=_where_positive(xp, b.w, d.w), h=_where_positive(xp, b.h, d.h))
        return plus(d, given) or RotatedGradient(0.0, 0.0, 0.0, 0.0, 0.0)


def _where_positive(xp: Namespace, side: Number, d: Number) -> Number:
    """Take at a side of 0 the mean of the two slopes: it has none where it is negative."""
    return xp.where(side > 0.0, d, xp.where(side < 0.0, 0.0, 0.5 * d))
