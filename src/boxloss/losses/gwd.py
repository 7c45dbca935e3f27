"""Gaussian Wasserstein distance."""

from dataclasses import dataclass

from boxloss.losses.gaussian import check_map, normalised, per_sides, post_map, range_of, root
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.relative import Relative
from boxloss.shapes.shape import plus, times
from boxloss.shapes.wasserstein import wasserstein
from boxloss.typing import Namespace


@dataclass(frozen=True)
class GWD(OverlapLoss):
    r"""A function of the Wasserstein distance of the boxes as Gaussians.

    .. math::

        L = 1 - \frac{1}{\tau + f(D)}, \qquad
        D^2 = \frac{|\mu - M|^2 + \operatorname{tr}\left(S + T - 2 (S^{1/2} T S^{1/2})^{1/2}\right)}{\sqrt{w h W H}}

    with means at the centres and covariances S and T of w^2 / 4 and h^2 / 4 along the sides. Yang et al., "Rethinking
    Rotated Object Detection with Gaussian Wasserstein Distance Loss", ICML 2021 (arXiv:2101.11952), equations (4) and
    (6). Range [0, 1) by default. Squares have no direction: of two equal ones at an angle it is 0. The gradient is not
    0 where the boxes do not overlap, and fades slowly. At a match the loss is a cone: its gradient is 0 there alone.
    A side counts as 2^-20 of the span of both boxes at least.

    Parameters
    ----------
    fun : {"log1p", "sqrt", "none"}
        The function f: ln(1 + D), the root of D, or D itself.
    tau : float
        At least 1; with 1 a match has the loss 0. Or 0: then the loss is f(D).
    normalize : bool
        Divide by the sides, which makes it the same at every scale; if not, D is in the units of the boxes.

    Raises
    ------
    ValueError
        If `fun` is none of these, or `tau` is between 0 and 1, negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> pred, target = np.asarray([[0.0, 0, 4, 2, 0.0]]), np.asarray([[0.0, 0, 4, 2, 0.5]])
    >>> bl.gwd(pred, target, format="cxcywha").round(4)
    array([0.1714])
    """

    fun: str = "log1p"
    tau: float = 1.0
    normalize: bool = True
    relations = ("relative",)
    expression = "1 - 1 / (tau + f(D / (w h W H)^(1/4)))"
    paper = "Yang et al. 2021"

    def __post_init__(self) -> None:
        check_map(self.fun, self.tau)
        super().__post_init__()

    @property
    def value_range(self) -> str:  # type: ignore[override]
        """From its value at a match."""
        return range_of(self.tau)

    @staticmethod
    def formula(xp: Namespace, pair: Relative, fun: str, tau: float, normalize: bool) -> Term:
        """Compute the distance, over the fourth root of the areas, through the map."""
        of_pair = normalised(xp, pair)
        squared, d = wasserstein(xp, of_pair.pair)
        distance, slope = root(xp, squared)
        d = times(d, slope)
        if normalize:
            _, _, w, h, _, _, other_w, other_h = of_pair.pair
            per_scale = 1.0 / xp.sqrt(xp.sqrt((w * h) * (other_w * other_h)))
            distance = distance * per_scale
            share = -0.25 * distance
            d = of_pair.gradient(xp, plus(times(d, per_scale), per_sides(of_pair.pair, share, share)))
        else:
            span = 1.0 / of_pair.unit
            distance, d = distance * span, times(of_pair.gradient(xp, d), span)
        value, slope = post_map(xp, distance, fun, tau)
        return value, (times(d, slope),)


gwd: GWD = register("gwd", GWD())
