"""Efficient IoU."""

from dataclasses import dataclass
from typing import Any

from boxloss.formulas.structure import tuple_like
from boxloss.losses.diou import distance_and_penalty
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.box import Vector
from boxloss.shapes.guards import inverse, inverses, padded
from boxloss.shapes.relations import Areas
from boxloss.typing import Namespace, Number


def side_difference(difference: Number, side: Number, per_side2: Number) -> tuple[Number, Number, Number]:
    """Compute the squared difference of a side over the squared side of the enclosing box; partials in that order."""
    penalty = difference * difference * per_side2
    return penalty, 2.0 * per_side2 * difference, -2.0 * penalty * per_side2 * side


@dataclass(frozen=True)
class EIoU(OverlapLoss):
    r"""The DIoU loss plus the squared differences of width and height over those of the enclosing box.

    .. math:: L = 1 - \frac{I}{U} + \frac{\rho^2}{c^2} + \frac{(w - W)^2}{c_w^2} + \frac{(h - H)^2}{c_h^2}

    Zhang et al., "Focal and Efficient IOU Loss for Accurate Bounding Box Regression", Neurocomputing 2022
    (arXiv:2101.08158), equation (6). Range [0, 3.25): the limit is that of a tiny box in the corner of a large one.
    Of boxes with an angle it is [0, 4), since a box may be long along the other's short side. Of boxes in space, which
    have a third side, it is [0, 4.25), and [0, 5) with a yaw. Not the Extended IoU that mmdetection calls ``EIoULoss``.
    Kinks: equal edges, and contact of the boxes.

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
        "center_distance",
        "enclosing_sides",
        "size_difference",
    )
    expression = "1 - I / U + rho^2 / c^2 + (w - W)^2 / c_w^2 + (h - H)^2 / c_h^2"
    value_range = "[0, 3.25)"
    paper = "Zhang et al. 2022"

    @staticmethod
    def terms(
        xp: Namespace, areas: Areas, c2: Number, rho2: Number, c: Vector, size_difference: Vector, eps: float
    ) -> tuple[Term, ...]:
        """Compute 1 - IoU, rho^2 / c^2, and for each axis (w - W)^2 / cw^2."""
        (distance, d_distance), (centre, d_centre) = distance_and_penalty(xp, areas, c2, rho2, eps, eps)
        x2, y2, *others = (padded(xp, side * side, eps) for side in c)
        per_c2 = (*inverses(xp, x2, y2), *(inverse(xp, side2) for side2 in others))
        of_axes = [side_difference(*axis) for axis in zip(size_difference, c, per_c2, strict=True)]

        def along(axis: int, d: Number) -> Any:
            return tuple_like(c, [d if k == axis else 0.0 for k in range(len(c))])

        return (
            (distance, (*d_distance, None, None)),
            (centre, (*d_centre, None, None)),
            *(
                (penalty, (None, None, None, along(axis, d_side), along(axis, d_difference)))
                for axis, (penalty, d_difference, d_side) in enumerate(of_axes)
            ),
        )


eiou: EIoU = register("eiou", EIoU())
