"""torchvision's conventions: which eps pads which denominator, and how types promote."""

from dataclasses import dataclass
from typing import Any

from boxloss.check_arrays import both_as_boxes
from boxloss.compat.arrays import library
from boxloss.losses.ciou import CIoU, aspect_penalty
from boxloss.losses.diou import DIoU, distance_and_penalty
from boxloss.losses.giou import GIoU
from boxloss.losses.loss import Loss
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.shapes.relations import Areas
from boxloss.shapes.shape import Gradient, GradientOf, Pair, Relation, times
from boxloss.typing import Namespace, Number

FORMATS = ("xyxy", "xywh", "cxcywh")
DEFAULT_EPS = 1e-7

# --- eps ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DIoUOfTwoEps(OverlapLoss):
    """The DIoU loss with an eps for the union and another for the squared diagonal."""

    union_eps: float
    eps: float
    relations = DIoU.relations
    expression = DIoU.expression
    value_range = DIoU.value_range

    @staticmethod
    def terms(xp: Namespace, areas: Areas, c2: Number, rho2: Number, union_eps: float, eps: float) -> tuple[Term, ...]:
        """Compute 1 - IoU and rho^2 / c^2."""
        return distance_and_penalty(xp, areas, c2, rho2, union_eps, eps)


@dataclass(frozen=True)
class CIoUOfThreeEps(OverlapLoss):
    """The CIoU loss with an eps for the union, one for the squared diagonal and one for the denominator of alpha."""

    union_eps: float = DEFAULT_EPS
    diagonal_eps: float = DEFAULT_EPS
    eps: float = DEFAULT_EPS
    relations = CIoU.relations
    expression = CIoU.expression
    value_range = CIoU.value_range

    @staticmethod
    def terms(
        xp: Namespace,
        areas: Areas,
        c2: Number,
        rho2: Number,
        aspect: Number,
        union_eps: float,
        diagonal_eps: float,
        eps: float,
    ) -> tuple[Term, ...]:
        """Compute 1 - IoU, rho^2 / c^2 and alpha v."""
        (distance, by_distance), (penalty, by_penalty) = distance_and_penalty(
            xp, areas, c2, rho2, union_eps, diagonal_eps
        )
        aspect_value, d_aspect, _ = aspect_penalty(xp, distance, aspect, eps)
        of_aspect = (aspect_value, (None, None, None, d_aspect))
        return (distance, (*by_distance, None)), (penalty, (*by_penalty, None)), of_aspect


@dataclass(frozen=True)
class Score(Loss):
    """1 minus a loss, as one kernel."""

    loss: Loss
    is_score = True
    value_range = "(-1.5, 1]"

    @property
    def expression(self) -> str:  # type: ignore[override]
        """The formula, from that of the loss."""
        return f"1 - ({self.loss.told})"

    @property
    def relations(self) -> tuple[str | Relation, ...]:  # type: ignore[override]
        """Those of the loss."""
        return self.loss.relations

    def evaluate(self, xp: Namespace, pair: Pair) -> tuple[Number, GradientOf]:
        """Compute the value of the loss, taken from 1."""
        value, gradient = self.loss.evaluate(xp, pair)

        def negated(exchanged: bool) -> Gradient:
            return times(gradient(exchanged), -1.0)

        return 1.0 - value, negated


GIOU_LOSS, DIOU_LOSS, CIOU_LOSS = GIoU(eps=DEFAULT_EPS), DIoU(eps=DEFAULT_EPS), CIoUOfThreeEps()
# torchvision pads nothing of the GIoU, and of the others the diagonal and alpha, not the union.
GIOU_SCORE = Score(GIoU())
DIOU_SCORE = Score(DIoUOfTwoEps(union_eps=0.0, eps=DEFAULT_EPS))
CIOU_SCORE = Score(CIoUOfThreeEps(union_eps=0.0))


def with_eps(loss: Loss, eps: float) -> Loss:
    """Make one of these with another `eps` than torchvision's own."""
    if eps == DEFAULT_EPS:
        return loss
    return Score(CIoUOfThreeEps(0.0, eps, eps)) if loss is CIOU_SCORE else loss.with_eps(eps)


# --- Types ----------------------------------------------------------------------------------------------------------


def upcast(xp: Any, boxes: Any) -> Any:
    """Put half precision in float32 and small integers in int32, so that a product does not overflow."""
    dtype = boxes.dtype
    if xp.isdtype(dtype, "real floating"):
        return xp.astype(boxes, xp.float32) if xp.finfo(dtype).bits < 32 else boxes
    small = xp.isdtype(dtype, "integral") and xp.iinfo(dtype).bits < 32
    return xp.astype(boxes, xp.int32) if small else boxes


def promote(boxes1: Any, boxes2: Any, fmt: str = "xyxy", *, floats: bool = False) -> tuple[Any, Any]:
    """Put boxes of two float types in the wider one; with `floats`, integers in float32."""
    xp = library(boxes1, boxes2)
    boxes1, boxes2 = both_as_boxes(xp, boxes1, boxes2, (fmt, fmt), ("boxes1", "boxes2"))
    if boxes1.dtype == boxes2.dtype and boxes1.dtype in (xp.float32, xp.float64):
        return boxes1, boxes2
    both = [upcast(xp, boxes) for boxes in (boxes1, boxes2)]
    if floats:
        both = [xp.astype(b, xp.float32) if xp.isdtype(b.dtype, "integral") else b for b in both]
    if both[0].dtype != both[1].dtype and all(xp.isdtype(b.dtype, "real floating") for b in both):
        both = [xp.astype(b, xp.float64) for b in both]
    return both[0], both[1]
