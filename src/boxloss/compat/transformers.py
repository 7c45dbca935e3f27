"""The box functions of transformers' losses of the DETR family, for any array library."""

import math
from typing import Any

from boxloss.check_arrays import array_namespace, check_boxes
from boxloss.compat import torchvision
from boxloss.functions import area
from boxloss.typing import ArrayT

__all__ = ["box_iou", "generalized_box_iou"]


def box_iou(boxes1: ArrayT, boxes2: ArrayT) -> tuple[ArrayT, ArrayT]:
    """Compute the IoU and the union of each box with each other, as ``transformers.loss`` has them.

    Parameters
    ----------
    boxes1 : array, shape (..., N, 4)
        Corners (x1, y1, x2, y2) of a real type. Half precision counts as float32, integers as the library's default
        float type, and of two float types the wider one is taken.
    boxes2 : array, shape (..., M, 4)
        Corners; axes before the last two broadcast, which those of transformers do not.

    Returns
    -------
    iou : array, shape (..., N, M)
        The matrix; nothing is padded. It is differentiable for tensors that require grad and for JAX.
    union : array, shape (..., N, M)
        The areas of the unions, of the same type; that of transformers is an integer for integer boxes.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.compat.torchvision.box_iou : the first of the two.

    Notes
    -----
    Two boxes without area have an IoU of 1 if they are equal and 0 otherwise; that of transformers is NaN. A side that
    is inverted counts as 0; transformers multiplies by the negative length.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.transformers import box_iou
    >>> iou, union = box_iou(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[0.0, 0, 2, 4], [3, 3, 4, 4]]))
    >>> iou, union
    (array([[0.5, 0. ]]), array([[8., 5.]]))
    """
    iou = torchvision.box_iou(boxes1, boxes2)
    return iou, _union(boxes1, boxes2, iou)


def generalized_box_iou(boxes1: ArrayT, boxes2: ArrayT) -> ArrayT:
    """Compute the GIoU of each box with each other, as ``transformers.loss`` has it.

    Parameters
    ----------
    boxes1, boxes2
        As in `box_iou`.

    Returns
    -------
    array, shape (..., N, M)
        The matrix; nothing is padded. It is differentiable for tensors that require grad and for JAX.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.
    ValueError
        If a box is inverted or holds a NaN, as there. The check looks at the numbers, so ``jax.jit`` cannot trace it.

    See Also
    --------
    boxloss.compat.torchvision.generalized_box_iou : the same without the check.
    boxloss.GIoU : 1 minus it, and its paper.

    Notes
    -----
    Where the enclosing box has no area its term is 0; that of transformers is NaN there.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.transformers import generalized_box_iou
    >>> generalized_box_iou(np.asarray([[0.0, 0, 1, 1]]), np.asarray([[1.0, 1, 2, 2]]))
    array([[-0.5]])
    """
    matrix = torchvision.generalized_box_iou(boxes1, boxes2)
    _check_corners("boxes1", boxes1)
    _check_corners("boxes2", boxes2)
    return matrix


def _union(boxes1: Any, boxes2: Any, iou: Any) -> Any:
    """Compute U from the IoU without a second matrix: the sum of both areas is I + U."""
    xp = array_namespace(iou=iou)
    area1, area2 = (area(xp.astype(boxes, iou.dtype, copy=False)) for boxes in (boxes1, boxes2))
    return (area1[..., :, None] + area2[..., None, :]) / (1.0 + iou)


def _check_corners(name: str, boxes: Any) -> None:
    """Check that no box is inverted; a NaN fails the comparison too."""
    xp, boxes = check_boxes(boxes, name=name)
    bad = xp.any(~(boxes[..., 2:] >= boxes[..., :2]), axis=-1)
    if xp.any(bad):
        count = int(xp.sum(xp.astype(bad, xp.int64)))
        raise ValueError(
            f"{name} must be corners with x1 <= x2 and y1 <= y2; got {count} of {math.prod(bad.shape)} that are "
            "inverted or NaN"
        )
