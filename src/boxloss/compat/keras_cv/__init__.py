"""The functions of ``keras_cv.bounding_box`` and the box losses of ``keras_cv.losses``, version 0.9."""

from boxloss.compat.keras_cv.losses import CIoULoss, GIoULoss, IoULoss, SmoothL1Loss
from boxloss.compat.keras_cv.scores import compute_ciou, compute_iou

__all__ = ["CIoULoss", "GIoULoss", "IoULoss", "SmoothL1Loss", "compute_ciou", "compute_iou"]
