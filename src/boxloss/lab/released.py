"""The gradients of the simulation code that was released with the DIoU and CIoU papers (github.com/Zzh-tju/DIoU).

They are not the gradients of the losses. They are kept here, and nowhere else, because the published curves of the
papers' simulation come from them. What departs from the true gradient:

- GIoU: the intersection is not clamped at 0, so that boxes apart have a spurious overlap: two negative sides make a
  positive area.
- The chain rule from edges to width and height lacks its factor 1/2, in all of IoU and GIoU and in the IoU part of
  DIoU and CIoU.
- DIoU and CIoU, the squared diagonal c^2 of the enclosing box: its derivative with respect to the centre has the wrong
  sign; a derivative of one of its sides is also counted for the other side; and that of a side is -1 instead of 1
  with respect to the width or height of a pred that spans the target.
- CIoU: the factor 1 / (w^2 + h^2) of the derivative of v is left out.
"""

from dataclasses import dataclass
from typing import Any

from boxloss.box import Box, add
from boxloss.check import check_choice
from boxloss.formats import FORMATS
from boxloss.formula import Formula
from boxloss.geometry import (
    ZERO,
    AreaPartials,
    Areas,
    Corners,
    Pair,
    Primitive,
    aspect_forward,
    enclosing,
    enclosing_forward,
    height,
    offset_forward,
    same,
    width,
)
from boxloss.loss import Loss
from boxloss.losses.ciou import FOUR_PER_PI_SQUARED, CIoU
from boxloss.losses.diou import DIoU, centre_distance
from boxloss.losses.giou import GIoU
from boxloss.losses.iou import IoU

corner_gradient = FORMATS["cxcywh"].encode_pullback


def without_half(d: Box) -> Box:
    """A gradient whose derivatives with respect to width and height are twice what they should be."""
    return corner_gradient(Box(d.x1 + d.x2, d.y1 + d.y2, d.x2 - d.x1, d.y2 - d.y1), 1.0, 1.0)


# --- GIoU -----------------------------------------------------------------------------------------------------------


def unclamped_areas_forward(xp: Any, pair: Pair) -> Areas:
    """Areas with a union that a spurious intersection has been taken from."""
    w, h, other_w, other_h = width(pair.box), height(pair.box), width(pair.other), height(pair.other)
    reach_w, reach_h = width(pair.inner), height(pair.inner)
    product = reach_w * reach_h
    intersection = xp.where((reach_w > 0.0) & (reach_h > 0.0), product, 0.0)
    union = w * h + other_w * other_h - product
    return Areas(intersection, union, union - intersection, xp.abs(w - other_w) + xp.abs(h - other_h))


def unclamped_areas_pullback(xp: Any, pair: Pair, d: AreaPartials) -> Corners:
    """As `areas_pullback`, except that the union's part of the intersection has a slope where there is none."""
    w, h, reach_w, reach_h = width(pair.box), height(pair.box), width(pair.inner), height(pair.inner)
    d_w, d_h = d.union * h, d.union * w
    d_intersection = xp.where((reach_w > 0.0) & (reach_h > 0.0), d.intersection, 0.0) - d.union
    d_reach_w, d_reach_h = d_intersection * reach_h, d_intersection * reach_w
    return Corners(Box(-d_w, -d_h, d_w, d_h), Box(-d_reach_w, -d_reach_h, d_reach_w, d_reach_h), ZERO)


class UnclampedGIoU(GIoU):
    """GIoU over areas that are not clamped."""

    primitives = (Primitive(unclamped_areas_forward, unclamped_areas_pullback, same), enclosing)


# --- DIoU and CIoU --------------------------------------------------------------------------------------------------


def penalty_gradient(xp: Any, pair: Pair) -> Box:
    """The released gradient of rho^2 / c^2 with respect to centre, width and height."""
    c, (p, t) = enclosing_forward(xp, pair), (pair.box, pair.other)
    _, d_c, d_offset = centre_distance(xp, c, offset_forward(xp, pair), 0.0)
    d_sides = d_c.x + d_c.y
    x1, y1 = xp.where(p.x1 < t.x1, 1.0, 0.0 * p.x1), xp.where(p.y1 < t.y1, 1.0, 0.0 * p.y1)
    x2, y2 = xp.where(p.x2 > t.x2, 1.0, 0.0 * p.x2), xp.where(p.y2 > t.y2, 1.0, 0.0 * p.y2)
    w, h = 0.5 * (x1 + x2), 0.5 * (y1 + y2)
    return Box(
        d_offset.x - (x2 - x1) * d_sides,
        d_offset.y - (y2 - y1) * d_sides,
        xp.where(w == 1.0, d_c.y - d_c.x, w * d_sides),
        xp.where(h == 1.0, d_c.x - d_c.y, h * d_sides),
    )


def aspect_gradient(xp: Any, pair: Pair, distance: Any) -> Box:
    """The released gradient of alpha v with respect to centre, width and height, of boxes with 1 - IoU = `distance`."""
    difference = aspect_forward(xp, pair)
    scaled = FOUR_PER_PI_SQUARED * difference
    v = scaled * difference
    slope = 2.0 * scaled * v / (distance + v + 1e-7)
    return Box(0.0, 0.0, -slope * height(pair.box), slope * width(pair.box))
