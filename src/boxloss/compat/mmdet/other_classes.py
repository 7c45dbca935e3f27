"""The other loss classes of ``mmdet.models.losses``, version 3.3."""

from boxloss.compat.mmdet.box_loss import BoxLoss
from boxloss.compat.mmdet.others import balanced_l1_loss, bounded_iou_loss, eiou_loss
from boxloss.typing import Reduction


class EIoULoss(BoxLoss):
    """The Extended IoU loss, as ``mmdet.models.losses.EIoULoss`` has it.

    Parameters
    ----------
    eps : float
        As in the function, whose default is another.
    reduction : {"none", "mean", "sum"}
        What becomes of the weighted values, unless a call overrides it.
    loss_weight : float
        A factor of the result.
    smooth_point : float
        Where the quadratic part ends.

    See Also
    --------
    boxloss.compat.mmdet.eiou_loss : the function, its notes and its other parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmdet import EIoULoss
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    >>> EIoULoss(loss_weight=2.0)(pred, target, avg_factor=1).round(4)
    np.float64(1.6143)
    """

    def __init__(
        self,
        eps: float = 1e-6,
        reduction: Reduction = "mean",
        loss_weight: float = 1.0,
        smooth_point: float = 0.1,
    ) -> None:
        super().__init__(eiou_loss, reduction, loss_weight, smooth_point=smooth_point, eps=eps)


class BoundedIoULoss(BoxLoss):
    """The Bounded IoU loss, as ``mmdet.models.losses.BoundedIoULoss`` has it.

    Parameters
    ----------
    beta, eps : float
        As in the function.
    reduction : {"none", "mean", "sum"}
        What becomes of the weighted values, unless a call overrides it.
    loss_weight : float
        A factor of the result.

    See Also
    --------
    boxloss.compat.mmdet.bounded_iou_loss : the function, its notes and its other parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmdet import BoundedIoULoss
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    >>> BoundedIoULoss(loss_weight=2.0)(pred, target, avg_factor=1).round(4)
    np.float64(3.6)
    """

    _weighs_coordinates = True

    def __init__(
        self,
        beta: float = 0.2,
        eps: float = 1e-3,
        reduction: Reduction = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(bounded_iou_loss, reduction, loss_weight, beta=beta, eps=eps)


class BalancedL1Loss(BoxLoss):
    """The Balanced L1 loss, as ``mmdet.models.losses.BalancedL1Loss`` has it.

    Parameters
    ----------
    alpha, gamma, beta : float
        As in the function.
    reduction : {"none", "mean", "sum"}
        What becomes of the weighted values, unless a call overrides it.
    loss_weight : float
        A factor of the result.

    See Also
    --------
    boxloss.compat.mmdet.balanced_l1_loss : the function, its notes and its other parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmdet import BalancedL1Loss
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    >>> BalancedL1Loss(loss_weight=2.0)(pred, target, avg_factor=1).round(4)
    np.float64(8.6287)
    """

    _weighs_coordinates = True

    def __init__(
        self,
        alpha: float = 0.5,
        gamma: float = 1.5,
        beta: float = 1.0,
        reduction: Reduction = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(balanced_l1_loss, reduction, loss_weight, alpha=alpha, gamma=gamma, beta=beta)
