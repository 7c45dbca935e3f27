"""Distance IoU."""

from dataclasses import dataclass
from typing import Any

from boxloss.geometry import AreaPartials, Areas, Vector, areas, enclosing, offset
from boxloss.guards import inverses
from boxloss.losses.iou import one_minus_iou_by_inverse
from boxloss.losses.overlap import OverlapLoss


def one_minus_diou(
    xp: Any, areas: Areas, c: Vector, o: Vector, union_eps: float, diagonal_eps: float
) -> tuple[Any, Any, tuple[AreaPartials, Vector, Vector]]:
    """1 - IoU and the penalty, and the partials of their sum.

    The penalty is rho^2 / c^2, the squared distance of the centres over the squared diagonal of the enclosing box.
    """
    per_union, per_c2 = inverses(xp, areas.union + union_eps, c.x * c.x + c.y * c.y + diagonal_eps)
    _, distance, d_areas = one_minus_iou_by_inverse(xp, areas, per_union, union_eps)
    penalty = (o.x * o.x + o.y * o.y) * per_c2
    d_c2 = 2.0 * penalty * per_c2
    d_enclosing, d_offset = Vector(-d_c2 * c.x, -d_c2 * c.y), Vector(2.0 * per_c2 * o.x, 2.0 * per_c2 * o.y)
    return distance, penalty, (d_areas, d_enclosing, d_offset)


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
    primitives = (areas, enclosing, offset)
    expression = "1 - I / U + rho^2 / c^2"
    value_range = "[0, 2)"

    @staticmethod
    def formula(
        xp: Any, areas: Areas, enclosing: Vector, offset: Vector, eps: float
    ) -> tuple[Any, tuple[AreaPartials, Vector, Vector]]:
        """1 - IoU + rho^2 / c^2."""
        distance, penalty, partials = one_minus_diou(xp, areas, enclosing, offset, eps, eps)
        return distance + penalty, partials
