"""Boxes with an angle as a `Shape`."""

from dataclasses import replace
from types import MappingProxyType

from boxloss.shapes.box import Box
from boxloss.shapes.guards import FARTHEST_CORNER, SHORTEST_SIDE
from boxloss.shapes.rotated.along_image import ALONG_IMAGE
from boxloss.shapes.rotated.box import RotatedBox
from boxloss.shapes.rotated.differences import differences
from boxloss.shapes.rotated.lines import extent
from boxloss.shapes.rotated.mappings import interpolated, scaled
from boxloss.shapes.rotated.pair import RotatedPair
from boxloss.shapes.rotated.relations import RELATIONS
from boxloss.shapes.shape import Shape
from boxloss.typing import Namespace, Truth


def ordinary(b: RotatedBox, shortest: float = SHORTEST_SIDE, farthest: float = FARTHEST_CORNER) -> Truth:
    """Say whether a box needs no guard; a NaN does."""
    far = 0.5 * farthest
    is_near = (b.x >= -far) & (b.y >= -far) & (b.x <= far) & (b.y <= far) & (b.w <= far) & (b.h <= far)
    return is_near & (b.w >= shortest) & (b.h >= shortest) & (b.cos == b.cos) & (b.sin == b.sin)


def enclosing(xp: Namespace, b: RotatedBox) -> Box:
    """Make the axis-aligned box around a box; the signs of sides stay."""
    half = extent(xp, b.w, b.h, b.cos, b.sin).half
    return Box(b.x - half.x, b.y - half.y, b.x + half.x, b.y + half.y)


ROTATED = Shape(
    "rotated",
    6,
    RotatedBox,
    RotatedPair,
    ordinary,
    RELATIONS,
    scaled,
    interpolated,
    differences,
    enclosing,
    # A vertical line has at most min(w / |sin|, h / |cos|) inside. So a part with the share u of the area is at least
    # u max(w |cos|, h |sin|) wide, which is half or more of u (w |cos| + h |sin|).
    least_extent=0.5,
)
RotatedPair.shape = ROTATED
RotatedPair.with_image_axes = replace(ROTATED, relations=MappingProxyType(ALONG_IMAGE))
