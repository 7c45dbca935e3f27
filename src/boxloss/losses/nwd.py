"""Normalized Gaussian Wasserstein distance."""

from dataclasses import dataclass

from boxloss.check import check_positive
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.replaceable import exp_of_negative, expm1_of_negative
from boxloss.typing import Namespace, Number


@dataclass(frozen=True)
class NWD(OverlapLoss):
    r"""1 minus the exponential of the Wasserstein distance of the boxes as Gaussians.

    .. math:: L = 1 - \exp\left(-\frac{1}{C} \sqrt{dx^2 + dy^2 + \frac{(w - W)^2 + (h - H)^2}{4}}\right)

    Wang et al., "A Normalized Gaussian Wasserstein Distance for Tiny Object Detection", 2021 (arXiv:2110.13389),
    equation (9). Range [0, 1), depends on the scale by the `constant`, fades with distance: beyond some constants it
    is flat. See `GCD` for one that depends on no scale. At a match the loss is a cone: its gradient does not fade on
    the way there and is 0 at the match itself.

    Parameters
    ----------
    constant : float
        The distance C at which the loss is 1 - 1 / e, in the units of the boxes: the mean size of the objects of a
        dataset. The paper takes 12.8 pixels, for AI-TOD.

    Raises
    ------
    ValueError
        If `constant` is not a finite number above 0.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.nwd(np.asarray([[0.0, 0, 8, 8]]), np.asarray([[1.0, 1, 9, 9]])).round(4)
    array([0.1046])
    """

    constant: float = 12.8
    relations = ("wasserstein",)
    expression = "1 - exp(-sqrt(dx^2 + dy^2 + ((w - W)^2 + (h - H)^2) / 4) / constant)"
    value_range = "[0, 1)"
    paper = "Wang et al. 2021"

    def __post_init__(self) -> None:
        check_positive("constant", self.constant)
        super().__post_init__()

    @staticmethod
    def formula(xp: Namespace, squared: Number, constant: float) -> Term:
        """Compute 1 - exp(-distance / C)."""
        distance = xp.sqrt(squared)
        exponent = distance * (-1.0 / constant)
        value = -expm1_of_negative(xp, exponent)
        slope = exp_of_negative(xp, exponent) * (1.0 / constant) / xp.where(distance > 0.0, distance, 1.0)
        return value, (0.5 * slope,)


nwd: NWD = register("nwd", NWD())
