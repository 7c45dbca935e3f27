"""The Huber loss."""

from dataclasses import dataclass

from boxloss.check import check_positive
from boxloss.losses.coordinate import CoordinateLoss
from boxloss.losses.registry import register
from boxloss.typing import Namespace, Number


@dataclass(frozen=True)
class Huber(CoordinateLoss):
    r"""Sum over the four coordinates of the Huber function: half the square within `delta`, linear beyond.

    .. math:: L = \sum_{k=1}^{4} \begin{cases} e_k^2 / 2 & |e_k| < \delta \\
        \delta (|e_k| - \delta / 2) & \text{otherwise} \end{cases}

    `delta` times `SmoothL1` with ``beta = delta``. Huber, "Robust Estimation of a Location Parameter", 1964. Range
    [0, inf); the slope is continuous, its own slope jumps at \|e\| = delta.

    Parameters
    ----------
    delta : float
        Where the quadratic part ends, greater than 0.
    coordinates : {"xyxy", "xywh", "cxcywh"}
        The coordinates whose differences are summed, whatever the format of the boxes.

    Raises
    ------
    ValueError
        If `delta` is not a finite number above 0, or `coordinates` is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.Huber(delta=2.0)(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 0, 2, 5]]))
    array([4.5])
    """

    delta: float = 1.0
    expression = "sum e^2 / 2 if |e| < delta else delta (|e| - delta / 2)"
    value_range = "[0, inf)"
    paper = "Huber 1964"

    def __post_init__(self) -> None:
        check_positive("delta", self.delta)
        super().__post_init__()

    @staticmethod
    def formula(xp: Namespace, e: Number, delta: float) -> tuple[Number, Number]:
        """Compute the function of one difference, and its slope."""
        size = xp.abs(e)
        value = xp.where(size < delta, 0.5 * e * e, delta * (size - 0.5 * delta))
        return value, xp.where(size < delta, e, delta * xp.sign(e))


huber: Huber = register("huber", Huber())
