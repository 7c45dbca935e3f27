"""A loss of boxes that are moved towards their targets."""

from dataclasses import dataclass

from boxloss.check import check_within
from boxloss.losses.modifiers.modifier import OfOtherBoxes
from boxloss.shapes.mapped import Mapped
from boxloss.shapes.shape import Pair


@dataclass(frozen=True)
class Interpolated(OfOtherBoxes):
    r"""A loss of the target and of a box between pred and the target.

    .. math:: L((1 - \alpha) B + \alpha T, T)

    InterpIoU (arXiv:2507.12420) is ``bl.iou + bl.Interpolated(bl.iou, 0.98)``: the second term has a slope at all
    distances up to 1 / (1 - alpha) sizes of a box, 1 - alpha times that of the loss where the moved box is. Range and
    kinks are those of the loss, of the moved box. The loss is not symmetric.

    Parameters
    ----------
    loss : Loss
        The loss.
    alpha : float
        The share of the way to the target, from 0 to 1.

    Raises
    ------
    TypeError, ValueError
        If `loss` is no loss, or `alpha` is not from 0 to 1.

    Examples
    --------
    The IoU loss has no slope where boxes do not overlap; the moved box overlaps:

    >>> import numpy as np
    >>> import boxloss as bl
    >>> pred, target = np.asarray([[0.0, 0, 10, 10]]), np.asarray([[20.0, 0, 30, 10]])
    >>> bl.iou.value_and_grad(pred, target)[1]
    array([[0., 0., 0., 0.]])
    >>> bl.Interpolated(bl.iou, 0.9).value_and_grad(pred, target)[1].round(4)
    array([[-0.0056,  0.    , -0.0083,  0.    ]])
    """

    alpha: float
    summary = "L of pred moved by alpha of the way to target"
    paper = "arXiv:2507.12420"

    def __post_init__(self) -> None:
        check_within("alpha", self.alpha, 0.0, 1.0)
        super().__post_init__()

    @property
    def expression(self) -> str:  # type: ignore[override]
        """The formula of the loss."""
        return f"{self.loss.told}, of pred moved by {self.alpha:g} of the way"

    def mapped(self, pair: Pair) -> Mapped:
        """Make the moved box and the target."""
        mapped: Mapped = pair.shape.interpolated(pair, self.alpha)
        return mapped
