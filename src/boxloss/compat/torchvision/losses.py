"""The losses of ``torchvision.ops``."""

from boxloss.compat.torchvision.conventions import CIOU_LOSS, DEFAULT_EPS, DIOU_LOSS, GIOU_LOSS, promote, with_eps
from boxloss.typing import ArrayT, Reduction


def generalized_box_iou_loss(
    boxes1: ArrayT, boxes2: ArrayT, reduction: Reduction = "none", eps: float = DEFAULT_EPS
) -> ArrayT:
    """Compute the GIoU loss of each pair of boxes, as ``torchvision.ops.generalized_box_iou_loss`` has it.

    Parameters
    ----------
    boxes1, boxes2 : array, shape (..., 4)
        Corners (x1, y1, x2, y2). Half precision and integers count as float32, and of two float types the wider one
        is taken. Leading axes broadcast, which torchvision's do not.
    reduction : {"none", "mean", "sum"}
        The mean of nothing is 0.
    eps : float
        Added to the union and to the enclosing area.

    Returns
    -------
    array
        Values of the leading shape, or one value if reduced; differentiable where `boxloss.GIoU` is.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.GIoU : the loss itself, and its paper.

    Notes
    -----
    Two equal boxes without area cost 1 here as there, because an eps above 0 makes their IoU 0. A side that is
    inverted counts as 0; torchvision multiplies by the negative length.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.torchvision import generalized_box_iou_loss
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    >>> generalized_box_iou_loss(pred, target).round(4)
    array([1.0794])
    """
    boxes1, boxes2 = promote(boxes1, boxes2, floats=True)
    return with_eps(GIOU_LOSS, eps)(boxes1, boxes2, reduction=reduction)


def distance_box_iou_loss(
    boxes1: ArrayT, boxes2: ArrayT, reduction: Reduction = "none", eps: float = DEFAULT_EPS
) -> ArrayT:
    """Compute the DIoU loss of each pair of boxes, as ``torchvision.ops.distance_box_iou_loss`` has it.

    Parameters
    ----------
    boxes1, boxes2, reduction
        As in `generalized_box_iou_loss`.
    eps : float
        Added to the union and to the squared diagonal.

    Returns
    -------
    array
        Values of the leading shape, or one value if reduced; differentiable where `boxloss.DIoU` is.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.DIoU : the loss itself, and its paper.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.torchvision import distance_box_iou_loss
    >>> distance_box_iou_loss(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])).round(4)
    array([0.9683])
    """
    boxes1, boxes2 = promote(boxes1, boxes2, floats=True)
    return with_eps(DIOU_LOSS, eps)(boxes1, boxes2, reduction=reduction)


def complete_box_iou_loss(
    boxes1: ArrayT, boxes2: ArrayT, reduction: Reduction = "none", eps: float = DEFAULT_EPS
) -> ArrayT:
    """Compute the CIoU loss of each pair of boxes, as ``torchvision.ops.complete_box_iou_loss`` has it.

    Parameters
    ----------
    boxes1, boxes2, reduction
        As in `generalized_box_iou_loss`.
    eps : float
        Added to the denominator of alpha. The union and the squared diagonal are padded by 1e-7 whatever `eps` is:
        so it is in torchvision, which does not pass its `eps` on.

    Returns
    -------
    array
        Values of the leading shape, or one value if reduced; differentiable where `boxloss.CIoU` is.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.CIoU : the loss itself, and its paper.

    Notes
    -----
    A box with a side of 0 has an angle, 0 or pi / 2, and a point has no aspect term; torchvision is NaN for a point.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.torchvision import complete_box_iou_loss
    >>> complete_box_iou_loss(np.asarray([[1.0, 1, 2, 3]]), np.asarray([[0.0, 0, 4, 4]])).round(6)
    array([0.884732])
    """
    boxes1, boxes2 = promote(boxes1, boxes2, floats=True)
    return with_eps(CIOU_LOSS, eps)(boxes1, boxes2, reduction=reduction)
