"""The gradients of the simulation code that was released with the DIoU and CIoU papers (github.com/Zzh-tju/DIoU).

They are not the gradients of the losses. They are kept here, and nowhere else, because the papers' published curves
come from them. What departs from the true gradient, with respect to pred as centre, width and height:

- All four: the chain rule from edges to width and height lacks its factor 1/2. In DIoU and CIoU only the IoU part does.
- GIoU: the sides of the intersection are not clamped at 0, so that boxes apart have a spurious intersection in their
  union: a negative one, or a positive one where both sides are negative.
- DIoU and CIoU, the enclosing box: the derivatives of its sides with respect to the centre have the wrong sign, those
  of each side are counted for the other side too, and that of a side with respect to the width or height of a pred
  that spans the target is -1 instead of 1.
- CIoU: the factor 1 / (w^2 + h^2) of the derivative of v is left out.

Every loss here is that of the package with other pullbacks. Only gradients with respect to pred mean anything.
"""

from typing import Any

from boxloss.box import Box
from boxloss.formats import FORMATS
from boxloss.geometry import (
    NO_SIDES,
    AreaPartials,
    Areas,
    Pair,
    Partials,
    Primitive,
    Vector,
    areas,
    aspect,
    enclosing,
    height,
    offset,
    pair_pullback,
    same,
    width,
)
from boxloss.loss import Loss
from boxloss.losses.ciou import CIoU
from boxloss.losses.diou import DIoU
from boxloss.losses.giou import GIoU
from boxloss.losses.iou import IoU

corner_gradient = FORMATS["cxcywh"].encode_pullback


def without_half(primitive: Primitive) -> Primitive:
    """The primitive with derivatives with respect to width and height that are twice what they should be."""
    pullback = primitive.pullback

    def doubled_pullback(xp: Any, pair: Pair, d: Any) -> Partials:
        d_pred = pair_pullback(xp, pair, pullback(xp, pair, d))
        d_x, d_y = d_pred.x1 + d_pred.x2, d_pred.y1 + d_pred.y2
        d_w, d_h = d_pred.x2 - d_pred.x1, d_pred.y2 - d_pred.y1
        return Partials(corner_gradient(Box(d_x, d_y, d_w, d_h), 1.0, 1.0), NO_SIDES, NO_SIDES)

    return primitive._replace(pullback=doubled_pullback)


def unclamped_areas_forward(xp: Any, pair: Pair) -> Areas:
    """Areas whose union has lost a spurious intersection."""
    w, h, other_w, other_h = width(pair.box), height(pair.box), width(pair.other), height(pair.other)
    reach_w, reach_h = width(pair.inner), height(pair.inner)
    product = reach_w * reach_h
    intersection = xp.where((reach_w > 0.0) & (reach_h > 0.0), product, 0.0)
    union = w * h + other_w * other_h - product
    return Areas(intersection, union, union - intersection, xp.abs(w - other_w) + xp.abs(h - other_h))


def unclamped_areas_pullback(xp: Any, pair: Pair, d: AreaPartials) -> Partials:
    """The intersection has a slope only where there is one; what the union has lost has a slope everywhere."""
    w, h, reach_w, reach_h = width(pair.box), height(pair.box), width(pair.inner), height(pair.inner)
    d_w, d_h = d.union * h, d.union * w
    d_product = xp.where((reach_w > 0.0) & (reach_h > 0.0), d.intersection, 0.0) - d.union
    d_reach_w, d_reach_h = d_product * reach_h, d_product * reach_w
    return Partials(Box(-d_w, -d_h, d_w, d_h), Vector(d_reach_w, d_reach_h), NO_SIDES)


def misdirected_enclosing_pullback(xp: Any, pair: Pair, d: Vector) -> Partials:
    """The wrong signs, and a derivative of one side counted for both."""
    p, t = pair.box, pair.other
    both = d.x + d.y
    x1, y1 = xp.where(p.x1 < t.x1, both, 0.0), xp.where(p.y1 < t.y1, both, 0.0)
    x2, y2 = xp.where(p.x2 > t.x2, both, 0.0), xp.where(p.y2 > t.y2, both, 0.0)
    d_w = xp.where((p.x1 < t.x1) & (p.x2 > t.x2), d.y - d.x, 0.5 * (x1 + x2))
    d_h = xp.where((p.y1 < t.y1) & (p.y2 > t.y2), d.x - d.y, 0.5 * (y1 + y2))
    return Partials(corner_gradient(Box(x1 - x2, y1 - y2, d_w, d_h), 1.0, 1.0), NO_SIDES, NO_SIDES)


def undivided_aspect_pullback(xp: Any, pair: Pair, d: Any) -> Partials:
    """h dw - w dh, without the division by w^2 + h^2."""
    d_w, d_h = d * height(pair.box), d * width(pair.box)
    return Partials(Box(d_w, -d_h, -d_w, d_h), NO_SIDES, NO_SIDES)


released_areas = without_half(areas)
unclamped_areas = without_half(Primitive(unclamped_areas_forward, unclamped_areas_pullback, same))
misdirected_enclosing = enclosing._replace(pullback=misdirected_enclosing_pullback)
undivided_aspect = aspect._replace(pullback=undivided_aspect_pullback)


class ReleasedIoU(IoU):
    """IoU with its released gradient."""

    primitives = (released_areas,)


class ReleasedGIoU(GIoU):
    """GIoU with its released gradient."""

    primitives = (unclamped_areas, without_half(enclosing))


class ReleasedDIoU(DIoU):
    """DIoU with its released gradient."""

    primitives = (released_areas, misdirected_enclosing, offset)


class ReleasedCIoU(CIoU):
    """CIoU with its released gradient."""

    primitives = (released_areas, misdirected_enclosing, offset, undivided_aspect)


RELEASED: dict[Loss, Loss] = {
    IoU(): ReleasedIoU(),
    GIoU(): ReleasedGIoU(),
    DIoU(): ReleasedDIoU(),
    CIoU(): ReleasedCIoU(),
}


def released(loss: Loss) -> Loss:
    """The loss with its released gradient."""
    if loss not in RELEASED:
        known = ", ".join(type(one).__name__ for one in RELEASED)
        raise ValueError(f"gradient='released' is there for {known}, with default parameters; got {loss!r}")
    return RELEASED[loss]
