"""The table of losses: every generic test runs every row.

A row names a loss, states what holds of it, and writes its formula again, independently of the package, in torch.
The formulas are those of the papers, without guards: they are meant for boxes with an area. This module imports
without torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import boxloss as bl

INF = float("inf")


@dataclass(frozen=True)
class Case:
    """A loss and what the generic tests need to know of it."""

    name: str
    loss: bl.Loss
    # reference(pred, target) -> (N,): the formula in torch, with a constant detached where the loss holds it constant.
    reference: Callable[[Any, Any], Any]
    low: float = 0.0
    high: float = INF
    has_minimum_zero: bool = True  # the value of a match is exactly 0
    scale_invariant: bool = False  # a power of two times both boxes leaves the value as it is
    symmetric: bool = True  # pred and target exchanged leave the value as it is, but for rounding
    # A loss whose gradient is not that of its value: surrogate(pred, target, at_pred, at_target) is, at the point
    # (at_pred, at_target), the function that it is the gradient of.
    surrogate: Callable[[Any, Any, Any, Any], Any] | None = None

    @property
    def has_true_gradient(self) -> bool:
        """Whether the gradient is that of the value."""
        return self.surrogate is None

    def differentiated(self, pred: Any, target: Any, at_pred: Any, at_target: Any) -> Any:
        """The function whose gradient the loss returns at a point."""
        if self.surrogate is None:
            return self.loss(pred, target, engine="array")
        return self.surrogate(pred, target, at_pred, at_target)


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


# --- The table ------------------------------------------------------------------------------------------------------

EPS = 1e-7  # in the rows whose formulas hold every denominator that eps pads
PADDED = {"has_minimum_zero": False}  # eps / (union + eps) is left at a match

CASES = (
    Case("l1", bl.L1(), summed("l1_loss")),
    Case("l1_xywh", bl.L1(coordinates="xywh"), summed("l1_loss", to_xywh)),
    Case("l1_cxcywh", bl.L1(coordinates="cxcywh"), summed("l1_loss", to_cxcywh)),
    Case("smooth_l1", bl.SmoothL1(), summed("smooth_l1_loss")),
    Case("smooth_l1_beta", bl.SmoothL1(beta=0.3), summed("smooth_l1_loss", beta=0.3)),
    Case("huber", bl.Huber(), summed("huber_loss")),
    Case("huber_delta", bl.Huber(delta=2.0), summed("huber_loss", delta=2.0)),
    Case("l2", bl.L2(), summed("mse_loss")),
    Case("iou", bl.IoU(), lambda p, t: 1 - iou(p, t), high=1.0, scale_invariant=True),
    Case(
        "log_iou",
        bl.LogIoU(),
        lambda p, t: -iou(p, t).clamp(min=1e-6).log(),
        high=float(-np.log(1e-6)),
        scale_invariant=True,
    ),
    Case("squared_iou", bl.SquaredIoU(), lambda p, t: 1 - iou(p, t) ** 2, high=1.0, scale_invariant=True),
    Case("giou", bl.GIoU(), giou_loss, high=2.0, scale_invariant=True),
    Case("giou_eps", bl.GIoU(eps=EPS), lambda p, t: giou_loss(p, t, EPS), high=2.0, **PADDED),
    Case("diou", bl.DIoU(), diou_loss, high=2.0, scale_invariant=True),
    Case("ciou", bl.CIoU(), ciou_loss, high=2.5, scale_invariant=True, surrogate=ciou_of_constant_alpha),
    Case(
        "ciou_full",
        bl.CIoU(full_gradient=True),
        lambda p, t: ciou_loss(p, t, constant_alpha=False),
        high=2.5,
        scale_invariant=True,
    ),
    Case(
        "ciou_eps",
        bl.CIoU(eps=EPS),
        lambda p, t: ciou_loss(p, t, EPS),
        high=2.5,
        surrogate=lambda p, t, p0, t0: ciou_of_constant_alpha(p, t, p0, t0, EPS),
        **PADDED,
    ),
    Case("eiou", bl.EIoU(), eiou_loss, high=3.25, scale_invariant=True),
    Case("eiou_eps", bl.EIoU(eps=EPS), lambda p, t: eiou_loss(p, t, EPS), high=3.25, **PADDED),
    Case("iou_score", bl.IoUScore(), iou, high=1.0, scale_invariant=True, has_minimum_zero=False),
    Case(
        "detr",
        5.0 * bl.L1(coordinates="cxcywh") + 2.0 * bl.GIoU(),
        lambda p, t: 5 * summed("l1_loss", to_cxcywh)(p, t) + 2 * giou_loss(p, t),
    ),
    Case(
        "three_terms",
        0.5 * bl.SmoothL1() + bl.SquaredIoU() + 3.0 * bl.CIoU(),
        lambda p, t: 0.5 * summed("smooth_l1_loss")(p, t) + (1 - iou(p, t) ** 2) + 3 * ciou_loss(p, t),
        surrogate=lambda p, t, p0, t0: (
            0.5 * bl.smooth_l1(p, t, engine="array")
            + bl.squared_iou(p, t, engine="array")
            + 3.0 * ciou_of_constant_alpha(p, t, p0, t0)
        ),
    ),
)
BY_NAME = {case.name: case for case in CASES}
