"""The box losses of PaddleDetection (``ppdet.modeling``, version 2.6), for any array library but Paddle's own."""

from collections.abc import Sequence
from typing import Any, cast

from boxloss.check import REDUCTIONS, check_choice, check_finite
from boxloss.compat.arrays import kind_of_flags, library, reduced
from boxloss.compat.conventions import PADDLE, PADDLE_CIOU, PADDLE_DIOU, PADDLE_GIOU, PADDLE_SIOU
from boxloss.losses.loss import Loss
from boxloss.typing import ArrayT, Reduction

__all__ = ["DIouLoss", "GIoULoss", "IouLoss", "SIoULoss", "bbox_iou"]


def bbox_iou(
    box1: Sequence[ArrayT],
    box2: Sequence[ArrayT],
    giou: bool = False,
    diou: bool = False,
    ciou: bool = False,
    eps: float = 1e-9,
) -> ArrayT:
    """Compute the IoU, GIoU, DIoU or CIoU of each pair of boxes, as ``ppdet.modeling.bbox_utils.bbox_iou`` has it.

    Parameters
    ----------
    box1, box2 : sequence of four arrays
        x1, y1, x2 and y2, of one shape and any array library.
    giou, diou, ciou : bool
        Which score: the first that is True, or the IoU.
    eps : float
        Added to the union, to the area and to the squared diagonal of the enclosing box, to the denominator of alpha,
        and to the heights where shapes are compared.

    Returns
    -------
    array
        Scores of that shape; differentiable for tensors that require grad and for JAX.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.paddle import bbox_iou
    >>> pred, target = np.asarray([[0.0], [0], [2], [2]]), np.asarray([[1.0], [1], [3], [3]])
    >>> bbox_iou(list(pred), list(target), diou=True).round(4)
    array([0.0317])
    """
    return cast(ArrayT, _iou("score", box1, box2, giou, diou, ciou, eps))


def _iou(output: str, box1: Any, box2: Any, giou: bool, diou: bool, ciou: bool, eps: float) -> Any:
    kind = "giou" if giou else "diou" if diou else kind_of_flags(False, False, ciou)
    xp = library(box1[0], box2[0], ("box1[0]", "box2[0]"))
    convention = PADDLE[kind]
    profile = convention.made(output, eps) if output == "square" else convention(output, eps)
    return profile(xp.stack(list(box1), axis=-1), xp.stack(list(box2), axis=-1))


class IouLoss:
    """1 minus the square of `bbox_iou`, or 1 minus it, as ``ppdet.modeling.losses.IouLoss`` has it.

    Parameters
    ----------
    loss_weight : float
        A factor of the values.
    giou, diou, ciou : bool
        As in `bbox_iou`.
    loss_square : bool
        Whether the score is squared; a negative one too.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.paddle import IouLoss
    >>> IouLoss()(list(np.asarray([[0.0], [0], [2], [2]])), list(np.asarray([[1.0], [1], [3], [3]]))).round(4)
    array([2.449])
    """

    def __init__(
        self,
        loss_weight: float = 2.5,
        giou: bool = False,
        diou: bool = False,
        ciou: bool = False,
        loss_square: bool = True,
    ) -> None:
        self.loss_weight = check_finite("loss_weight", loss_weight)
        self.giou, self.diou, self.ciou, self.loss_square = giou, diou, ciou, loss_square

    def __call__(self, pbox: Sequence[ArrayT], gbox: Sequence[ArrayT]) -> ArrayT:
        """Compute the loss of boxes as four arrays each."""
        output = "square" if self.loss_square else "linear"
        values: Any = _iou(output, pbox, gbox, self.giou, self.diou, self.ciou, 1e-9)
        return cast(ArrayT, values * self.loss_weight)


class _ColumnLoss:
    """A loss of corners, shape (..., 4), whose values are a column."""

    def __init__(self, loss: Loss, loss_weight: float, reduction: str) -> None:
        self._loss, self.loss_weight = loss, check_finite("loss_weight", loss_weight)
        self.reduction = check_choice("reduction", reduction, REDUCTIONS)

    def _values(self, pbox: Any, gbox: Any) -> Any:
        library(pbox, gbox, ("pbox", "gbox"))
        return self._loss(pbox, gbox)[..., None]

    def _reduced(self, pbox: Any, gbox: Any, values: Any) -> Any:
        return reduced(library(pbox, gbox), values, self.reduction) * self.loss_weight


class GIoULoss(_ColumnLoss):
    """The GIoU loss, as ``ppdet.modeling.losses.GIoULoss`` has it.

    Parameters
    ----------
    loss_weight : float
        A factor of the result.
    eps : float
        Added to the union and to the area of the enclosing box.
    reduction : {"none", "mean", "sum"}
        What becomes of the values. The mean of nothing is 0.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.paddle import GIoULoss
    >>> GIoULoss()(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])).round(4)
    array([[1.0794]])
    """

    def __init__(self, loss_weight: float = 1.0, eps: float = 1e-10, reduction: Reduction = "none") -> None:
        super().__init__(PADDLE_GIOU("linear", eps), loss_weight, reduction)
        self.eps = eps

    def __call__(self, pbox: ArrayT, gbox: ArrayT, iou_weight: Any = 1.0, loc_reweight: ArrayT | None = None) -> ArrayT:
        """Compute the loss of corners; weights of a sum or mean, and of the score."""
        values = self._values(pbox, gbox)
        if loc_reweight is not None:
            reweight: Any = library(pbox, gbox).reshape(loc_reweight, (-1, 1))
            values = 1.0 - (1.0 - values) * (0.1 + 0.9 * reweight)
        if self.reduction != "none":
            values = values * iou_weight
        return cast(ArrayT, self._reduced(pbox, gbox, values))


class DIouLoss(_ColumnLoss):
    """The mean DIoU or CIoU loss, as ``ppdet.modeling.losses.DIouLoss`` has it.

    Parameters
    ----------
    loss_weight : float
        A factor of the mean.
    eps : float
        Added to the union, to the squared distance of the centres, to the squared diagonal and to the denominator of
        alpha.
    use_complete_iou_loss : bool
        True for CIoU, False for DIoU.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.paddle import DIouLoss
    >>> DIouLoss()(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])).round(4)
    np.float64(0.9683)
    """

    def __init__(self, loss_weight: float = 1.0, eps: float = 1e-10, use_complete_iou_loss: bool = True) -> None:
        convention = PADDLE_CIOU if use_complete_iou_loss else PADDLE_DIOU
        super().__init__(convention("linear", eps), loss_weight, "mean")
        self.eps, self.use_complete_iou_loss = eps, use_complete_iou_loss

    def __call__(self, pbox: ArrayT, gbox: ArrayT, iou_weight: Any = 1.0) -> ArrayT:
        """Compute the mean over corners, each value times a weight, of shape (N, 1) or a number."""
        return cast(ArrayT, self._reduced(pbox, gbox, self._values(pbox, gbox) * iou_weight))


class SIoULoss(_ColumnLoss):
    """The SIoU loss, as ``ppdet.modeling.losses.SIoULoss`` has it.

    Parameters
    ----------
    loss_weight : float
        A factor of the result.
    eps : float
        Added to widths and heights where shapes are compared; to the union 1e-9 whatever it is.
    theta : float
        The power of the cost of the shape.
    reduction : {"none", "mean", "sum"}
        What becomes of the values. The mean of nothing is 0.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Notes
    -----
    Where the centres coincide that of ppdet is NaN; here its terms are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.paddle import SIoULoss
    >>> SIoULoss()(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])).round(4)
    array([[0.9623]])
    """

    def __init__(
        self, loss_weight: float = 1.0, eps: float = 1e-10, theta: float = 4.0, reduction: Reduction = "none"
    ) -> None:
        super().__init__(PADDLE_SIOU.made("linear", eps, theta=theta), loss_weight, reduction)
        self.eps, self.theta = eps, theta

    def __call__(self, pbox: ArrayT, gbox: ArrayT) -> ArrayT:
        """Compute the loss of corners."""
        return cast(ArrayT, self._reduced(pbox, gbox, self._values(pbox, gbox)))
