"""The box scores of ``ultralytics.utils.metrics``, version 8.4, for any array library."""

from typing import Any, cast

from boxloss.check_arrays import check_last_axis
from boxloss.compat.arrays import column, kind_of_flags, library
from boxloss.compat.conventions import ULTRALYTICS, ULTRALYTICS_CENTRES
from boxloss.compat.oriented import ProbabilisticScore
from boxloss.typing import ArrayT

__all__ = ["batch_probiou", "bbox_iou", "box_iou", "probiou"]


def bbox_iou(
    box1: ArrayT,
    box2: ArrayT,
    xywh: bool = True,
    GIoU: bool = False,
    DIoU: bool = False,
    CIoU: bool = False,
    eps: float = 1e-7,
) -> ArrayT:
    """Compute the IoU, GIoU, DIoU or CIoU of each pair of boxes, as ``ultralytics.utils.metrics`` has it.

    Parameters
    ----------
    box1, box2 : array, shape (..., 4)
        Boxes of any array library; leading axes broadcast.
    xywh : bool
        True for centre, width and height, False for corners (x1, y1, x2, y2).
    GIoU, DIoU, CIoU : bool
        Which score; the last that is True, or the IoU.
    eps : float
        Added to the union, to the area and to the squared diagonal of the enclosing box, to the denominator of alpha,
        and for corners to the heights, in the areas too.

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
    Half precision is computed, and comes back, as float32. A side that is inverted counts as 0; that of ultralytics
    stays negative. At contact the gradient is the mean of both sides.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.ultralytics import bbox_iou
    >>> bbox_iou(np.asarray([[1.0, 1, 2, 3]]), np.asarray([[0.0, 0, 4, 4]]), xywh=False, CIoU=True).round(6)
    array([[0.115268]])
    """
    kind = kind_of_flags(GIoU, DIoU, CIoU)
    convention = (ULTRALYTICS_CENTRES if xywh else ULTRALYTICS)[kind]
    return column(convention("score", eps), box1, box2, "cxcywh" if xywh else "xyxy")


def box_iou(box1: ArrayT, box2: ArrayT, eps: float = 1e-7) -> ArrayT:
    """Compute the IoU of each box with each other, as ``ultralytics.utils.metrics`` has it.

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
        The matrix, of float32; differentiable for tensors that require grad and for JAX.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Notes
    -----
    As there, float64 boxes are computed in float32 too.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.ultralytics import box_iou
    >>> box_iou(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[0.0, 0, 2, 4], [3, 3, 4, 4]])).round(6)
    array([[0.5, 0. ]], dtype=float32)
    """
    xp = library(box1, box2, ("box1", "box2"))
    one, two = (xp.astype(box, xp.float32, copy=False) for box in (box1, box2))
    return cast(ArrayT, ULTRALYTICS_CENTRES["iou"]("score", eps).pairwise(one, two))


def probiou(obb1: ArrayT, obb2: ArrayT, CIoU: bool = False, eps: float = 1e-7, floor: float = 0.0) -> ArrayT:
    """Compute the probabilistic IoU of each pair of rotated boxes, as ``ultralytics.utils.metrics`` has it.

    Parameters
    ----------
    obb1, obb2 : array, shape (..., 5)
        Boxes (x, y, w, h, angle): centre, size and radians from +x towards +y, of any array library.
    CIoU : bool
        Take off the aspect penalty of CIoU, with a constant alpha.
    eps : float
        Added to denominators, to what roots and a logarithm are taken of, and the least distance: a match scores
        0.99955, not 1.
    floor : float
        Added to the variances along the sides.

    Returns
    -------
    array, shape (..., 1)
        Scores; differentiable as those of `boxloss.ProbIoU`.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.ProbIoU : 1 minus it without padding, exactly 0 at a match, and its paper.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.ultralytics import probiou
    >>> probiou(np.asarray([[0.0, 0, 4, 2, 0.0]]), np.asarray([[0.0, 0, 4, 2, 0.5]])).round(5)
    array([[0.75713]])
    """
    library(obb1, obb2, ("obb1", "obb2"))
    for name, boxes in (("obb1", obb1), ("obb2", obb2)):
        check_last_axis(name, boxes, "cxcywha")
    # Theirs reads the aspect of the second box as that of the target.
    values: Any = ProbabilisticScore(CIoU, eps, floor)(obb1, obb2, format="cxcywha")
    return cast(ArrayT, values[..., None])


def batch_probiou(obb1: ArrayT, obb2: ArrayT, eps: float = 1e-7) -> ArrayT:
    """Compute the probabilistic IoU of each box with each other, as ``ultralytics.utils.metrics`` has it.

    Parameters
    ----------
    obb1, obb2 : array, shapes (N, 5) and (M, 5)
        Boxes as `probiou` takes them.
    eps : float
        As there.

    Returns
    -------
    array, shape (N, M)
        The matrix.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.ultralytics import batch_probiou
    >>> batch_probiou(np.asarray([[0.0, 0, 4, 2, 0.0]]), np.asarray([[0.0, 0, 4, 2, 0.5], [1, 0, 4, 2, 0]])).round(2)
    array([[0.76, 0.7 ]])
    """
    return ProbabilisticScore(False, eps).pairwise(obb1, obb2, format="cxcywha")
