"""Wise-IoU, version 1."""

from dataclasses import dataclass

from boxloss.losses.iou import iou_and_distance_by_inverse
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.guards import inverses
from boxloss.shapes.relations import Areas
from boxloss.shapes.shape import times
from boxloss.typing import Namespace, Number


@dataclass(frozen=True)
class WIoU(OverlapLoss):
    r"""The IoU loss times a factor from 1 to e for the distance of the centres.

    .. math:: L = \exp\left(\frac{\rho^2}{c^2}\right) \left(1 - \frac{I}{U}\right)

    Tong et al., "Wise-IoU: Bounding Box Regression Loss with Dynamic Focusing Mechanism", 2023 (arXiv:2301.10051),
    version 1; `Wise` makes versions 2 and 3 of it. Range [0, e). The squared diagonal c^2 of the enclosing box counts
    as constant in the gradient, so that no box grows to make the factor smaller: the gradient is not that of the
    value. It is not 0 where the boxes do not overlap. Kinks: equal edges, and contact of the boxes.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.wiou(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])).round(4)
    array([0.9579])
    """

    relations = ("areas", "enclosing_diagonal", "center_distance")
    expression = "exp(rho^2 / c^2) (1 - I / U)"
    value_range = "[0, e)"
    per_distance = 1.0
    paper = "Tong et al. 2023"

    @property
    def has_powers(self) -> bool:
        """The loss is a product."""
        return False

    @staticmethod
    def terms(xp: Namespace, areas: Areas, c2: Number, rho2: Number) -> tuple[Term, ...]:
        """Compute 1 - IoU, and what the factor adds to it."""
        per_union, per_c2 = inverses(xp, areas.union, c2)
        _, distance, d_areas = iou_and_distance_by_inverse(xp, areas, per_union, 0.0)
        gain = xp.expm1(rho2 * per_c2)
        d_rho2 = per_c2 * (1.0 + gain) * distance
        return (distance, (d_areas, None, None)), (gain * distance, (times(d_areas, gain), None, d_rho2))


wiou: WIoU = register("wiou", WIoU())
