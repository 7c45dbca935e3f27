"""Focaler-IoU."""

from dataclasses import dataclass

from boxloss.check import check_within
from boxloss.formulas.evaluation import Evaluation, curve
from boxloss.losses.modifiers.modifier import OfIoUTerm
from boxloss.shapes.shape import Pair
from boxloss.typing import Namespace


@dataclass(frozen=True)
class Focaler(OfIoUTerm):
    r"""A loss with a ramp of the IoU, from 0 to 1 between two bounds, in place of the IoU.

    .. math::

        L + IoU - IoU_f, \qquad IoU_f = \min\left(\max\left(\frac{IoU - low}{high - low}, 0\right), 1\right)

    Zhang and Zhang, "Focaler-IoU: More Focused Intersection over Union Loss", 2024 (arXiv:2401.10525). The IoU term
    has a slope between the bounds alone: above `high` it is content. The penalties of the loss stay as they are, the
    alpha of CIoU included. Released code changes the IoU before alpha is computed from it, which is another loss.
    Range as that of the loss. Kinks: those of the loss, and an IoU of `low` (unless that is 0) and of `high` (unless
    that is 1).

    Parameters
    ----------
    loss : Loss
        A loss that is 1 - IoU and penalties; see `Inner`.
    low, high : float
        The bounds of the ramp, 0 <= low < high <= 1.

    Raises
    ------
    TypeError, ValueError
        If `loss` is no such loss, or the bounds are none.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> pred, target = np.asarray([[0.0, 0, 10, 10]]), np.asarray([[2.0, 0, 12, 10]])
    >>> bl.Focaler(bl.iou, low=0.2, high=0.7)(pred, target).round(4)
    array([0.0667])
    """

    low: float = 0.0
    high: float = 0.95
    summary = "L, with I / U from low to high taken to 0 to 1"
    paper = "Zhang and Zhang 2024"

    def __post_init__(self) -> None:
        check_within("low", self.low, 0.0, 1.0)
        check_within("high", self.high, 0.0, 1.0)
        if not self.low < self.high:
            raise ValueError(f"low must be less than high; got low={self.low!r} and high={self.high!r}")
        super().__post_init__()

    @property
    def expression(self) -> str:  # type: ignore[override]
        """The formula of the loss, and of its IoU."""
        return f"{self.loss.told}, with I / U from {self.low:g} to {self.high:g} taken to 0 to 1"

    def iou_term(self, xp: Namespace, pair: Pair) -> Evaluation:
        """Compute the ramp of 1 - IoU, and at its ends half its slope; an end that no IoU is beyond is none."""
        distance, _ = term = self.loss.iou_term(xp, pair)
        per_width, first, last = 1.0 / (self.high - self.low), 1.0 - self.high, 1.0 - self.low
        flat = 0.0 * distance
        value = xp.where(distance > first, (distance - first) * per_width, flat)
        value = xp.where(distance < last, value, flat + 1.0)
        rising = (distance > first) | (self.high == 1.0)
        falling = (distance < last) | (self.low == 0.0)
        at_end = ((distance == first) & (self.high < 1.0)) | ((distance == last) & (self.low > 0.0))
        slope = xp.where(at_end, 0.5 * per_width + flat, xp.where(rising & falling, per_width + flat, flat))
        return curve(term, value, slope)
