"""The pairwise scores of ``torchvision.ops``."""

from typing import Any, cast

from boxloss.check import check_choice
from boxloss.check_arrays import default_float
from boxloss.compat.arrays import library
from boxloss.compat.torchvision.boxes import box_convert
from boxloss.compat.torchvision.conventions import (
    CIOU_SCORE,
    DEFAULT_EPS,
    DIOU_SCORE,
    FORMATS,
    GIOU_SCORE,
    promote,
    with_eps,
)
from boxloss.compat.torchvision.rotated import FORMATS as ROTATED_FORMATS
from boxloss.losses.iou_score import iou_score
from boxloss.losses.loss import Loss
from boxloss.typing import ArrayT


def box_iou(boxes1: ArrayT, boxes2: ArrayT, fmt: str = "xyxy") -> ArrayT:
    """Compute the IoU of each box with each other, as ``torchvision.ops.box_iou`` has it.

    Parameters
    ----------
    boxes1 : array, shape (..., N, 4), or as many as numbers of the format
        Boxes. Half precision counts as float32, integers as the library's default float type, and of two float types
        the wider one is taken.
    boxes2 : array, shape (..., M, 4), or as many as numbers of the format
        Boxes; axes before the last two broadcast.
    fmt : {"xyxy", "xywh", "cxcywh", "cxcywhr", "xywhr", "xyxyxyxy"}
        The format of both.

    Returns
    -------
    array, shape (..., N, M)
        The matrix; nothing is padded. It is differentiable for tensors that require grad and for JAX.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.IoUScore : the metric itself.

    Notes
    -----
    Two boxes without area have an IoU of 1 if they are equal and 0 otherwise; torchvision's is NaN. Its operator of
    rotated boxes has no gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.torchvision import box_iou
    >>> box_iou(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[0.0, 0, 2, 4], [3, 3, 4, 4]]))
    array([[0.5, 0. ]])
    """
    check_choice("fmt", fmt, (*FORMATS, *ROTATED_FORMATS))
    if fmt == "xyxyxyxy":
        boxes1, boxes2 = (box_convert(boxes, fmt, "cxcywhr") for boxes in (boxes1, boxes2))
        fmt = "cxcywhr"
    return _matrix(iou_score, boxes1, boxes2, fmt)


def generalized_box_iou(boxes1: ArrayT, boxes2: ArrayT) -> ArrayT:
    """Compute the GIoU of each box with each other, as ``torchvision.ops.generalized_box_iou`` has it.

    Parameters
    ----------
    boxes1, boxes2
        As in `box_iou`, in corners (x1, y1, x2, y2).

    Returns
    -------
    array, shape (..., N, M)
        The matrix; nothing is padded. It is differentiable for tensors that require grad and for JAX.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.GIoU : 1 minus it, and its paper.

    Notes
    -----
    Where the enclosing box has no area its term is 0; torchvision is NaN there.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.torchvision import generalized_box_iou
    >>> generalized_box_iou(np.asarray([[0.0, 0, 1, 1]]), np.asarray([[1.0, 1, 2, 2]]))
    array([[-0.5]])
    """
    return _matrix(GIOU_SCORE, boxes1, boxes2)


def distance_box_iou(boxes1: ArrayT, boxes2: ArrayT, eps: float = DEFAULT_EPS) -> ArrayT:
    """Compute the DIoU of each box with each other, as ``torchvision.ops.distance_box_iou`` has it.

    Parameters
    ----------
    boxes1, boxes2
        As in `box_iou`, in corners (x1, y1, x2, y2).
    eps : float
        Added to the squared diagonal, not to the union.

    Returns
    -------
    array, shape (..., N, M)
        The matrix. It is differentiable for tensors that require grad and for JAX.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.DIoU : 1 minus it, and its paper.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.torchvision import distance_box_iou
    >>> distance_box_iou(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])).round(4)
    array([[0.0317]])
    """
    return _matrix(with_eps(DIOU_SCORE, eps), boxes1, boxes2)


def complete_box_iou(boxes1: ArrayT, boxes2: ArrayT, eps: float = DEFAULT_EPS) -> ArrayT:
    """Compute the CIoU of each box with each other, as ``torchvision.ops.complete_box_iou`` has it.

    Parameters
    ----------
    boxes1, boxes2
        As in `box_iou`, in corners (x1, y1, x2, y2).
    eps : float
        Added to the squared diagonal and to the denominator of alpha, not to the union.

    Returns
    -------
    array, shape (..., N, M)
        The matrix. It is differentiable for tensors that require grad and for JAX, with a constant alpha.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.CIoU : 1 minus it, and its paper.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.torchvision import complete_box_iou
    >>> complete_box_iou(np.asarray([[1.0, 1, 2, 3]]), np.asarray([[0.0, 0, 4, 4]])).round(6)
    array([[0.115268]])
    """
    return _matrix(with_eps(CIOU_SCORE, eps), boxes1, boxes2)


def _matrix(score: Loss, boxes1: ArrayT, boxes2: ArrayT, fmt: Any = "xyxy") -> ArrayT:
    """Compute the matrix in the type that torchvision returns."""
    one, two = promote(boxes1, boxes2, fmt)
    xp = library(one, two)
    if not any(xp.isdtype(boxes.dtype, "real floating") for boxes in (one, two)):
        wide = cast(ArrayT, score.pairwise(one, two, format=fmt))
        return cast(ArrayT, xp.astype(wide, default_float(xp), copy=False))
    return cast(ArrayT, score.pairwise(one, two, format=fmt))
