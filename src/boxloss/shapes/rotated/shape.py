"""Boxes with an angle as a `Shape`."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from boxloss.shapes.guards import FARTHEST_CORNER, SHORTEST_SIDE
from boxloss.shapes.rotated.along_image import ALONG_IMAGE
from boxloss.shapes.rotated.box import RotatedBox
from boxloss.shapes.rotated.differences import differences
from boxloss.shapes.rotated.mappings import interpolated, scaled
from boxloss.shapes.rotated.pair import RotatedPair
from boxloss.shapes.rotated.relations import RELATIONS
from boxloss.shapes.shape import Shape


def ordinary(b: RotatedBox, shortest: float = SHORTEST_SIDE, farthest: float = FARTHEST_CORNER) -> Any:
    """Say whether a box needs no guard; a NaN does."""
    far = 0.5 * farthest
    is_near = (b.x >= -far) & (b.y >= -far) & (b.x <= far) & (b.y <= far) & (b.w <= far) & (b.h <= far)
    return is_near & (b.w >= shortest) & (b.h >= shortest) & (b.cos == b.cos) & (b.sin == b.sin)


ROTATED = Shape("rotated", 6, RotatedBox, RotatedPair, ordinary, RELATIONS, scaled, interpolated, differences)
RotatedPair.shape = ROTATED
RotatedPair.with_image_axes = replace(ROTATED, relations=MappingProxyType(ALONG_IMAGE))
