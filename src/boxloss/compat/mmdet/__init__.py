"""The box losses and overlaps of mmdet 3.3, for any array library: another import line is the whole migration."""

from boxloss.compat.mmdet.classes import CIoULoss, DIoULoss, GIoULoss, IoULoss, SIoULoss
from boxloss.compat.mmdet.functions import ciou_loss, diou_loss, giou_loss, iou_loss, siou_loss
from boxloss.compat.mmdet.other_classes import BalancedL1Loss, BoundedIoULoss, EIoULoss
from boxloss.compat.mmdet.others import balanced_l1_loss, bounded_iou_loss, eiou_loss
from boxloss.compat.mmdet.overlaps import bbox_overlaps

__all__ = [
    "BalancedL1Loss",
    "BoundedIoULoss",
    "CIoULoss",
    "DIoULoss",
    "EIoULoss",
    "GIoULoss",
    "IoULoss",
    "SIoULoss",
    "balanced_l1_loss",
    "bbox_overlaps",
    "bounded_iou_loss",
    "ciou_loss",
    "diou_loss",
    "eiou_loss",
    "giou_loss",
    "iou_loss",
    "siou_loss",
]
