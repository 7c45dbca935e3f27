"""What relations read of a pair of boxes: protocols, since the pairs themselves are made of relations."""

from typing import Protocol

from boxloss.shapes.box import Box, FlatBox, Image, Vector
from boxloss.shapes.shape import Pair
from boxloss.typing import Namespace


class FlatPair(Protocol):
    """Two boxes of a plane."""

    @property
    def box(self) -> FlatBox:
        """The first box, upright."""

    @property
    def other(self) -> FlatBox:
        """The second box, upright."""


class AlignedPair(Protocol):
    """Two boxes along the axes; see `boxloss.shapes.axis_aligned`."""

    @property
    def xp(self) -> Namespace:
        """The namespace of the call."""

    @property
    def image(self) -> Image:
        """The size of the image."""

    @property
    def given(self) -> Box:
        """The first box, as it came."""

    @property
    def given_other(self) -> Box:
        """The second box, as it came."""

    @property
    def box(self) -> Box:
        """The first box, upright."""

    @property
    def other(self) -> Box:
        """The second box, upright."""

    @property
    def inner(self) -> Box:
        """The intersection, or inverted: a gap."""

    @property
    def outer(self) -> Box:
        """The enclosing box."""

    @property
    def offset(self) -> Vector:
        """Centre of the first box minus that of the other."""

    def of_upright(self, xp: Namespace, box: Box, other: Box) -> Pair:
        """Make a pair of other boxes, which are upright."""
