"""L1."""

from dataclasses import dataclass

from boxloss.losses.coordinate import CoordinateLoss
from boxloss.losses.registry import register
from boxloss.typing import Namespace, Number


@dataclass(frozen=True)
class L1(CoordinateLoss):
    r"""Sum over the four coordinates of the absolute difference.

    .. math:: L = \sum_{k=1}^{4} |e_k|, \qquad e = \text{pred} - \text{target}

    Range [0, inf), in the units of the coordinates. The slope is the sign of each difference and 0 at the kink e = 0.
    The sum, not the mean over coordinates that ``torch.nn.functional.l1_loss`` takes.

    Parameters
    ----------
    coordinates : {"xyxy", "xywh", "cxcywh"}
        The coordinates whose differences are summed, whatever the format of the boxes. DETR uses ``"cxcywh"``.

    Raises
    ------
    ValueError
        If `coordinates` is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.l1(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 4]]))
    array([5.])
    """

    expression = "sum |e|"
    value_range = "[0, inf)"

    @staticmethod
    def formula(xp: Namespace, e: Number) -> tuple[Number, Number]:
        """Compute |e| and its slope."""
        return xp.abs(e), xp.sign(e)


l1: L1 = register("l1", L1())
