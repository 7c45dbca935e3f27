"""The negative logarithm of the IoU."""

import math
from dataclasses import dataclass

from boxloss.losses.iou import iou_and_distance
from boxloss.losses.overlap import OverlapLoss
from boxloss.losses.registry import register
from boxloss.shapes.guards import inverse, safe_if_ordinary
from boxloss.shapes.relations import AreaPartials, Areas
from boxloss.shapes.replaceable import log1p_inside
from boxloss.typing import Namespace, Number


@dataclass(frozen=True)
class LogIoU(OverlapLoss):
    r"""The negative logarithm of the IoU, clamped.

    .. math:: L = -\ln \max(I / U, \text{min\_iou}), \qquad
        \partial L = \frac{\partial U}{U} - \frac{\partial I}{I}

    Yu et al., "UnitBox: An Advanced Object Detection Network", ACM MM 2016 (arXiv:1608.01471), equations (1) to (5).
    Range [0, -ln(min_iou)]: 13.8 by default. Where the IoU is `min_iou` or less, and so wherever the boxes do not
    overlap, the gradient is 0. Kinks: equal edges and the clamp.

    Parameters
    ----------
    min_iou : float
        What the IoU is clamped to, greater than 0 and less than 1.

    Raises
    ------
    ValueError
        If `min_iou` is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.log_iou(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])).round(4)
    array([1.9459])
    """

    min_iou: float = 1e-6
    relations = ("areas",)
    expression = "-ln(max(I / U, min_iou))"
    value_range = "[0, -ln(min_iou)]"
    paper = "Yu et al. 2016"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 < self.min_iou < 1.0:
            raise ValueError(f"min_iou must be greater than 0 and less than 1; got {self.min_iou!r}")

    @property
    def per_distance(self) -> float:  # type: ignore[override]
        """-ln IoU is at least 1 - IoU, but for what is clamped."""
        return min(1.0, -math.log(self.min_iou) * (1.0 - 1e-6))

    @staticmethod
    def formula(xp: Namespace, areas: Areas, min_iou: float) -> tuple[Number, tuple[AreaPartials]]:
        """Compute -ln IoU = ln(1 + (1 - IoU) / IoU), which is accurate for every overlap and 0 at a match."""
        iou, distance, d = iou_and_distance(xp, areas, 0.0)
        inside = iou > min_iou
        per_iou = xp.where(inside, inverse(xp, safe_if_ordinary(xp, iou)), 0.0)
        clamped = xp.where(distance <= 1.0, 1.0 / min_iou - 1.0, distance)  # a NaN stays NaN
        value = log1p_inside(xp, xp.where(inside, distance * per_iou, clamped))
        return value, (AreaPartials(per_iou * d.intersection, per_iou * d.union),)


log_iou: LogIoU = register("log_iou", LogIoU())
