"""The overlaps and the loss class of ``mmyolo.models.losses``, version 0.6, for any array library."""

from typing import Any, Literal, cast

from boxloss.check import REDUCTIONS, check_choice, check_finite
from boxloss.compat.arrays import YOLO_FORMATS, library
from boxloss.compat.conventions import MMYOLO
from boxloss.compat.mmdet.reductions import reduced_values, weight_of_pairs
from boxloss.losses.loss import Loss
from boxloss.typing import Array, ArrayT, Reduction

__all__ = ["IoULoss", "bbox_overlaps"]


def bbox_overlaps(
    pred: ArrayT,
    target: ArrayT,
    iou_mode: Literal["iou", "ciou", "giou", "siou"] = "ciou",
    bbox_format: Literal["xywh", "xyxy"] = "xywh",
    siou_theta: float = 4.0,
    eps: float = 1e-7,
) -> ArrayT:
    """Compute the IoU, CIoU, GIoU or SIoU of each pair of boxes, as ``mmyolo.models.losses.bbox_overlaps`` has it.

    Parameters
    ----------
    pred, target : array, shape (..., 4)
        Boxes of any array library; leading axes broadcast.
    iou_mode : {"iou", "ciou", "giou", "siou"}
        Which.
    bbox_format : {"xywh", "xyxy"}
        Centre, width and height, or corners.
    siou_theta : float
        The power of SIoU's cost of the shape.
    eps : float
        Added to the union, to the area and to the squared diagonal of the enclosing box, to the denominator of alpha,
        to the heights where shapes are compared, and to the offset of the centres of SIoU.

    Returns
    -------
    array
        Scores of the leading shape, clamped to [-1, 1]; differentiable for tensors that require grad and for JAX.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.CIoU, boxloss.GIoU, boxloss.SIoU : 1 minus these without padding, and their papers.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmyolo import bbox_overlaps
    >>> bbox_overlaps(np.asarray([[1.0, 1, 2, 3]]), np.asarray([[0.0, 0, 4, 4]]), bbox_format="xyxy").round(6)
    array([0.115268])
    """
    check_choice("iou_mode", iou_mode, MMYOLO)
    return score(iou_mode, siou_theta, eps)(
        pred, target, format=YOLO_FORMATS[check_choice("bbox_format", bbox_format, YOLO_FORMATS)]
    )


def score(iou_mode: str, siou_theta: float, eps: float) -> Loss:
    """Make the profile of `bbox_overlaps`."""
    convention = MMYOLO[iou_mode]
    return convention("score", eps) if siou_theta == 4.0 else convention.made("score", eps, theta=siou_theta)


class IoULoss:
    """1 minus `bbox_overlaps`, as ``mmyolo.models.losses.IoULoss`` has it.

    Parameters
    ----------
    iou_mode : {"ciou", "siou", "giou"}
        Which.
    bbox_format : {"xywh", "xyxy"}
        Centre, width and height, or corners.
    eps : float
        As in `bbox_overlaps`.
    reduction : {"none", "mean", "sum"}
        What becomes of the weighted values, unless a call overrides it. The mean of nothing is 0; that of mmyolo
        is NaN.
    loss_weight : float
        A factor of the result.
    return_iou : bool
        Whether a call returns the scores too.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmyolo import IoULoss
    >>> loss, iou = IoULoss(bbox_format="xyxy")(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]]))
    >>> loss.round(4), iou.round(4)
    (np.float64(0.9683), array([0.0317]))
    """

    def __init__(
        self,
        iou_mode: Literal["ciou", "siou", "giou"] = "ciou",
        bbox_format: Literal["xywh", "xyxy"] = "xywh",
        eps: float = 1e-7,
        reduction: Reduction = "mean",
        loss_weight: float = 1.0,
        return_iou: bool = True,
    ) -> None:
        check_choice("iou_mode", iou_mode, ("ciou", "siou", "giou"))
        check_choice("bbox_format", bbox_format, YOLO_FORMATS)
        check_choice("reduction", reduction, REDUCTIONS)
        self.iou_mode, self.bbox_format, self.eps, self.reduction = iou_mode, bbox_format, eps, reduction
        self.loss_weight, self.return_iou = check_finite("loss_weight", loss_weight), return_iou
        self._score = score(iou_mode, 4.0, eps)

    def __call__(
        self,
        pred: ArrayT,
        target: ArrayT,
        weight: Array | None = None,
        avg_factor: float | None = None,
        reduction_override: Reduction | None = None,
    ) -> Any:
        """Compute the loss of boxes with a weight of shape (N,) or (N, 4), and their scores if these are asked for."""
        iou: Any = self._score(pred, target, format=YOLO_FORMATS[self.bbox_format])
        xp = library(pred, target, ("pred", "target"))
        reduction = reduction_override or self.reduction
        loss = self.loss_weight * reduced_values(xp, 1.0 - iou, weight_of_pairs(weight), reduction, avg_factor)
        return (loss, cast(ArrayT, iou)) if self.return_iou else loss
