"""The focal weight of Focal-EIoU."""

from dataclasses import dataclass

from boxloss.check import check_not_negative
from boxloss.formulas.evaluation import Evaluation, gained
from boxloss.losses.modifiers.modifier import Modifier, iou_of
from boxloss.shapes.shape import Pair
from boxloss.typing import Namespace


@dataclass(frozen=True)
class Focal(Modifier):
    r"""A loss times a power of the IoU, which counts as constant in the gradient.

    .. math:: IoU^\gamma\,L

    Zhang et al., "Focal and Efficient IOU Loss for Accurate Bounding Box Regression", Neurocomputing 2022
    (arXiv:2101.08158), equation (9), of EIoU with gamma = 0.5. It weighs boxes of high quality more; boxes that do not
    overlap have neither a value nor a slope. Code that differentiates the weight pushes the IoU down, without bound as
    it goes to 0. Range as that of the loss. Kinks are those of the loss.

    Parameters
    ----------
    loss : Loss
        Any loss.
    gamma : float
        The power, 0 or more; 0 changes nothing.

    Raises
    ------
    TypeError, ValueError
        If `loss` is no loss, or `gamma` is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 0, 3, 2]])
    >>> bl.Focal(bl.eiou)(pred, target).round(4), (bl.eiou(pred, target) / 3**0.5).round(4)
    (array([0.4293]), array([0.4293]))
    """

    gamma: float = 0.5
    exponents = ("gamma",)
    summary = "(I / U)^gamma L"
    paper = "Zhang et al. 2022"

    def __post_init__(self) -> None:
        check_not_negative("gamma", self.gamma)
        super().__post_init__()

    @property
    def expression(self) -> str:  # type: ignore[override]
        """The formula of the loss, and its factor."""
        return f"(I / U)^{self.gamma:g} ({self.loss.told})"

    def evaluate(self, xp: Namespace, pair: Pair) -> Evaluation:
        """Multiply the loss by IoU^gamma."""
        iou, _, _ = iou_of(xp, pair)
        return gained(self.loss.evaluate(xp, pair), xp.pow(iou, self.gamma))
