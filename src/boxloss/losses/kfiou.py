"""Kalman filter IoU."""

from dataclasses import dataclass

from boxloss.check import check_choice
from boxloss.losses.gaussian import normalised, per_sides, spread
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.guards import not_negative
from boxloss.shapes.relative import Relative, RelativeGradient
from boxloss.shapes.shape import plus, times
from boxloss.typing import Namespace, Number

FUNCTIONS = ("none", "ln", "exp")


def lost(xp: Namespace, pair: Relative) -> tuple[Number, Number, RelativeGradient]:
    """Compute 1 - 3 KFIoU = (a + A - 4 v) / (a + A - v) of areas a and A and an overlap v; 3 KFIoU; the derivatives."""
    _, _, w, h, _, _, other_w, other_h = pair
    area, other_area, found = w * h, other_w * other_h, spread(xp, pair)
    mean, more = xp.sqrt(found.product), 1.0 + found.excess
    root = xp.sqrt(more)
    overlap = 0.5 * mean / root
    # 1 - 1 / sqrt(1 + excess), without a difference.
    narrower = found.excess / (root * (1.0 + root))
    per_union = 1.0 / (area + other_area - overlap)
    # a - m and A - m, for the mean m = sqrt(a A).
    share, other_share = found.difference / (area + mean), found.difference / (other_area + mean)
    value = mean * (share * other_share + 2.0 * narrower) * per_union
    left = 3.0 * overlap * per_union
    rest, more_share = (4.0 - value) * 0.5 * overlap, found.excess / more
    # (1 - L) a - (4 - L) v / 2 (1 + excess / (1 + excess)) of each area; near a match a - 2 v is a small difference.
    is_near, both = found.excess < 1.0, mean * narrower - rest * more_share
    own, other = (
        xp.where(
            is_near,
            excess + (both - value * (a - 0.5 * overlap)),
            left * a - rest * (1.0 + more_share),
        )
        for a, excess in ((area, area * share), (other_area, -(other_area * other_share)))
    )
    by_sides = per_sides(pair, own * per_union, other * per_union)
    by_overlap = times(found.by_determinant, 0.25 * rest * per_union / found.determinant)
    return not_negative(xp, xp.where(value > 1.0, 1.0, value)), left, plus(by_sides, by_overlap)


@dataclass(frozen=True)
class KFIoU(OverlapLoss):
    r"""1 minus three times the overlap of the boxes as Gaussians, by their product: a loss of shape and angle alone.

    .. math::

        L = 1 - 3\,\frac{v}{w h + W H - v}, \qquad
        v = 4 \sqrt{\det\left(S - S (S + T)^{-1} S\right)}

    with covariances S and T of w^2 / 4 and h^2 / 4 along the sides. Yang et al., "The KFIoU Loss for Rotated Object
    Detection", ICLR 2023 (arXiv:2201.12558), equations (4) to (8). The KFIoU is at most 1/3; three times that is 1 at a
    match. Range [0, 1) by default, [0, inf) for ln, [0, e - 1) for
    exp; symmetric, the same at every scale. It does not read the centres: add a term that does, such
    as ``bl.KFIoU() + 0.1 * bl.SmoothL1(coordinates="cxcywh")``. Squares have no direction. It is smooth at a match. A
    side counts as 2^-20 of the span of both boxes at least.

    Parameters
    ----------
    fun : {"none", "ln", "exp"}
        1 - K, -ln(K) or exp(1 - K) - 1 of three times the KFIoU.

    Raises
    ------
    ValueError
        If `fun` is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> pred, target = np.asarray([[0.0, 0, 4, 2, 0.0]]), np.asarray([[0.0, 0, 4, 2, 0.5]])
    >>> bl.kfiou(pred, target, format="cxcywha").round(4)
    array([0.0771])
    """

    fun: str = "none"
    relations = ("relative",)
    paper = "Yang et al. 2023"

    def __post_init__(self) -> None:
        check_choice("fun", self.fun, FUNCTIONS)
        super().__post_init__()

    @property
    def expression(self) -> str:  # type: ignore[override]
        """What is lost, through the function."""
        kept = "3 v / (w h + W H - v)"
        return {"none": f"1 - {kept}", "ln": f"-ln({kept})", "exp": f"exp(1 - {kept}) - 1"}[self.fun]

    @property
    def value_range(self) -> str:  # type: ignore[override]
        """From 0 at a match."""
        return {"none": "[0, 1)", "ln": "[0, inf)", "exp": "[0, e - 1)"}[self.fun]

    @staticmethod
    def formula(xp: Namespace, pair: Relative, fun: str) -> Term:
        """Compute a function of what is lost."""
        of_pair = normalised(xp, pair)
        value, left, d = lost(xp, of_pair.pair)
        if fun == "ln":
            value = xp.where(value < 0.5, -xp.log1p(-value), -xp.log(left))
            d = times(d, 1.0 / left)
        elif fun == "exp":
            value, slope = xp.expm1(value), xp.exp(value)
            d = times(d, slope)
        return value, (of_pair.gradient(xp, d),)


kfiou: KFIoU = register("kfiou", KFIoU())
