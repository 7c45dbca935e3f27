"""The functions of ``keras.utils.bounding_boxes``, version 3, for any array library."""

from typing import Any, cast

from boxloss.check import check_choice
from boxloss.compat.arrays import library
from boxloss.compat.conventions import KERAS_CIOU, KERAS_IOU
from boxloss.conversion import convert
from boxloss.typing import ArrayT

__all__ = ["compute_ciou", "compute_iou"]

FORMATS = {"xyxy": "xyxy", "yxyx": "yxyx", "xywh": "xywh", "center_xywh": "cxcywh"}
RELATIVE = {f"rel_{name}": f"rel_{format}" for name, format in FORMATS.items()}


def format_of(bounding_box_format: str, formats: dict[str, str]) -> str:
    """Find the format by its name there, in letters of any case."""
    return formats[check_choice("bounding_box_format", str(bounding_box_format).lower(), formats)]


def compute_iou(
    boxes1: ArrayT,
    boxes2: ArrayT,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: tuple[int, ...] | None = None,
) -> ArrayT:
    """Compute the IoU of each box with each other, as ``keras.utils.bounding_boxes.compute_iou`` has it.

    Parameters
    ----------
    boxes1 : array, shape (..., M, 4)
        Boxes of any array library.
    boxes2 : array, shape (..., N, 4)
        Boxes; leading axes broadcast.
    bounding_box_format : str
        ``"xyxy"``, ``"yxyx"``, ``"xywh"``, ``"center_xywh"``, or one of these
        with ``"rel_"`` before it, in letters of any case.
    use_masking : bool
        Whether boxes all of whose corners are negative get `mask_val`.
    mask_val : float
        Their IoU.
    image_shape : (height, width, channels), optional
        The size of the image, which relative formats need.

    Returns
    -------
    array, shape (..., M, N)
        The matrix, in the float type of the boxes where keras has float32; differentiable for tensors that require grad
        and for JAX.

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
    >>> from boxloss.compat.keras import compute_iou
    >>> compute_iou(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[0.0, 0, 2, 4], [3, 3, 4, 4]]), "xyxy").round(6)
    array([[0.5, 0. ]])
    """
    format = format_of(bounding_box_format, FORMATS | RELATIVE)
    size = (image_shape[0], image_shape[1]) if image_shape else None
    return masked_iou(boxes1, boxes2, format, size, mask_val if use_masking else None)


def masked_iou(
    boxes1: ArrayT, boxes2: ArrayT, format: str, image_size: tuple[float, float] | None, mask_val: float | None
) -> ArrayT:
    """Compute the matrix of the IoU, with another number for boxes all of whose corners are negative."""
    xp = library(boxes1, boxes2)
    corners1, corners2 = (convert(boxes, format, "xyxy", image_size=image_size) for boxes in (boxes1, boxes2))
    iou: Any = KERAS_IOU().pairwise(corners1, corners2)
    if mask_val is None:
        return cast(ArrayT, iou)
    one, two = (xp.max(boxes, axis=-1) < 0.0 for boxes in (corners1, corners2))
    return cast(ArrayT, xp.where(one[..., :, None] | two[..., None, :], xp.full_like(iou, mask_val), iou))


def compute_ciou(
    boxes1: ArrayT, boxes2: ArrayT, bounding_box_format: str, image_shape: tuple[int, ...] | None = None
) -> ArrayT:
    """Compute the CIoU of each pair of boxes, as ``keras.utils.bounding_boxes.compute_ciou`` has it.

    Parameters
    ----------
    boxes1, boxes2 : array, shape (..., 4)
        Boxes of any array library; leading axes broadcast.
    bounding_box_format : str
        ``"xyxy"``, ``"yxyx"``, ``"xywh"`` or ``"center_xywh"``, in letters of any case.
    image_shape : (height, width, channels), optional
        Not used: as there, no format is relative.

    Returns
    -------
    array
        Scores of the leading shape, in the float type of the boxes where keras has float32; differentiable for tensors
        that require grad and for JAX, alpha included.

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
    to the union.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.keras import compute_ciou
    >>> compute_ciou(np.asarray([[1.0, 1, 2, 3]]), np.asarray([[0.0, 0, 4, 4]]), "xyxy").round(6)
    array([0.115268])
    """
    format = format_of(bounding_box_format, FORMATS)
    library(boxes1, boxes2)
    return KERAS_CIOU()(boxes1, boxes2, format=format)
