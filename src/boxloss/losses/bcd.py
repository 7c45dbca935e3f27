"""Bhattacharyya distance."""

from dataclasses import dataclass

from boxloss.losses.gaussian import bhattacharyya, check_map, normalised, post_map, range_of
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.relative import Relative
from boxloss.shapes.shape import times
from boxloss.typing import Namespace

K = 4.0  # a covariance is the square of a side over this


@dataclass(frozen=True)
class BCD(OverlapLoss):
    r"""A function of the Bhattacharyya distance of the boxes as Gaussians.

    .. math::

        L = 1 - \frac{1}{\tau + f(B)}, \qquad
        B = \frac{1}{8} (\mu - M)^T C^{-1} (\mu - M) + \frac{1}{2} \ln \frac{\det C}{\sqrt{\det S \det T}}, \quad
        C = \frac{S + T}{2}

    with means at the centres and covariances S and T of w^2 / 4 and h^2 / 4 along the sides. Yang et al., "Detecting
    Rotated Objects as Gaussian Distributions and Its 3-D Generalization", TPAMI 2022 (arXiv:2209.10839). Range [0, 1)
    by default, symmetric, the same at every scale. Squares have no direction. It is smooth at a match, so its gradient
    fades on the way there. A side counts as 2^-20 of the span of both boxes at least.

    Parameters
    ----------
    fun : {"log1p", "sqrt", "none"}
        The function f: ln(1 + B), the root of B, or B itself.
    tau : float
        At least 1; with 1 a match has the loss 0. Or 0: then the loss is f(B).

    Raises
    ------
    ValueError
        If `fun` is none of these, or `tau` is between 0 and 1, negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> pred, target = np.asarray([[0.0, 0, 4, 2, 0.0]]), np.asarray([[0.0, 0, 4, 2, 0.5]])
    >>> bl.bcd(pred, target, format="cxcywha").round(4)
    array([0.0557])
    """

    fun: str = "log1p"
    tau: float = 1.0
    relations = ("relative",)
    expression = "1 - 1 / (tau + f(B))"
    paper = "Yang et al. 2022"

    def __post_init__(self) -> None:
        check_map(self.fun, self.tau)
        super().__post_init__()

    @property
    def value_range(self) -> str:  # type: ignore[override]
        """From its value at a match."""
        return range_of(self.tau)

    @staticmethod
    def formula(xp: Namespace, pair: Relative, fun: str, tau: float) -> Term:
        """Compute the distance through the map."""
        of_pair = normalised(xp, pair)
        distance, d = bhattacharyya(xp, of_pair.pair, K)
        value, slope = post_map(xp, distance, fun, tau)
        return value, (of_pair.gradient(xp, times(d, slope)),)


bcd: BCD = register("bcd", BCD())
