"""Generalized IoU."""

from dataclasses import dataclass

from boxloss.losses.iou import iou_and_distance_by_inverse
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.guards import inverses, padded, share
from boxloss.shapes.relations import AreaPartials, Areas, positive_part
from boxloss.typing import Namespace, Number


@dataclass(frozen=True)
class GIoU(OverlapLoss):
    r"""1 minus the generalized IoU: the IoU loss plus the share of the enclosing box that neither box covers.

    .. math:: L = 1 - \frac{I}{U} + \frac{C - U}{C}

    Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019 (arXiv:1902.09630), algorithm 1. Range
    [0, 2): 2 is the limit for boxes far apart. The gradient is not 0 where the boxes do not overlap. It equals the IoU
    loss where the union fills the enclosing box C. Kinks: equal edges, and contact of the boxes.

    Parameters
    ----------
    eps : float
        Added to the union and to the enclosing area.

    Raises
    ------
    ValueError
        If `eps` is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.giou(np.asarray([[0.0, 0, 1, 1]]), np.asarray([[1.0, 1, 2, 2]]))
    array([1.5])
    """

    eps: float = 0.0
    per_distance = 1.0
    relations = ("areas", "enclosing_area")
    expression = "1 - I / U + (C - U) / C"
    value_range = "[0, 2)"
    paper = "Rezatofighi et al. 2019"

    @staticmethod
    def terms(xp: Namespace, areas: Areas, c: Number, eps: float) -> tuple[Term, ...]:
        """Compute 1 - IoU and (C - U) / C."""
        per_union, per_c = inverses(xp, padded(xp, areas.union, eps), padded(xp, c, eps))
        _, distance, d_areas = iou_and_distance_by_inverse(xp, areas, per_union, eps)
        uncovered = positive_part(xp, c - areas.union) * per_c
        d_c = share(xp, areas.union + eps, c + eps, per_c) * per_c
        return (distance, (d_areas, None)), (uncovered, (AreaPartials(0.0, -per_c), d_c))


giou: GIoU = register("giou", GIoU())
