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

from boxloss.losses.ciou import CIoU
from boxloss.losses.diou import DIoU
from boxloss.losses.giou import GIoU
from boxloss.losses.iou import IoU
from boxloss.losses.loss import Loss
from boxloss.shapes.box import Box, Vector
from boxloss.shapes.coordinates import COORDINATES
from boxloss.shapes.pairs import AlignedPair
from boxloss.shapes.relations import RELATIONS, AreaPartials, Areas, height, same, width
from boxloss.shapes.shape import Pair, Partials, Relation
from boxloss.typing import Namespace, Number


def corner_gradient(xp: Namespace, d_x: Number, d_y: Number, d_w: Number, d_h: Number) -> Partials:
    """Turn derivatives with respect to centre, width and height into those with respect to the corners of pred."""
    return Partials(box=COORDINATES["cxcywh"].pullback((d_x, d_y, d_w, d_h)))


def without_half(relation: Relation) -> Relation:
    """Give the relation derivatives with respect to width and height that are twice what they should be."""
    pullback = relation.pullback

    def doubled_pullback(xp: Namespace, pair: Pair, d: Any) -> Partials:
        d_pred = pair.gradient(pullback(xp, pair, d)).upright
        d_x, d_y = d_pred.x1 + d_pred.x2, d_pred.y1 + d_pred.y2
        d_w, d_h = d_pred.x2 - d_pred.x1, d_pred.y2 - d_pred.y1
        return corner_gradient(xp, d_x, d_y, d_w, d_h)

    return relation._replace(pullback=doubled_pullback)


def unclamped_areas_forward(xp: Namespace, pair: AlignedPair) -> Areas:
    """Compute areas whose union has lost a spurious intersection."""
    w, h, other_w, other_h = width(pair.box), height(pair.box), width(pair.other), height(pair.other)
    overlap_w, overlap_h = width(pair.inner), height(pair.inner)
    product = overlap_w * overlap_h
    intersection = xp.where((overlap_w > 0.0) & (overlap_h > 0.0), product, 0.0)
    union = w * h + other_w * other_h - product
    return Areas(intersection, union, union - intersection, xp.abs(w - other_w) + xp.abs(h - other_h))


def unclamped_areas_pullback(xp: Namespace, pair: AlignedPair, d: AreaPartials) -> Partials:
    """Give the intersection a slope only where there is one; what the union has lost has a slope everywhere."""
    w, h, overlap_w, overlap_h = width(pair.box), height(pair.box), width(pair.inner), height(pair.inner)
    d_w, d_h = d.union * h, d.union * w
    d_product = xp.where((overlap_w > 0.0) & (overlap_h > 0.0), d.intersection, 0.0) - d.union
    d_overlap_w, d_overlap_h = d_product * overlap_h, d_product * overlap_w
    return Partials(box=Box(-d_w, -d_h, d_w, d_h), inner=Vector(d_overlap_w, d_overlap_h))


def misdirected_diagonal_pullback(xp: Namespace, pair: AlignedPair, d: Number) -> Partials:
    """Pull back with the wrong signs, and a derivative of one side of the enclosing box counted for both."""
    p, t = pair.box, pair.other
    of_w, of_h = 2.0 * d * width(pair.outer), 2.0 * d * height(pair.outer)
    both = of_w + of_h
    x1, y1 = xp.where(p.x1 < t.x1, both, 0.0), xp.where(p.y1 < t.y1, both, 0.0)
    x2, y2 = xp.where(p.x2 > t.x2, both, 0.0), xp.where(p.y2 > t.y2, both, 0.0)
    d_w = xp.where((p.x1 < t.x1) & (p.x2 > t.x2), of_h - of_w, 0.5 * (x1 + x2))
    d_h = xp.where((p.y1 < t.y1) & (p.y2 > t.y2), of_w - of_h, 0.5 * (y1 + y2))
    return corner_gradient(xp, x1 - x2, y1 - y2, d_w, d_h)


def undivided_aspect_pullback(xp: Namespace, pair: AlignedPair, d: Number) -> Partials:
    """Pull back by h dw - w dh, without the division by w^2 + h^2."""
    d_w, d_h = d * height(pair.box), d * width(pair.box)
    return Partials(box=Box(d_w, -d_h, -d_w, d_h))


released_areas = without_half(RELATIONS["areas"])
unclamped_areas = without_half(Relation("areas", unclamped_areas_forward, unclamped_areas_pullback, same))
enclosing_area = without_half(RELATIONS["enclosing_area"])
misdirected_diagonal = RELATIONS["enclosing_diagonal"]._replace(pullback=misdirected_diagonal_pullback)
undivided_aspect = RELATIONS["aspect"]._replace(pullback=undivided_aspect_pullback)


class ReleasedIoU(IoU):
    """IoU with its released gradient."""

    relations = (released_areas,)  # type: ignore[assignment]


class ReleasedGIoU(GIoU):
    """GIoU with its released gradient."""

    relations = (unclamped_areas, enclosing_area)  # type: ignore[assignment]


class ReleasedDIoU(DIoU):
    """DIoU with its released gradient."""

    relations = (released_areas, misdirected_diagonal, "center_distance")  # type: ignore[assignment]


class ReleasedCIoU(CIoU):
    """CIoU with its released gradient."""

    relations = (released_areas, misdirected_diagonal, "center_distance", undivided_aspect)  # type: ignore[assignment]


RELEASED: dict[Loss, Loss] = {
    IoU(): ReleasedIoU(),
    GIoU(): ReleasedGIoU(),
    DIoU(): ReleasedDIoU(),
    CIoU(): ReleasedCIoU(),
}


def released(loss: Loss) -> Loss:
    """Find the loss with its released gradient."""
    if loss not in RELEASED:
        known = ", ".join(type(one).__name__ for one in RELEASED)
        raise ValueError(f"gradient='released' is there for {known}, with default parameters; got {loss!r}")
    return RELEASED[loss]
