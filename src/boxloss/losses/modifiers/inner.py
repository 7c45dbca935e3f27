"""Inner-IoU."""

from dataclasses import dataclass

from boxloss.check import check_within
from boxloss.formulas.evaluation import Evaluation
from boxloss.losses.modifiers.modifier import OfIoUTerm, of_mapped
from boxloss.losses.modifiers.scaled import RATIOS
from boxloss.shapes.shape import Pair
from boxloss.typing import Namespace


@dataclass(frozen=True)
class Inner(OfIoUTerm):
    r"""A loss with the IoU of the boxes scaled about their own centres in place of their IoU.

    .. math:: L + IoU - IoU(B_k, T_k), \qquad B_k = (x, y, k w, k h)

    Zhang et al., "Inner-IoU: More Effective Intersection over Union Loss with Auxiliary Bounding Box", 2023
    (arXiv:2311.02877). A ratio less than 1 makes the slope of overlapping boxes steeper and ends it sooner; one
    greater than 1 does the opposite. The penalties of the loss are those of the boxes themselves, the alpha of CIoU
    included: it reads their own IoU. Range as that of the loss. Kinks: those of the loss, and contact of the scaled
    boxes.

    Parameters
    ----------
    loss : Loss
        A loss that is 1 - IoU and penalties: IoU, GIoU, DIoU, CIoU, EIoU, SIoU, WIoU, MPDIoU, ShapeIoU, PIoU, or a
        modifier of one.
    ratio : float
        The factor k of the sides, from 1/8 to 8; the paper takes 0.7 to 0.8 and 1.1 to 1.3.

    Raises
    ------
    TypeError, ValueError
        If `loss` is no such loss, or `ratio` is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> pred, target = np.asarray([[0.0, 0, 10, 10]]), np.asarray([[2.0, 0, 12, 10]])
    >>> bl.Inner(bl.ciou)(pred, target).round(4), bl.ciou(pred, target).round(4)
    (array([0.4164]), array([0.3497]))
    """

    ratio: float = 0.8
    summary = "L, with I / U of boxes scaled by ratio"
    paper = "Zhang et al. 2023"

    def __post_init__(self) -> None:
        check_within("ratio", self.ratio, *RATIOS)
        super().__post_init__()

    @property
    def expression(self) -> str:  # type: ignore[override]
        """The formula of the loss, and of its IoU."""
        return f"{self.loss.told}, with I / U of boxes scaled by {self.ratio:g}"

    def iou_term(self, xp: Namespace, pair: Pair) -> Evaluation:
        """Compute 1 - IoU of the scaled boxes."""
        return of_mapped(pair.shape.scaled(pair, self.ratio), self.loss.iou_term)
