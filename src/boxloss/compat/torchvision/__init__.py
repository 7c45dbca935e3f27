"""The box functions of ``torchvision.ops``, for any array library: another import line is the whole migration."""

from boxloss.compat.torchvision.boxes import box_area, box_convert, clip_boxes_to_image, remove_small_boxes
from boxloss.compat.torchvision.losses import complete_box_iou_loss, distance_box_iou_loss, generalized_box_iou_loss
from boxloss.compat.torchvision.scores import box_iou, complete_box_iou, distance_box_iou, generalized_box_iou
from boxloss.compat.torchvision.suppression import batched_nms, nms

__all__ = [
    "batched_nms",
    "box_area",
    "box_convert",
    "box_iou",
    "clip_boxes_to_image",
    "complete_box_iou",
    "complete_box_iou_loss",
    "distance_box_iou",
    "distance_box_iou_loss",
    "generalized_box_iou",
    "generalized_box_iou_loss",
    "nms",
    "remove_small_boxes",
]
