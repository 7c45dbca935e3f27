"""The box scores of ``yolov5.utils.metrics``, version 7.0, for any array library."""

from boxloss.compat.arrays import column, kind_of_flags
from boxloss.compat.conventions import ULTRALYTICS_CENTRES, YOLOV5
from boxloss.typing import ArrayT

__all__ = ["bbox_iou", "box_iou"]


def bbox_iou(
    box1: ArrayT,
    box2: ArrayT,
    xywh: bool = True,
    GIoU: bool = False,
    DIoU: bool = False,
    CIoU: bool = False,
    eps: float = 1e-7,
) -> ArrayT:
    """Compute the IoU, GIoU, DIoU or CIoU of each pair of boxes, as ``yolov5.utils.metrics`` has it.

    Parameters
    ----------
    box1, box2 : array, shape (..., 4)
        Boxes of any array library; leading axes broadcast.
    xywh : bool
        True for centre, width and height, False for corners (x1, y1, x2, y2).
    GIoU, DIoU, CIoU : bool
        Which score; the last that is True, or the IoU.
    eps : float
        Added to the union, to the area and to the squared diagonal of the enclosing box and to the denominator of
        alpha; the heights of corners count no less than it.

    Returns
    -------
    array, shape (..., 1)
        Scores; differentiable where `boxloss.CIoU` is, with a constant alpha.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.CIoU : 1 minus it without padding, and its paper.

    Notes
    -----
    Half precision is computed, and comes back, as float32. A width that is inverted counts as 0; that of yolov5 stays
    negative. At contact the gradient is the mean of both sides.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.yolov5 import bbox_iou
    >>> bbox_iou(np.asarray([[1.0, 1, 2, 3]]), np.asarray([[0.0, 0, 4, 4]]), xywh=False, CIoU=True).round(6)
    array([[0.115268]])
    """
    kind = kind_of_flags(GIoU, DIoU, CIoU)
    convention = (ULTRALYTICS_CENTRES if xywh else YOLOV5)[kind]
    return column(convention("score", eps), box1, box2, "cxcywh" if xywh else "xyxy")


def box_iou(box1: ArrayT, box2: ArrayT, eps: float = 1e-7) -> ArrayT:
    """Compute the IoU of each box with each other, as ``yolov5.utils.metrics`` has it.

    Parameters
    ----------
    box1 : array, shape (N, 4)
        Corners (x1, y1, x2, y2) of any array library.
    box2 : array, shape (M, 4)
        Corners.
    eps : float
        Added to the union.

    Returns
    -------
    array, shape (N, M)
        The matrix; differentiable for tensors that require grad and for JAX.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Notes
    -----
    Half precision is computed, and comes back, as float32.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.yolov5 import box_iou
    >>> box_iou(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[0.0, 0, 2, 4], [3, 3, 4, 4]])).round(6)
    array([[0.5, 0. ]])
    """
    return ULTRALYTICS_CENTRES["iou"]("score", eps).pairwise(box1, box2)
