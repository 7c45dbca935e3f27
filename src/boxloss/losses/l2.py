"""L2."""

from dataclasses import dataclass

from boxloss.losses.coordinate import CoordinateLoss
from boxloss.losses.registry import register
from boxloss.typing import Namespace, Number


@dataclass(frozen=True)
class L2(CoordinateLoss):
    r"""Sum over the four coordinates of the squared difference.

    .. math:: L = \sum_{k=1}^{4} e_k^2, \qquad e = \text{pred} - \text{target}

    Range [0, inf), in the squared units of the coordinates; smooth everywhere. No factor 1/2, no mean and no root.

    Parameters
    ----------
    coordinates : {"xyxy", "xywh", "cxcywh"}
        The coordinates whose differences are summed, whatever the format of the boxes.

    Raises
    ------
    ValueError
        If `coordinates` is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.l2(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 4]]))
    array([7.])
    """

    expression = "sum e^2"
    value_range = "[0, inf)"

    @staticmethod
    def formula(xp: Namespace, e: Number) -> tuple[Number, Number]:
        """Compute e^2 and its slope."""
        return e * e, 2.0 * e


l2: L2 = register("l2", L2())
