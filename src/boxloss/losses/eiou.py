"""Efficient IoU."""

from dataclasses import dataclass
from typing import Any

from boxloss.losses.diou import distance_and_penalty
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.guards import inverses, padded
from boxloss.shapes.relations import Areas, Vector


def side_difference(difference: Any, side: Any, per_side2: Any) -> tuple[Any, Any, Any]:
    """Squared difference of a side over the squared side of the enclosing box; its partials, in that order."""
    penalty = difference * difference * per_side2
    return penalty, 2.0 * per_side2 * difference, -2.0 * penalty * per_side2 * side


@dataclass(frozen=True)
class EIoU(OverlapLoss):
    r"""The DIoU loss plus the squared differences of width and height over those of the enclosing box.

    .. math:: L = 1 - \frac{I}{U} + \frac{\rho^2}{c^2} + \frac{(w - W)^2}{c_w^2} + \frac{(h - H)^2}{c_h^2}

    Zhang et al., "Focal and Efficient IOU Loss for Accurate Bounding Box Regression", Neurocomputing 2022
    (arXiv:2101.08158), equation (6). Range [0, 3.25): the limit is that of a tiny box in the corner of a large one.
    Not the Extended IoU that mmdetection calls ``EIoULoss``. Kinks: equal edges, and contact of the boxes.

    Parameters
    ----------
    eps : float
        Added to the union, to the squared diagonal and to both squared sides.

    Raises
    ------
    ValueError
        If `eps` is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.eiou(np.asarray([[0.0, 0, 1, 1]]), np.asarray([[0.0, 0, 2, 2]]))
    array([1.3125])
    """

    eps: float = 0.0
    per_distance = 1.0
    relations = (
        "areas",
        "enclosing_diagonal",
        "center_offset",
        "enclosing_sides",
        "size_difference",
    )
    expression = "1 - I / U + rho^2 / c^2 + (w - W)^2 / c_w^2 + (h - H)^2 / c_h^2"
    value_range = "[0, 3.25)"
    paper = "Zhang et al. 2022"

    @staticmethod
    def terms(
        xp: Any, areas: Areas, c2: Any, offset: Vector, c: Vector, size_difference: Vector, eps: float
    ) -> tuple[Term, ...]:
        """1 - IoU, rho^2 / c^2, (w - W)^2 / cw^2 and (h - H)^2 / ch^2."""
        (distance, d_distance), (centre, d_centre) = distance_and_penalty(xp, areas, c2, offset, eps, eps)
        per_cw2, per_ch2 = inverses(xp, padded(xp, c.x * c.x, eps), padded(xp, c.y * c.y, eps))
        w, d_w, d_cw = side_difference(size_difference.x, c.x, per_cw2)
        h, d_h, d_ch = side_difference(size_difference.y, c.y, per_ch2)
        return (
            (distance, (*d_distance, None, None)),
            (centre, (*d_centre, None, None)),
            (w, (None, None, None, Vector(d_cw, 0.0), Vector(d_w, 0.0))),
            (h, (None, None, None, Vector(0.0, d_ch), Vector(0.0, d_h))),
        )


eiou: EIoU = register("eiou", EIoU())
