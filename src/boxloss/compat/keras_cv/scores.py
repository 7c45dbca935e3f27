"""The functions of ``keras_cv.bounding_box``, version 0.9, for any array library."""

from boxloss.compat.arrays import library
from boxloss.compat.conventions import KERAS_CV_CIOU
from boxloss.compat.keras import FORMATS, format_of, masked_iou
from boxloss.typing import ArrayT

# Relative boxes are compared as they are.
CV_FORMATS = FORMATS | {"rel_xyxy": "xyxy", "rel_yxyx": "yxyx", "rel_xywh": "xywh"}


def compute_iou(
    boxes1: ArrayT,
    boxes2: ArrayT,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    images: ArrayT | None = None,
    image_shape: tuple[int, ...] | None = None,
) -> ArrayT:
    """Compute the IoU of each box with each other, as ``keras_cv.bounding_box.compute_iou`` has it.

    Parameters
    ----------
    boxes1 : array, shape (..., M, 4)
        Boxes of any array library.
    boxes2 : array, shape (..., N, 4)
        Boxes; leading axes broadcast.
    bounding_box_format : str
        ``"xyxy"``, ``"yxyx"``, ``"xywh"``, ``"center_xywh"``, or ``"rel_xyxy"``, ``"rel_yxyx"`` or
        ``"rel_xywh"``, in letters of any case.
    use_masking : bool
        Whether boxes all of whose corners are negative get `mask_val`.
    mask_val : float
        Their IoU.
    images : array, optional
        Not used: relative boxes are compared as they are.
    image_shape : (height, width, channels), optional
        The size of the image; not used either.

    Returns
    -------
    array, shape (..., M, N)
        The matrix, in the float type of the boxes where keras_cv has float32; differentiable for tensors that require
        grad and for JAX.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.IoUScore : the metric itself.

    Notes
    -----
    1e-7 is added to the union.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.keras_cv import compute_iou
    >>> compute_iou(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[0.0, 0, 2, 4], [3, 3, 4, 4]]), "xyxy").round(6)
    array([[0.5, 0. ]])
    """
    format = format_of(bounding_box_format, CV_FORMATS)
    return masked_iou(boxes1, boxes2, format, None, mask_val if use_masking else None)


def compute_ciou(boxes1: ArrayT, boxes2: ArrayT, bounding_box_format: str) -> ArrayT:
    """Compute the CIoU of each pair of boxes, as ``keras_cv.bounding_box.compute_ciou`` has it.

    Parameters
    ----------
    boxes1, boxes2 : array, shape (..., 4)
        Boxes of any array library; leading axes broadcast.
    bounding_box_format : str
        ``"xyxy"``, ``"yxyx"``, ``"xywh"``, ``"center_xywh"``, or ``"rel_xyxy"``, ``"rel_yxyx"`` or
        ``"rel_xywh"``, in letters of any case.

    Returns
    -------
    array
        Scores of the leading shape, in the float type of the boxes where keras_cv has float32; differentiable for
        tensors that require grad and for JAX, alpha included.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.CIoU : with ``full_gradient=True``, 1 minus it without padding.

    Notes
    -----
    1e-7 is added to the heights, in the areas too, to the squared diagonal and to the denominator of alpha, and twice
    to the union. The factor 4 / pi^2 of v is squared, so that v is 0.405 of what it should be.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.keras_cv import compute_ciou
    >>> compute_ciou(np.asarray([[1.0, 1, 2, 3]]), np.asarray([[0.0, 0, 4, 4]]), "xyxy").round(6)
    array([0.116863])
    """
    format = format_of(bounding_box_format, CV_FORMATS)
    library(boxes1, boxes2)
    return KERAS_CV_CIOU()(boxes1, boxes2, format=format)
