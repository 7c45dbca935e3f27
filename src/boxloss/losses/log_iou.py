"""The negative logarithm of the IoU."""

from dataclasses import dataclass
from typing import Any

from boxloss.geometry import AreaPartials, Areas, areas, inverse
from boxloss.losses.overlap import OverlapLoss


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
    primitives = (areas,)
    expression = "-ln(max(I / U, min_iou))"
    value_range = "[0, -ln(min_iou)]"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 < self.min_iou < 1.0:
            raise ValueError(f"min_iou must be greater than 0 and less than 1; got {self.min_iou!r}")

    @staticmethod
    def formula(xp: Any, areas: Areas, min_iou: float) -> tuple[Any, tuple[AreaPartials]]:
        """ln(U / I) = ln(1 + (U - I) / I): accurate for every overlap, and 0 at a match."""
        inside = areas.intersection > min_iou * areas.union
        per_intersection, per_union = inverse(xp, areas.intersection), inverse(xp, areas.union)
        unequal = xp.where(areas.unequal > 0.0, 1.0 / min_iou - 1.0, areas.unequal)
        value = xp.log1p(xp.where(inside, areas.excess * per_intersection, unequal))
        return value, (AreaPartials(xp.where(inside, -per_intersection, 0.0), xp.where(inside, per_union, 0.0)),)
