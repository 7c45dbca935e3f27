"""Bounding-box regression losses with closed-form gradients, on any array library, at memory speed."""

import time

from boxloss.boxes import area, clip_to_image, convert, validate
from boxloss.engines.threads import get_num_threads, set_num_threads
from boxloss.loss import Loss
from boxloss.losses import (
    L1,
    L2,
    CIoU,
    DIoU,
    EIoU,
    GIoU,
    Huber,
    IoU,
    IoUScore,
    LogIoU,
    SmoothL1,
    SquaredIoU,
    WeightedSum,
    ciou,
    diou,
    eiou,
    get,
    giou,
    huber,
    iou,
    iou_score,
    l1,
    l2,
    log_iou,
    losses,
    smooth_l1,
    squared_iou,
)

__version__ = "0.1.0"
_imported_at = time.time()  # source changed later is not what this process runs

__all__ = [
    "L1",
    "L2",
    "CIoU",
    "DIoU",
    "EIoU",
    "GIoU",
    "Huber",
    "IoU",
    "IoUScore",
    "LogIoU",
    "Loss",
    "SmoothL1",
    "SquaredIoU",
    "WeightedSum",
    "area",
    "ciou",
    "clip_to_image",
    "convert",
    "diou",
    "eiou",
    "get",
    "get_num_threads",
    "giou",
    "huber",
    "iou",
    "iou_score",
    "l1",
    "l2",
    "log_iou",
    "losses",
    "set_num_threads",
    "smooth_l1",
    "squared_iou",
    "validate",
]
