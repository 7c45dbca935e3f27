"""torchvision's conventions: which eps pads which denominator, and how types promote."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from boxloss.box import Box, scale
from boxloss.check_arrays import array_namespace, check_last_axis, plain_library
from boxloss.engines import select
from boxloss.formula import Formula, formula_of
from boxloss.geometry import AreaPartials, Areas, Vector
from boxloss.loss import Loss
from boxloss.losses import CIoU, DIoU, GIoU
from boxloss.losses.ciou import aspect_penalty
from boxloss.losses.diou import one_minus_diou
from boxloss.losses.overlap import OverlapLoss

FORMATS = ("xyxy", "xywh", "cxcywh")
DEFAULT_EPS = 1e-7

# --- eps ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DIoUOfTwoEps(OverlapLoss):
    """The DIoU loss with an eps for the union and another for the squared diagonal."""

    union_eps: float
    eps: float
    primitives = DIoU.primitives
    expression = DIoU.expression
    value_range = DIoU.value_range

    @staticmethod
    def formula(
        xp: Any, areas: Areas, enclosing: Vector, offset: Vector, union_eps: float, eps: float
    ) -> tuple[Any, tuple[AreaPartials, Vector, Vector]]:
        """1 - IoU + rho^2 / c^2."""
        distance, penalty, partials = one_minus_diou(xp, areas, enclosing, offset, union_eps, eps)
        return distance + penalty, partials


@dataclass(frozen=True)
class CIoUOfThreeEps(OverlapLoss):
    """The CIoU loss with an eps for the union, one for the squared diagonal and one for the denominator of alpha."""

    union_eps: float = DEFAULT_EPS
    diagonal_eps: float = DEFAULT_EPS
    eps: float = DEFAULT_EPS
    primitives = CIoU.primitives
    expression = CIoU.expression
    value_range = CIoU.value_range

    @staticmethod
    def formula(
        xp: Any,
        areas: Areas,
        enclosing: Vector,
        offset: Vector,
        aspect: Any,
        union_eps: float,
        diagonal_eps: float,
        eps: float,
    ) -> tuple[Any, tuple[AreaPartials, Vector, Vector, Any]]:
        """1 - IoU + rho^2 / c^2 + alpha v."""
        distance, penalty, partials = one_minus_diou(xp, areas, enclosing, offset, union_eps, diagonal_eps)
        aspect_value, d_aspect, _ = aspect_penalty(xp, distance, aspect, eps)
        return distance + penalty + aspect_value, partials + (d_aspect,)


@dataclass(frozen=True)
class Score(Loss):
    """1 minus a loss, as one kernel."""

    @property
    @abstractmethod
    def loss(self) -> Loss:
        """The loss."""

    def compose(self) -> Formula:
        """The formula of the loss, taken from 1."""
        evaluate, pull_pred, pull_target, prepare, evaluate_prepared = formula_of(self.loss)

        def one_minus(xp: Any, p: Box, t: Box, weights: Any) -> tuple[Any, Any]:
            value, residual = evaluate(xp, p, t, weights)
            return 1.0 - value, residual

        return Formula(
            one_minus,
            lambda xp, p, t, residual: scale(pull_pred(xp, p, t, residual), -1.0),
            lambda xp, p, t, residual: scale(pull_target(xp, p, t, residual), -1.0),
            prepare,
            lambda xp, p, t, p_number, t_number, w: 1.0 - evaluate_prepared(xp, p, t, p_number, t_number, w),
        )


@dataclass(frozen=True)
class GIoUScore(Score):
    """torchvision pads nothing of it."""

    expression = "I / U - (C - U) / C"
    value_range = "(-1, 1]"

    @property
    def loss(self) -> Loss:
        """The loss."""
        return GIoU()


@dataclass(frozen=True)
class DIoUScore(Score):
    """torchvision pads the diagonal, not the union."""

    eps: float = DEFAULT_EPS
    expression = "I / U - rho^2 / c^2"
    value_range = "(-1, 1]"

    @property
    def loss(self) -> Loss:
        """The loss."""
        return DIoUOfTwoEps(union_eps=0.0, eps=self.eps)


@dataclass(frozen=True)
class CIoUScore(Score):
    """torchvision pads the diagonal and alpha, not the union."""

    eps: float = DEFAULT_EPS
    expression = "I / U - rho^2 / c^2 - alpha v"
    value_range = "(-1.5, 1]"

    @property
    def loss(self) -> Loss:
        """The loss."""
        return CIoUOfThreeEps(union_eps=0.0, diagonal_eps=self.eps, eps=self.eps)


GIOU_LOSS, DIOU_LOSS, CIOU_LOSS = GIoU(eps=DEFAULT_EPS), DIoU(eps=DEFAULT_EPS), CIoUOfThreeEps()
GIOU_SCORE, DIOU_SCORE, CIOU_SCORE = GIoUScore(), DIoUScore(), CIoUScore()


def with_eps(loss: Any, eps: float) -> Loss:
    """One of these with another `eps` than torchvision's own."""
    changed: Loss = loss if eps == DEFAULT_EPS else type(loss)(eps=eps)
    return changed


# --- Types ----------------------------------------------------------------------------------------------------------


def upcast(xp: Any, boxes: Any) -> Any:
    """Half precision as float32 and small integers as int32, so that a product does not overflow."""
    dtype = boxes.dtype
    if xp.isdtype(dtype, "real floating"):
        return xp.astype(boxes, xp.float32) if xp.finfo(dtype).bits < 32 else boxes
    small = xp.isdtype(dtype, "integral") and xp.iinfo(dtype).bits < 32
    return xp.astype(boxes, xp.int32) if small else boxes


def promote(boxes1: Any, boxes2: Any, *, floats: bool = False) -> tuple[Any, Any]:
    """Boxes of two float types in the wider one; with `floats`, integers as float32."""
    xp = _library(boxes1, boxes2)
    check_last_axis("boxes1", boxes1)
    check_last_axis("boxes2", boxes2)
    if boxes1.dtype == boxes2.dtype and boxes1.dtype in (xp.float32, xp.float64):
        return boxes1, boxes2
    both = [upcast(xp, boxes) for boxes in (boxes1, boxes2)]
    if floats:
        both = [xp.astype(b, xp.float32) if xp.isdtype(b.dtype, "integral") else b for b in both]
    if both[0].dtype != both[1].dtype and all(xp.isdtype(b.dtype, "real floating") for b in both):
        both = [xp.astype(b, xp.float64) for b in both]
    return both[0], both[1]


def _library(boxes1: Any, boxes2: Any) -> Any:
    """The array library; torch.compile would warn of the cached functions that find it out."""
    if select.is_traced(boxes1, boxes2):
        from array_api_compat import torch

        return torch
    return plain_library(boxes1, boxes2) or array_namespace(boxes1=boxes1, boxes2=boxes2)
