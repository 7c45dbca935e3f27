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
from iou_family import (
    ciou_loss,
    ciou_of_constant_alpha,
    diou_loss,
    eiou_loss,
    giou_loss,
    iou,
    summed,
    to_cxcywh,
    to_xywh,
)

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
# Rows whose functions and relations those of others are too. A GPU runs the tests of all; where PTX is executed on the
# host these are one kernel.
MADE_OF_THE_SAME = {
    "l1_xywh", "smooth_l1_beta", "huber_delta", "giou_eps", "siou_theta", "mpdiou", "shape_iou", "piou", "inner_giou",
    "focal_eiou", "scaled_giou",
}  # fmt: skip
