"""Losses of coordinates and the IoU family once more, independently, in torch; and what CIoU is differentiated as."""

from collections.abc import Callable
from typing import Any

import numpy as np

import boxloss as bl

# --- Coordinate losses, from torch.nn.functional --------------------------------------------------------------------


def to_cxcywh(boxes: Any) -> Any:
    """Corners to centre and size, in torch."""
    import torch

    first, second = boxes[..., :2], boxes[..., 2:]
    return torch.cat([(first + second) / 2, second - first], dim=-1)


def to_xywh(boxes: Any) -> Any:
    """Corners to corner and size, in torch."""
    import torch

    return torch.cat([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], dim=-1)


def summed(function: str, encode: Callable[[Any], Any] = lambda boxes: boxes, **options: Any) -> Callable[..., Any]:
    """The sum over coordinates of a function of torch.nn.functional."""

    def reference(pred: Any, target: Any) -> Any:
        from torch.nn import functional

        return getattr(functional, function)(encode(pred), encode(target), reduction="none", **options).sum(-1)

    return reference


# --- The IoU family, from the papers --------------------------------------------------------------------------------


def sides(boxes: Any) -> tuple[Any, Any]:
    """Widths and heights."""
    size = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0)
    return size[..., 0], size[..., 1]


def overlap_and_hull(pred: Any, target: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Intersection, union, and the enclosing box's width, height and area."""
    import torch

    top_left, bottom_right = torch.max(pred[..., :2], target[..., :2]), torch.min(pred[..., 2:], target[..., 2:])
    intersection = (bottom_right - top_left).clamp(min=0).prod(-1)
    (w, h), (wt, ht) = sides(pred), sides(target)
    hull = torch.max(pred[..., 2:], target[..., 2:]) - torch.min(pred[..., :2], target[..., :2])
    return intersection, w * h + wt * ht - intersection, hull[..., 0], hull[..., 1], hull.prod(-1)


def iou(pred: Any, target: Any, eps: float = 0.0) -> Any:
    """IoU."""
    intersection, union, *_ = overlap_and_hull(pred, target)
    return intersection / (union + eps)


def giou_loss(pred: Any, target: Any, eps: float = 0.0) -> Any:
    """Rezatofighi et al. 2019, algorithm 1."""
    _, union, _, _, hull = overlap_and_hull(pred, target)
    return 1 - (iou(pred, target, eps) - (hull - union) / (hull + eps))


def diou_loss(pred: Any, target: Any, eps: float = 0.0) -> Any:
    """Zheng et al. 2020, equation 7."""
    _, _, width, height, _ = overlap_and_hull(pred, target)
    offset = to_cxcywh(pred)[..., :2] - to_cxcywh(target)[..., :2]
    return 1 - iou(pred, target, eps) + offset.square().sum(-1) / (width**2 + height**2 + eps)


def ciou_loss(pred: Any, target: Any, eps: float = 0.0, constant_alpha: bool = True) -> Any:
    """Zheng et al. 2020, equations 8 to 11."""
    import torch

    (w, h), (wt, ht) = sides(pred), sides(target)
    v = 4 / torch.pi**2 * (torch.atan(wt / ht) - torch.atan(w / h)) ** 2
    alpha = v / (1 - iou(pred, target, eps) + v + eps)
    return diou_loss(pred, target, eps) + (alpha.detach() if constant_alpha else alpha) * v


def eiou_loss(pred: Any, target: Any, eps: float = 0.0) -> Any:
    """Zhang et al. 2022, equation 6."""
    _, _, width, height, _ = overlap_and_hull(pred, target)
    (w, h), (wt, ht) = sides(pred), sides(target)
    return diou_loss(pred, target, eps) + (w - wt) ** 2 / (width**2 + eps) + (h - ht) ** 2 / (height**2 + eps)


# --- What CIoU is differentiated as ---------------------------------------------------------------------------------


def aspect_term(pred: Any, target: Any) -> Any:
    """CIoU's v, in NumPy: defined for sides of 0 too."""
    (w, h), (wt, ht) = (np.maximum(np.moveaxis(b[..., 2:] - b[..., :2], -1, 0), 0.0) for b in (pred, target))
    return 4 / np.pi**2 * (np.arctan2(wt, ht) - np.arctan2(w, h)) ** 2


def ciou_of_constant_alpha(pred: Any, target: Any, at_pred: Any, at_target: Any, eps: float = 0.0) -> Any:
    """CIoU with the alpha of a point: what the loss's gradient there is the gradient of."""
    v = aspect_term(at_pred, at_target)
    distance = bl.iou(at_pred, at_target, eps=eps, engine="array")
    alpha = v / np.where(v == 0.0, 1.0, distance + v + eps)
    return bl.diou(pred, target, eps=eps, engine="array") + alpha * aspect_term(pred, target)
