"""A loss of scaled boxes."""

from dataclasses import dataclass

from boxloss.check import check_within
from boxloss.losses.modifiers.modifier import OfOtherBoxes
from boxloss.shapes.mapped import Mapped
from boxloss.shapes.shape import Pair

RATIOS = (0.125, 8.0)


@dataclass(frozen=True)
class Scaled(OfOtherBoxes):
    r"""A loss of both boxes, scaled about their own centres.

    .. math:: L(B_k, T_k), \qquad B_k = (x, y, k w, k h)

    Luo et al., "Unified-IoU: For High-Quality Object Detection", 2024 (arXiv:2408.06636), take CIoU of it with a ratio
    that falls from 2 to 0.5 in the course of the training. A ratio less than 1 shrinks the boxes: the same offset
    costs more, and the overlap ends sooner. One greater than 1 does the opposite. Range and kinks are those of the
    loss, of the scaled boxes. See `Inner` for a loss of which the IoU alone is that of scaled boxes.

    Parameters
    ----------
    loss : Loss
        The loss.
    ratio : float
        The factor k of the sides, from 1/8 to 8.

    Raises
    ------
    TypeError, ValueError
        If `loss` is no loss, or `ratio` is out of its range.

    Examples
    --------
    Boxes that are apart by a fifth of their side have an IoU of 2/3; scaled by 0.8 it is 3/5:

    >>> import numpy as np
    >>> import boxloss as bl
    >>> pred, target = np.asarray([[0.0, 0, 10, 10]]), np.asarray([[2.0, 0, 12, 10]])
    >>> bl.iou(pred, target).round(4), bl.Scaled(bl.iou, 0.8)(pred, target).round(4)
    (array([0.3333]), array([0.4]))
    """

    ratio: float
    summary = "L of boxes scaled by ratio"
    paper = "Luo et al. 2024"

    def __post_init__(self) -> None:
        check_within("ratio", self.ratio, *RATIOS)
        super().__post_init__()

    @property
    def expression(self) -> str:  # type: ignore[override]
        """The formula of the loss."""
        return f"{self.loss.told}, of boxes scaled by {self.ratio:g}"

    def mapped(self, pair: Pair) -> Mapped:
        """Scale both boxes."""
        mapped: Mapped = pair.shape.scaled(pair, self.ratio)
        return mapped
