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
import gaussians
import later_family as later

INF = float("inf")
FADED = 1e-3  # where a gradient fades with distance, as an exponential does, it loses digits


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
    gradient_floor: float = 0.0  # components of a gradient that are less than this are compared with it
    continuous_without_area: bool = True  # the value goes to that of a box without area as its area goes to 0
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
    Case("siou", bl.SIoU(), later.siou_loss, high=2.03, scale_invariant=True),
    Case("siou_theta", bl.SIoU(theta=2.5), lambda p, t: later.siou_loss(p, t, 2.5), high=2.27, scale_invariant=True),
    Case(
        "wiou",
        bl.WIoU(),
        later.wiou_loss,
        high=1.000001 * float(np.e),  # exp of a GPU is right to 2 ulp
        scale_invariant=True,
        surrogate=later.wiou_of_constant_diagonal,
    ),
    Case("mpdiou", bl.MPDIoU(image_size=(480, 640)), lambda p, t: later.mpdiou_loss(p, t, 480, 640)),
    Case("shape_iou", bl.ShapeIoU(), later.shape_iou_loss, high=2.17, scale_invariant=True, symmetric=True),
    Case(
        "shape_iou_scale",
        bl.ShapeIoU(scale=1.5, theta=3.0),
        lambda p, t: later.shape_iou_loss(p, t, 1.5, 3.0),
        high=4.0,
        scale_invariant=True,
        continuous_without_area=False,
        symmetric=False,
    ),
    Case(
        "piou",
        bl.PIoU(),
        later.piou_loss,
        high=2.0,
        scale_invariant=True,
        gradient_floor=FADED,
        continuous_without_area=False,
        symmetric=False,
    ),
    Case(
        "piou2",
        bl.PIoU2(),
        lambda p, t: later.attention(p, t).detach() * later.piou_loss(p, t),
        high=1.87,
        scale_invariant=True,
        gradient_floor=FADED,
        continuous_without_area=False,
        symmetric=False,
        surrogate=later.of_constant_gain(bl.PIoU(), later.attention),
    ),
    Case("nwd", bl.NWD(constant=5.0), lambda p, t: later.nwd_loss(p, t, 5.0), high=1.0, gradient_floor=FADED),
    Case(
        "gcd",
        bl.GCD(),
        later.gcd_loss,
        high=1.0,
        scale_invariant=True,
        gradient_floor=FADED,
        continuous_without_area=False,
    ),
    Case("mgiou", bl.MGIoU(), later.mgiou_loss, high=1.0, scale_invariant=True),
    # A side of 0 counts as 2^-20 of the span of both boxes, which is less than a step of finite differences. Next to a
    # match in shape the gradients of smooth ones are differences of rounded sides, and small.
    *(
        Case(
            loss.__class__.__name__.lower(),
            loss,
            reference,
            high=1.0,
            scale_invariant=True,
            gradient_floor=10 * FADED,
            continuous_without_area=False,
            symmetric=not isinstance(loss, bl.KLD),
        )
        for loss, reference in (
            (bl.GWD(), gaussians.gwd_loss),
            (bl.KLD(), gaussians.kld_loss),
            (bl.BCD(), gaussians.bcd_loss),
            (bl.ProbIoU(), gaussians.probiou_loss),
            (bl.KFIoU(), gaussians.kfiou_loss),
        )
    ),
    Case("inner_giou", bl.Inner(bl.GIoU(), ratio=0.7), later.inner(giou_loss, 0.7), high=2.0, scale_invariant=True),
    Case(
        "focaler_inner_siou",
        bl.Focaler(bl.Inner(bl.SIoU(), ratio=1.25), low=0.1, high=0.8),
        lambda p, t: later.focaler(
            later.inner(later.siou_loss, 1.25),
            0.1,
            0.8,
            lambda p, t: iou(later.scaled_boxes(p, 1.25), later.scaled_boxes(t, 1.25)),
        )(p, t),
        high=2.03,
        scale_invariant=True,
    ),
    Case(
        "alpha_giou",
        bl.Alpha(bl.GIoU(), alpha=3.0),
        lambda p, t: 1 - iou(p, t) ** 3 + (giou_loss(p, t) - 1 + iou(p, t)) ** 3,
        high=2.000001,
        scale_invariant=True,
    ),
    Case(
        "focal_eiou",
        bl.Focal(bl.EIoU(), gamma=0.5),
        lambda p, t: iou(p, t).detach() ** 0.5 * eiou_loss(p, t),
        high=3.25,
        scale_invariant=True,
        surrogate=later.of_constant_gain(bl.EIoU(), lambda p, t: later.iou_at(p, t) ** 0.5),
    ),
    Case(
        "wise_diou",
        bl.Wise(bl.DIoU(), mean=0.7),
        lambda p, t: later.wise_gain(p, t, 0.7).detach() * diou_loss(p, t),
        scale_invariant=True,
        surrogate=later.of_constant_gain(bl.DIoU(), lambda p, t: later.gain_of(1 - later.iou_at(p, t), 0.7)),
    ),
    Case(
        "scaled_giou",
        bl.Scaled(bl.GIoU(), ratio=1.5),
        lambda p, t: giou_loss(*(later.scaled_boxes(b, 1.5) for b in (p, t))),
        high=2.0,
        scale_invariant=True,
    ),
    Case(
        "interpolated_diou",
        bl.Interpolated(bl.DIoU(), alpha=0.6),
        later.interpolated(diou_loss, 0.6),
        high=2.0,
        scale_invariant=True,
        symmetric=False,
    ),
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
