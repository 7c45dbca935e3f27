"""Alpha-IoU."""

from dataclasses import dataclass

from boxloss.check import check_positive
from boxloss.formulas.evaluation import Evaluation, curve, sum_of
from boxloss.losses.modifiers.modifier import OfIoUTerm
from boxloss.shapes.replaceable import one_less_power
from boxloss.shapes.shape import Pair
from boxloss.typing import Namespace


@dataclass(frozen=True)
class Alpha(OfIoUTerm):
    r"""A loss with its IoU and each of its penalties to a power.

    .. math:: 1 - IoU^\alpha + P_1^\alpha + P_2^\alpha + \ldots

    He et al., "Alpha-IoU: A Family of Power Intersection over Union Losses for Bounding Box Regression", NeurIPS 2021
    (arXiv:2110.13675), equations (4) to (6). With alpha = 3 the slope of the IoU term is more than that of IoU from an
    IoU of 0.577 on, three times as much at a match, and fades towards an IoU of 0. CIoU's own factor alpha is constant
    in the gradient and of the IoU itself. Kinks are those of the loss.

    Parameters
    ----------
    loss : Loss
        IoU, GIoU, DIoU, CIoU, EIoU, SIoU, or another loss that is 1 - IoU and penalties, but not WIoU.
    alpha : float
        The power, greater than 0. Less than 1, slopes are unbounded where a term is 0; at 0 itself they are 0.

    Raises
    ------
    TypeError, ValueError
        If `loss` is no such loss, or `alpha` is not a finite number above 0.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 0, 3, 2]])
    >>> bl.Alpha(bl.iou)(pred, target).round(4)  # the IoU is 1/3
    array([0.963])
    """

    alpha: float = 3.0
    exponents = ("alpha",)
    summary = "L, with I / U and each penalty to the power alpha"
    paper = "He et al. 2021"

    def __post_init__(self) -> None:
        check_positive("alpha", self.alpha)
        super().__post_init__()
        if not self.loss.has_powers:
            raise ValueError(f"Alpha takes the terms of a loss to a power, and {type(self.loss).__name__} is a product")

    @property
    def expression(self) -> str:  # type: ignore[override]
        """The formula of the loss."""
        return f"{self.loss.told}, I / U and each other term to the power {self.alpha:g}"

    @property
    def value_range(self) -> str:  # type: ignore[override]
        """From 0 at a match."""
        return "[0, inf)"

    def iou_term(self, xp: Namespace, pair: Pair) -> Evaluation:
        """Compute 1 - IoU^alpha, from the distance: 0 at a match with all digits near it."""
        distance, _ = term = self.loss.iou_term(xp, pair)
        overlaps = distance < 1.0
        inside = xp.where(overlaps, distance, 0.0 * distance)
        iou = 1.0 - inside
        value = xp.where(overlaps, one_less_power(xp, inside, self.alpha), distance)
        slope = self.alpha * xp.pow(iou, self.alpha) / iou
        return curve(term, value, xp.where(overlaps | (self.alpha == 1.0), slope, 0.0 * distance))

    def penalties(self, xp: Namespace, pair: Pair) -> tuple[Evaluation, ...]:
        """Raise each to the power."""
        return tuple(self._power(xp, penalty) for penalty in self.loss.penalties(xp, pair))

    def penalty(self, xp: Namespace, pair: Pair) -> Evaluation | None:
        """Compute the sum of the powers."""
        powers = self.penalties(xp, pair)
        return sum_of(*powers) if powers else None

    def _power(self, xp: Namespace, penalty: Evaluation) -> Evaluation:
        value = xp.pow(penalty.value, self.alpha)
        slope = self.alpha * value / xp.where(penalty.value > 0.0, penalty.value, 1.0)
        return curve(penalty, value, slope)
