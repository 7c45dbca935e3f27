"""Kullback-Leibler divergence."""

from dataclasses import dataclass

from boxloss.losses.gaussian import check_map, normalised, post_map, range_of, root
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.guards import not_negative
from boxloss.shapes.relative import Relative, RelativeGradient
from boxloss.shapes.shape import times
from boxloss.typing import Namespace, Number


def side_divergence(xp: Namespace, side: Number, other: Number, per_other: Number) -> tuple[Number, Number, Number]:
    """Compute ((a^2 - 1) - 2 ln a) / 2 of the share a of two sides; the derivatives by each."""
    excess, share = (side - other) * per_other, side * per_other
    logarithm = xp.where(share > 0.5, xp.log1p(excess), xp.log(share))
    by_side = (side - other) * (side + other) * (per_other * per_other) / side
    return 0.5 * excess * excess + (excess - logarithm), by_side, -(by_side * side * per_other)


def divergence(xp: Namespace, pair: Relative) -> tuple[Number, RelativeGradient]:
    """Compute the divergence of pred from target, and its derivatives."""
    x, y, w, h, cos, sin, other_w, other_h = pair
    per_w, per_h = 1.0 / other_w, 1.0 / other_h
    per_w2, per_h2 = per_w * per_w, per_h * per_h
    own, sin2, steeper = (w - h) * (w + h), sin * sin, (per_h - per_w) * (per_h + per_w)
    of_w, by_w, by_other_w = side_divergence(xp, w, other_w, per_w)
    of_h, by_h, by_other_h = side_divergence(xp, h, other_h, per_h)
    value = 2.0 * (x * x * per_w2 + y * y * per_h2) + (of_w + of_h) + 0.5 * sin2 * own * steeper
    return not_negative(xp, value), RelativeGradient(
        4.0 * x * per_w2,
        4.0 * y * per_h2,
        by_w + sin2 * steeper * w,
        by_h - sin2 * steeper * h,
        sin * cos * own * steeper,
        by_other_w + (sin2 * own - 4.0 * x * x) * (per_w2 * per_w),
        by_other_h - (sin2 * own + 4.0 * y * y) * (per_h2 * per_h),
    )


@dataclass(frozen=True)
class KLD(OverlapLoss):
    r"""A function of the Kullback-Leibler divergence of the boxes as Gaussians.

    .. math::

        L = 1 - \frac{1}{\tau + f(\sqrt{K})}, \qquad
        K = \frac{1}{2} \left((\mu - M)^T T^{-1} (\mu - M) + \operatorname{tr}(T^{-1} S)
            + \ln \frac{\det T}{\det S}\right) - 1

    with means at the centres and covariances S of pred and T of target, w^2 / 4 and h^2 / 4 along the sides. Yang et
    al., "Learning High-Precision Bounding Box for Rotated Object Detection via Kullback-Leibler Divergence", NeurIPS
    2021 (arXiv:2106.01883), equations (4) and (8). Range [0, 1) by default. It is the same at every scale and not
    symmetric: exchange the boxes for the divergence of target from pred. Its slope by the angle grows with the aspect
    ratio of the target; squares have no direction. At a match the loss is a cone: its gradient is 0 there alone. A
    side counts as 2^-20 of the span of both boxes at least.

    Parameters
    ----------
    fun : {"log1p", "sqrt", "none"}
        The function f: ln(1 + d), the root of d, or d itself.
    tau : float
        At least 1; with 1 a match has the loss 0. Or 0: then the loss is f.
    sqrt : bool
        Take the root of K for d; if not, K itself, which is smooth at a match.

    Raises
    ------
    ValueError
        If `fun` is none of these, or `tau` is between 0 and 1, negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> pred, target = np.asarray([[0.0, 0, 4, 2, 0.0]]), np.asarray([[0.0, 0, 4, 2, 0.5]])
    >>> bl.kld(pred, target, format="cxcywha").round(4)
    array([0.2913])
    """

    fun: str = "log1p"
    tau: float = 1.0
    sqrt: bool = True
    relations = ("relative",)
    expression = "1 - 1 / (tau + f(sqrt(KL(pred || target))))"
    paper = "Yang et al. 2021"

    def __post_init__(self) -> None:
        check_map(self.fun, self.tau)
        super().__post_init__()

    @property
    def value_range(self) -> str:  # type: ignore[override]
        """From its value at a match."""
        return range_of(self.tau)

    @staticmethod
    def formula(xp: Namespace, pair: Relative, fun: str, tau: float, sqrt: bool) -> Term:
        """Compute the divergence, or its root, through the map."""
        of_pair = normalised(xp, pair)
        distance, d = divergence(xp, of_pair.pair)
        if sqrt:
            distance, slope = root(xp, distance)
            d = times(d, slope)
        value, slope = post_map(xp, distance, fun, tau)
        return value, (of_pair.gradient(xp, times(d, slope)),)


kld: KLD = register("kld", KLD())
