"""The metric itself."""

from dataclasses import dataclass

from boxloss.losses.iou import iou_and_distance
from boxloss.losses.overlap import OverlapLoss
from boxloss.shapes.relations import AreaPartials, Areas
from boxloss.typing import Namespace, Number


@dataclass(frozen=True)
class IoUScore(OverlapLoss):
    r"""The intersection over union: the metric, with the verbs of a loss.

    .. math:: \text{IoU} = I / U

    Range [0, 1]. Boxes that only touch have 0. Two boxes without area have 1 if they are equal and 0 otherwise.
    It grows with the match, so it is no loss and not listed among them; its gradient points to a better match.

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
    >>> bl.iou_score(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[0.0, 0, 2, 4]]))
    array([0.5])
    """

    eps: float = 0.0
    is_score = True
    relations = ("areas",)
    expression = "I / U"
    value_range = "[0, 1]"

    def needed_overlap(self, threshold: float, above: bool) -> float | None:
        """Return the threshold itself."""
        return threshold if above and threshold >= 0.0 else None

    @staticmethod
    def formula(xp: Namespace, areas: Areas, eps: float) -> tuple[Number, tuple[AreaPartials]]:
        """Compute I / U."""
        iou, _, d = iou_and_distance(xp, areas, eps)
        return iou, (AreaPartials(-d.intersection, -d.union),)


iou_score: IoUScore = IoUScore()
