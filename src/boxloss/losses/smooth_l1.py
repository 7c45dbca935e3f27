"""Smooth L1."""

from dataclasses import dataclass

from boxloss.check import check_finite, check_positive
from boxloss.losses.coordinate import CoordinateLoss
from boxloss.losses.registry import register
from boxloss.typing import Namespace, Number


@dataclass(frozen=True)
class SmoothL1(CoordinateLoss):
    r"""Sum over the four coordinates of the smooth L1 function: quadratic within `beta`, L1 beyond.

    .. math:: L = \sum_{k=1}^{4} \begin{cases} e_k^2 / (2 \beta) & |e_k| < \beta \\
        |e_k| - \beta / 2 & \text{otherwise} \end{cases}

    Girshick, "Fast R-CNN", ICCV 2015 (arXiv:1504.08083), equation (3), with the `beta` of later implementations.
    Range [0, inf), in the units of the coordinates; the slope is continuous, its own slope jumps at \|e\| = beta.

    Parameters
    ----------
    beta : float
        Where the quadratic part ends, greater than 0. For 0 use `L1`.
    coordinates : {"xyxy", "xywh", "cxcywh"}
        The coordinates whose differences are summed, whatever the format of the boxes.

    Raises
    ------
    ValueError
        If `beta` is not a finite number above 0, or `coordinates` is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.SmoothL1(beta=0.5)(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[0.25, 0, 2, 3]]))
    array([0.8125])
    """

    beta: float = 1.0
    expression = "sum e^2 / (2 beta) if |e| < beta else |e| - beta / 2"
    value_range = "[0, inf)"
    paper = "Girshick 2015"

    def __post_init__(self) -> None:
        if check_finite("beta", self.beta) == 0.0:
            raise ValueError("beta must be greater than 0; with 0, as some libraries have it, the loss is L1()")
        check_positive("beta", self.beta)
        super().__post_init__()

    @staticmethod
    def formula(xp: Namespace, e: Number, beta: float) -> tuple[Number, Number]:
        """Compute the function of one difference, and its slope."""
        size = xp.abs(e)
        value = xp.where(size < beta, e * e * (0.5 / beta), size - 0.5 * beta)
        return value, xp.where(size < beta, e * (1.0 / beta), xp.sign(e))


smooth_l1: SmoothL1 = register("smooth_l1", SmoothL1())
