"""The other loss functions of ``mmdet.models.losses``, version 3.3."""

import math
from typing import cast

from boxloss.check import check_positive
from boxloss.compat.arrays import distance, library
from boxloss.compat.mmdet.formulas import BoundedIoU, ExtendedIoU
from boxloss.compat.mmdet.functions import DEFAULT_EPS
from boxloss.compat.mmdet.reductions import reduced_loss, reduced_values
from boxloss.typing import Array, ArrayT, Reduction


def eiou_loss(
    pred: ArrayT,
    target: ArrayT,
    weight: Array | None = None,
    reduction: Reduction = "mean",
    avg_factor: float | None = None,
    *,
    smooth_point: float = 0.1,
    eps: float = DEFAULT_EPS,
) -> ArrayT:
    """Compute the Extended IoU loss of each pair of boxes, as ``mmdet.models.losses.eiou_loss`` has it.

    Parameters
    ----------
    pred, target, weight, reduction, avg_factor
        As in `iou_loss`.
    smooth_point : float
        Where the quadratic part of the smooth L1 function ends.
    eps : float
        Added to the union.

    Returns
    -------
    array
        Values of shape (N,), or one value if reduced; differentiable for tensors that require grad and for JAX.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Notes
    -----
    Not the Efficient IoU that others call EIoU, which is `boxloss.EIoU`. Peng and Yu, "A Systematic IoU-Related Method:
    Beyond Simplified Regression for Better Localization", IEEE Transactions on Image Processing 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmdet import eiou_loss
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    >>> eiou_loss(pred, target).round(4)
    np.float64(0.8071)
    """
    return reduced_loss(ExtendedIoU(smooth_point, eps), pred, target, weight, reduction, avg_factor)


def bounded_iou_loss(
    pred: ArrayT,
    target: ArrayT,
    weight: Array | None = None,
    reduction: Reduction = "mean",
    avg_factor: float | None = None,
    *,
    beta: float = 0.2,
    eps: float = 1e-3,
) -> ArrayT:
    """Compute the Bounded IoU loss of each pair of boxes, as ``mmdet.models.losses.bounded_iou_loss`` has it.

    Parameters
    ----------
    pred, target, weight, reduction, avg_factor
        As in `iou_loss`.
    beta : float
        Where the quadratic part of the smooth L1 function ends.
    eps : float
        Added to denominators, which are lengths: the loss depends on the scale of boxes.

    Returns
    -------
    array
        Values of shape (N, 4), of x, y, w and h, as is `weight`; or one value if reduced, whose mean is over all.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Notes
    -----
    The target counts as constant. Tychsen-Smith and Petersson, "Improving Object Localization with Fitness NMS and
    Bounded IoU Loss", CVPR 2018 (arXiv:1711.00164).

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmdet import bounded_iou_loss
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    >>> bounded_iou_loss(pred, target, reduction="none").round(4)
    array([[0.9, 0.9, 0. , 0. ]])
    """
    columns = []
    for which in ("of_x", "of_y", "of_w", "of_h"):
        alone = {name: float(name == which) for name in ("of_x", "of_y", "of_w", "of_h")}
        columns.append(BoundedIoU(beta, eps, **alone)(pred, target))
    xp = library(pred, target, ("pred", "target"))
    return cast(ArrayT, reduced_values(xp, xp.stack(columns, axis=-1), weight, reduction, avg_factor))


def balanced_l1_loss(
    pred: ArrayT,
    target: ArrayT,
    weight: Array | None = None,
    reduction: Reduction = "mean",
    avg_factor: float | None = None,
    *,
    beta: float = 1.0,
    alpha: float = 0.5,
    gamma: float = 1.5,
) -> ArrayT:
    """Compute the Balanced L1 loss of each coordinate, as ``mmdet.models.losses.balanced_l1_loss`` has it.

    Parameters
    ----------
    pred, target, weight, reduction, avg_factor
        As in `iou_loss`.
    beta : float
        Where the balanced part ends, greater than 0.
    alpha : float
        The factor of the gradient of small differences.
    gamma : float
        The gradient of large differences.

    Returns
    -------
    array
        Values of the shape of pred, as is `weight`; or one value if reduced, whose mean is over all.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Notes
    -----
    The array library computes and differentiates it. With a `beta` other than 1 its slope is not the one of the paper:
    Pang et al., "Libra R-CNN", CVPR 2019 (arXiv:1904.02701).

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmdet import balanced_l1_loss
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    >>> balanced_l1_loss(pred, target, reduction="none").round(4)
    array([[1.0786, 1.0786, 1.0786, 1.0786]])
    """
    check_positive("beta", beta)
    b = math.exp(check_positive("gamma", gamma) / check_positive("alpha", alpha)) - 1.0
    xp = library(pred, target, ("pred", "target"))
    size = distance(xp, pred, target)
    small = alpha / b * (b * size + 1.0) * xp.log(b * size / beta + 1.0) - alpha * size
    values = xp.where(size < beta, small, gamma * size + (gamma / b - alpha * beta))
    return cast(ArrayT, reduced_values(xp, values, weight, reduction, avg_factor))
