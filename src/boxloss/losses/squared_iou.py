"""1 minus the squared IoU."""

from dataclasses import dataclass

from boxloss.losses.iou import iou_and_distance
from boxloss.losses.overlap import OverlapLoss
from boxloss.losses.registry import register
from boxloss.shapes.relations import AreaPartials, Areas
from boxloss.typing import Namespace, Number


@dataclass(frozen=True)
class SquaredIoU(OverlapLoss):
    r"""1 minus the square of the IoU.

    .. math:: L = 1 - \left(\frac{I}{U}\right)^2

    The form that PaddleDetection calls IoU loss (there times 2.5), and alpha-IoU (He et al., NeurIPS 2021,
    arXiv:2110.13675) with alpha = 2. Range [0, 1]. Its slope is twice that of `IoU` near a match and fades with the
    overlap; it is 0 wherever the boxes do not overlap. Kinks: equal edges, and contact of the boxes.

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
    >>> bl.squared_iou(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[0.0, 0, 2, 4]]))
    array([0.75])
    """

    eps: float = 0.0
    per_distance = 1.0
    relations = ("areas",)
    expression = "1 - (I / U)^2"
    value_range = "[0, 1]"
    paper = "He et al. 2021"

    @staticmethod
    def formula(xp: Namespace, areas: Areas, eps: float) -> tuple[Number, tuple[AreaPartials]]:
        """Compute 1 - IoU^2 = (1 - IoU) (1 + IoU)."""
        iou, distance, d = iou_and_distance(xp, areas, eps)
        slope = 2.0 * iou
        return distance * (2.0 - distance), (AreaPartials(slope * d.intersection, slope * d.union),)


squared_iou: SquaredIoU = register("squared_iou", SquaredIoU())
