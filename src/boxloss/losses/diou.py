"""Distance IoU."""

from dataclasses import dataclass

from boxloss.losses.iou import iou_and_distance_by_inverse
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.guards import inverses, padded
from boxloss.shapes.relations import Areas
from boxloss.typing import Namespace, Number


def distance_and_penalty(
    xp: Namespace, areas: Areas, c2: Number, rho2: Number, union_eps: float, diagonal_eps: float
) -> tuple[Term, Term]:
    """Compute 1 - IoU, and rho^2 / c^2: the squared distance of the centres over the squared enclosing diagonal."""
    per_union, per_c2 = inverses(xp, padded(xp, areas.union, union_eps), padded(xp, c2, diagonal_eps))
    _, distance, d_areas = iou_and_distance_by_inverse(xp, areas, per_union, union_eps)
    penalty = rho2 * per_c2
    return (distance, (d_areas, None, None)), (penalty, (None, -(penalty * per_c2), per_c2))


@dataclass(frozen=True)
class DIoU(OverlapLoss):
    r"""The IoU loss plus the squared distance of the centres over the squared diagonal of the enclosing box.

    .. math:: L = 1 - \frac{I}{U} + \frac{\rho^2}{c^2}

    Zheng et al., "Distance-IoU Loss", AAAI 2020 (arXiv:1911.08287), equation (7). Range [0, 2). The gradient is not 0
    where the boxes do not overlap. It is the true gradient: part of it lowers the penalty by growing the enclosing
    box, a term whose sign the authors' released C code has reversed. Kinks: equal edges, and contact of the boxes.

    Parameters
    ----------
    eps : float
        Added to the union and to the squared diagonal.

    Raises
    ------
    ValueError
        If `eps` is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.diou(np.asarray([[0.0, 0, 1, 1]]), np.asarray([[0.0, 0, 2, 2]]))
    array([0.8125])
    """

    eps: float = 0.0
    per_distance = 1.0
    relations = ("areas", "enclosing_diagonal", "center_distance")
    expression = "1 - I / U + rho^2 / c^2"
    value_range = "[0, 2)"
    paper = "Zheng et al. 2020"

    @staticmethod
    def terms(xp: Namespace, areas: Areas, c2: Number, rho2: Number, eps: float) -> tuple[Term, ...]:
        """Compute 1 - IoU and rho^2 / c^2."""
        return distance_and_penalty(xp, areas, c2, rho2, eps, eps)


diou: DIoU = register("diou", DIoU())
