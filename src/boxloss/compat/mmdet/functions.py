"""The functions of the IoU family of ``mmdet.models.losses``, version 3.3."""

from typing import Literal

from boxloss.check import check_choice, check_positive
from boxloss.compat.conventions import (
    MMDET_CIOU,
    MMDET_DIOU,
    MMDET_GIOU,
    MMDET_OVERLAPS,
    MMDET_REPELLING_SIOU,
    MMDET_SIOU,
)
from boxloss.compat.mmdet.reductions import reduced_loss
from boxloss.losses.loss import Loss
from boxloss.typing import Array, ArrayT, Reduction

DEFAULT_EPS, OVERLAPS_EPS = 1e-7, 1e-6
MODES = ("linear", "square", "log")


def iou_loss(
    pred: ArrayT,
    target: ArrayT,
    weight: Array | None = None,
    reduction: Reduction = "mean",
    avg_factor: float | None = None,
    *,
    linear: bool = False,
    mode: Literal["linear", "square", "log"] = "log",
    eps: float = 1e-6,
) -> ArrayT:
    """Compute the IoU loss of each pair of boxes, as ``mmdet.models.losses.iou_loss`` has it.

    Parameters
    ----------
    pred, target : array, shape (N, 4)
        Corners (x1, y1, x2, y2) of any array library. Half precision is computed, and comes back, as float32.
    weight : array, shape (N,), optional
        A factor a pair.
    reduction : {"none", "mean", "sum"}
        What becomes of the weighted values. The mean of nothing is 0; that of mmdet is NaN.
    avg_factor : float, optional
        The divisor of the mean instead of the number of pairs; float32's epsilon is added to it.
    linear : bool
        True is another word for ``mode="linear"``.
    mode : {"linear", "square", "log"}
        1 - IoU, 1 - IoU^2, or -ln IoU.
    eps : float
        The least that an IoU counts: below it there is no gradient. A union counts 1e-6 or more whatever `eps` is.

    Returns
    -------
    array
        Values of shape (N,), or one value if reduced; differentiable for tensors that require grad and for JAX.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.IoU, boxloss.LogIoU, boxloss.SquaredIoU : the losses themselves, and their papers.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmdet import iou_loss
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    >>> iou_loss(pred, target).round(4)
    np.float64(1.9459)
    """
    loss = iou_profile("linear" if linear else check_choice("mode", mode, MODES), eps)
    return reduced_loss(loss, pred, target, weight, reduction, avg_factor)


def giou_loss(
    pred: ArrayT,
    target: ArrayT,
    weight: Array | None = None,
    reduction: Reduction = "mean",
    avg_factor: float | None = None,
    *,
    eps: float = DEFAULT_EPS,
) -> ArrayT:
    """Compute the GIoU loss of each pair of boxes, as ``mmdet.models.losses.giou_loss`` has it.

    Parameters
    ----------
    pred, target, weight, reduction, avg_factor
        As in `iou_loss`.
    eps : float
        The least that the union and the enclosing area count.

    Returns
    -------
    array
        Values of shape (N,), or one value if reduced; differentiable for tensors that require grad and for JAX.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.GIoU : the loss itself, and its paper.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmdet import giou_loss
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    >>> giou_loss(pred, target).round(4)
    np.float64(1.0794)
    """
    return reduced_loss(MMDET_GIOU("linear", eps), pred, target, weight, reduction, avg_factor)


def diou_loss(
    pred: ArrayT,
    target: ArrayT,
    weight: Array | None = None,
    reduction: Reduction = "mean",
    avg_factor: float | None = None,
    *,
    eps: float = DEFAULT_EPS,
) -> ArrayT:
    """Compute the DIoU loss of each pair of boxes, as ``mmdet.models.losses.diou_loss`` has it.

    Parameters
    ----------
    pred, target, weight, reduction, avg_factor
        As in `iou_loss`.
    eps : float
        Added to the union and to the squared diagonal.

    Returns
    -------
    array
        Values of shape (N,), or one value if reduced; differentiable for tensors that require grad and for JAX.

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
    >>> from boxloss.compat.mmdet import diou_loss
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    >>> diou_loss(pred, target).round(4)
    np.float64(0.9683)
    """
    return reduced_loss(MMDET_DIOU("linear", eps), pred, target, weight, reduction, avg_factor)


def ciou_loss(
    pred: ArrayT,
    target: ArrayT,
    weight: Array | None = None,
    reduction: Reduction = "mean",
    avg_factor: float | None = None,
    *,
    eps: float = DEFAULT_EPS,
) -> ArrayT:
    """Compute the CIoU loss of each pair of boxes, as ``mmdet.models.losses.ciou_loss`` has it.

    Parameters
    ----------
    pred, target, weight, reduction, avg_factor
        As in `iou_loss`.
    eps : float
        Added to the union, to the squared diagonal, and to the heights where shapes are compared.

    Returns
    -------
    array
        Values of shape (N,), or one value if reduced; differentiable for tensors that require grad and for JAX.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.CIoU : the loss without these, and its paper.

    Notes
    -----
    Alpha is 0 for an IoU of 0.5 or less, where the loss jumps, and the score is clamped to [-1, 1]: the loss of boxes
    beyond has no gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmdet import ciou_loss
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    >>> ciou_loss(pred, target).round(4)
    np.float64(0.9683)
    """
    return reduced_loss(MMDET_CIOU("linear", eps), pred, target, weight, reduction, avg_factor)


def siou_loss(
    pred: ArrayT,
    target: ArrayT,
    weight: Array | None = None,
    reduction: Reduction = "mean",
    avg_factor: float | None = None,
    *,
    eps: float = DEFAULT_EPS,
    neg_gamma: bool = False,
) -> ArrayT:
    """Compute the SIoU loss of each pair of boxes, as ``mmdet.models.losses.siou_loss`` has it.

    Parameters
    ----------
    pred, target, weight, reduction, avg_factor
        As in `iou_loss`.
    eps : float
        Added to the union, to the heights and to the offset of the centres; the least that a side of the enclosing box
        counts.
    neg_gamma : bool
        True is SIoU as its paper has it. False, the default of mmdet, gives the cost of the distance the other sign,
        so that it falls as boxes draw apart.

    Returns
    -------
    array
        Values of shape (N,), or one value if reduced; differentiable for tensors that require grad and for JAX.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.SIoU : the loss itself, and its paper.

    Notes
    -----
    The score is clamped to [-1, 1]: the loss of boxes beyond has no gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmdet import siou_loss
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    >>> siou_loss(pred, target, neg_gamma=True).round(4)
    np.float64(0.9623)
    """
    loss = (MMDET_SIOU if neg_gamma else MMDET_REPELLING_SIOU)("linear", eps)
    return reduced_loss(loss, pred, target, weight, reduction, avg_factor)


def iou_profile(mode: str, eps: float) -> Loss:
    """Make the profile of `iou_loss`."""
    return MMDET_OVERLAPS["iou"].made(mode, OVERLAPS_EPS, clamped=True, least=check_positive("eps", eps))
