"""The loss classes of ``mmdet.models.losses``, version 3.3."""

from boxloss.compat.mmdet.box_loss import BoxLoss
from boxloss.compat.mmdet.functions import ciou_loss, diou_loss, giou_loss, iou_loss, siou_loss
from boxloss.typing import Reduction


class IoULoss(BoxLoss):
    """The IoU loss, as ``mmdet.models.losses.IoULoss`` has it.

    Parameters
    ----------
    linear : bool
        True is another word for ``mode="linear"``.
    eps : float
        The least that an IoU counts.
    reduction : {"none", "mean", "sum"}
        What becomes of the weighted values, unless a call overrides it.
    loss_weight : float
        A factor of the result.
    mode : {"linear", "square", "log"}
        1 - IoU, 1 - IoU^2, or -ln IoU.

    See Also
    --------
    boxloss.compat.mmdet.iou_loss : the function, its notes and its other parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmdet import IoULoss
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    >>> IoULoss(loss_weight=2.0)(pred, target, avg_factor=1).round(4)
    np.float64(3.8918)
    """

    def __init__(
        self,
        linear: bool = False,
        eps: float = 1e-6,
        reduction: Reduction = "mean",
        loss_weight: float = 1.0,
        mode: str = "log",
    ) -> None:
        super().__init__(iou_loss, reduction, loss_weight, linear=linear, eps=eps, mode=mode)


class GIoULoss(BoxLoss):
    """The GIoU loss, as ``mmdet.models.losses.GIoULoss`` has it.

    Parameters
    ----------
    eps : float
        As in the function, whose default is another.
    reduction : {"none", "mean", "sum"}
        What becomes of the weighted values, unless a call overrides it.
    loss_weight : float
        A factor of the result.

    See Also
    --------
    boxloss.compat.mmdet.giou_loss : the function, its notes and its other parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmdet import GIoULoss
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    >>> GIoULoss(loss_weight=2.0)(pred, target, avg_factor=1).round(4)
    np.float64(2.1587)
    """

    def __init__(
        self,
        eps: float = 1e-6,
        reduction: Reduction = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(giou_loss, reduction, loss_weight, eps=eps)


class DIoULoss(BoxLoss):
    """The DIoU loss, as ``mmdet.models.losses.DIoULoss`` has it.

    Parameters
    ----------
    eps : float
        As in the function, whose default is another.
    reduction : {"none", "mean", "sum"}
        What becomes of the weighted values, unless a call overrides it.
    loss_weight : float
        A factor of the result.

    See Also
    --------
    boxloss.compat.mmdet.diou_loss : the function, its notes and its other parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmdet import DIoULoss
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    >>> DIoULoss(loss_weight=2.0)(pred, target, avg_factor=1).round(4)
    np.float64(1.9365)
    """

    def __init__(
        self,
        eps: float = 1e-6,
        reduction: Reduction = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(diou_loss, reduction, loss_weight, eps=eps)


class CIoULoss(BoxLoss):
    """The CIoU loss, as ``mmdet.models.losses.CIoULoss`` has it.

    Parameters
    ----------
    eps : float
        As in the function, whose default is another.
    reduction : {"none", "mean", "sum"}
        What becomes of the weighted values, unless a call overrides it.
    loss_weight : float
        A factor of the result.

    See Also
    --------
    boxloss.compat.mmdet.ciou_loss : the function, its notes and its other parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmdet import CIoULoss
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    >>> CIoULoss(loss_weight=2.0)(pred, target, avg_factor=1).round(4)
    np.float64(1.9365)
    """

    def __init__(
        self,
        eps: float = 1e-6,
        reduction: Reduction = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(ciou_loss, reduction, loss_weight, eps=eps)


class SIoULoss(BoxLoss):
    """The SIoU loss, as ``mmdet.models.losses.SIoULoss`` has it.

    Parameters
    ----------
    eps : float
        As in the function, whose default is another.
    reduction : {"none", "mean", "sum"}
        What becomes of the weighted values, unless a call overrides it.
    loss_weight : float
        A factor of the result.
    neg_gamma : bool
        True is SIoU as its paper has it.

    See Also
    --------
    boxloss.compat.mmdet.siou_loss : the function, its notes and its other parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmdet import SIoULoss
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    >>> SIoULoss(loss_weight=2.0)(pred, target, avg_factor=1).round(4)
    np.float64(1.4792)
    """

    def __init__(
        self,
        eps: float = 1e-6,
        reduction: Reduction = "mean",
        loss_weight: float = 1.0,
        neg_gamma: bool = False,
    ) -> None:
        super().__init__(siou_loss, reduction, loss_weight, eps=eps, neg_gamma=neg_gamma)
