"""The box loss of ``yolov6.utils.figure_iou``, for any array library."""

from typing import Any, cast

from boxloss.check import REDUCTIONS, check_choice
from boxloss.compat.arrays import YOLO_FORMATS
from boxloss.compat.conventions import YOLOV6
from boxloss.typing import ArrayT, Reduction

__all__ = ["IOUloss"]


class IOUloss:
    """The IoU, GIoU, DIoU, CIoU or SIoU loss of each pair of boxes, as ``yolov6.utils.figure_iou.IOUloss`` has it.

    Parameters
    ----------
    box_format : {"xywh", "xyxy"}
        Centre, width and height, or corners.
    iou_type : {"ciou", "diou", "giou", "siou", "iou"}
        Which, in letters of any case.
    reduction : {"none", "mean", "sum"}
        What becomes of the values. The mean of nothing is 0.
    eps : float
        Added to the union, to the heights, in the areas too, to the area and to the squared diagonal of the enclosing
        box, to the denominator of alpha, and to the offset of the centres of SIoU.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.SIoU : the loss without padding, and its paper.

    Notes
    -----
    Called with two arrays of as many boxes it returns a column, shape (N, 1); a single box beside N others gives (N,).
    The eps of the offset of SIoU makes it depend on which way the boxes lie.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.yolov6 import IOUloss
    >>> loss = IOUloss(box_format="xyxy", iou_type="siou")
    >>> loss(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])).round(4)
    array([[0.9623]])
    """

    def __init__(
        self, box_format: str = "xywh", iou_type: str = "ciou", reduction: Reduction = "none", eps: float = 1e-7
    ) -> None:
        check_choice("box_format", box_format, YOLO_FORMATS)
        check_choice("iou_type", iou_type.lower(), YOLOV6)
        check_choice("reduction", reduction, REDUCTIONS)
        self.box_format, self.iou_type, self.reduction, self.eps = box_format, iou_type.lower(), reduction, eps
        self._loss = YOLOV6[self.iou_type]("linear", eps)

    def __call__(self, box1: ArrayT, box2: ArrayT) -> ArrayT:
        """Compute the loss of boxes ``box1``, shape (N, 4) or (4,), and ``box2``, shape (N, 4)."""
        values: Any = self._loss(box1, box2, format=YOLO_FORMATS[self.box_format], reduction=self.reduction)
        is_column = self.reduction == "none" and box1.shape[0] == box2.shape[0]
        return cast(ArrayT, values[..., None] if is_column else values)
