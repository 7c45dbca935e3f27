"""Probabilistic IoU."""

from dataclasses import dataclass

from boxloss.check import check_choice
from boxloss.losses.gaussian import bhattacharyya, normalised, root
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.relative import Relative
from boxloss.shapes.replaceable import exp_of_negative, expm1_of_negative
from boxloss.shapes.shape import times
from boxloss.typing import Namespace

K = 12.0  # the variance of a uniform distribution is the square of its width over this
MODES = ("l1", "l2")


@dataclass(frozen=True)
class ProbIoU(OverlapLoss):
    r"""The Hellinger distance of the boxes as Gaussians, or their Bhattacharyya distance; the first is 1 - ProbIoU.

    .. math::

        L_1 = \sqrt{1 - e^{-B}}, \qquad L_2 = B, \qquad
        B = \frac{1}{8} (\mu - M)^T C^{-1} (\mu - M) + \frac{1}{2} \ln \frac{\det C}{\sqrt{\det S \det T}}, \quad
        C = \frac{S + T}{2}

    with means at the centres and covariances S and T of w^2 / 12 and h^2 / 12 along the sides. Murrugarra-Llerena et
    al., "Probabilistic Intersection-over-Union for Training and Evaluation of Oriented Object Detectors", 2021
    (arXiv:2106.06072), equations (6) to (9). Range [0, 1], and [0, inf) of the second mode; symmetric, the same at
    every scale. Squares have no direction. The first fades with distance, and at a match it is a cone: its gradient is
    0 there alone. A side counts as 2^-20 of the span of both boxes at least.

    Parameters
    ----------
    mode : {"l1", "l2"}
        Which of the two. The paper begins with the second, which slopes everywhere, and ends with the first.

    Raises
    ------
    ValueError
        If `mode` is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> pred, target = np.asarray([[0.0, 0, 4, 2, 0.0]]), np.asarray([[0.0, 0, 4, 2, 0.5]])
    >>> bl.probiou(pred, target, format="cxcywha").round(4)
    array([0.2429])
    """

    mode: str = "l1"
    relations = ("relative",)
    paper = "Murrugarra-Llerena et al. 2021"

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, MODES)
        super().__post_init__()

    @property
    def expression(self) -> str:  # type: ignore[override]
        """That of the mode."""
        return "sqrt(1 - exp(-B))" if self.mode == "l1" else "B"

    @property
    def value_range(self) -> str:  # type: ignore[override]
        """That of the mode."""
        return "[0, 1]" if self.mode == "l1" else "[0, inf)"

    @staticmethod
    def formula(xp: Namespace, pair: Relative, mode: str) -> Term:
        """Compute a distance."""
        of_pair = normalised(xp, pair)
        distance, d = bhattacharyya(xp, of_pair.pair, K)
        if mode == "l1":
            left = exp_of_negative(xp, -distance)
            distance, slope = root(xp, -expm1_of_negative(xp, -distance))
            d = times(d, slope * left)
        return distance, (of_pair.gradient(xp, d),)


probiou: ProbIoU = register("probiou", ProbIoU())
