"""The IoU, the part of it that every loss of the family shares, and the IoU loss."""

from dataclasses import dataclass
from typing import NamedTuple

from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.guards import inverse, padded, share, where_negligible
from boxloss.shapes.relations import AreaPartials, Areas
from boxloss.typing import Namespace, Number


class IoUAndDistance(NamedTuple):
    """The IoU, the distance 1 - IoU, and the partial derivatives of the distance."""

    iou: Number
    distance: Number
    partials: AreaPartials


def iou_and_distance(xp: Namespace, a: Areas, eps: Number) -> IoUAndDistance:
    """Compute I / U and what is left of 1, from the areas of a pair.

    Two boxes without area have an IoU of 1 if they are equal and 0 otherwise, and no slope.
    """
    return iou_and_distance_by_inverse(xp, a, inverse(xp, padded(xp, a.union, eps)), eps)


def iou_and_distance_by_inverse(xp: Namespace, a: Areas, per_union: Number, eps: Number) -> IoUAndDistance:
    """Compute the same where the inverse of U + eps is known."""
    union = padded(xp, a.union, eps)
    ratio = share(xp, a.intersection, union, per_union)
    unequal = xp.where(a.corner_distance > 0.0, 1.0, a.corner_distance)  # 0, 1 or NaN
    distance = where_negligible(xp, union, unequal, share(xp, a.symmetric_difference + eps, union, per_union))
    iou = where_negligible(xp, union, 1.0 - unequal, ratio)
    return IoUAndDistance(iou, distance, AreaPartials(-per_union, ratio * per_union))


@dataclass(frozen=True)
class IoU(OverlapLoss):
    r"""1 minus the intersection over union.

    .. math:: L = 1 - \frac{I}{U}, \qquad
        \partial L = \frac{I\,\partial(w h) - (U + I)\,\partial I}{U^2}

    Yu et al., "UnitBox: An Advanced Object Detection Network", ACM MM 2016 (arXiv:1608.01471), introduced the IoU as a
    loss (see `LogIoU` for its form). Range [0, 1]. The gradient is 0 wherever the boxes do not overlap. Kinks: equal
    edges, and contact of the boxes. At a match the loss is a cone: its gradient does not fade on the way there and is
    0 at the match itself.

    Parameters
    ----------
    eps : float
        Added to the union.

    Raises
    ------
    ValueError
        If `eps` is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.iou(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])).round(4)
    array([0.8571])
    """

    eps: float = 0.0
    per_distance = 1.0
    relations = ("areas",)
    expression = "1 - I / U"
    value_range = "[0, 1]"
    paper = "Yu et al. 2016"

    @staticmethod
    def terms(xp: Namespace, areas: Areas, eps: float) -> tuple[Term, ...]:
        """Compute 1 - IoU."""
        _, distance, d_areas = iou_and_distance(xp, areas, eps)
        return ((distance, (d_areas,)),)


iou: IoU = register("iou", IoU())
