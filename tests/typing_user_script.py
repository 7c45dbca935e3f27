"""A user's script that type checkers read in strict mode, and that runs: the session `types` checks it."""

from dataclasses import dataclass
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import boxloss as bl
from boxloss.losses.coordinate import CoordinateLoss
from boxloss.losses.iou import iou_and_distance
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.shapes.box import Vector
from boxloss.shapes.guards import inverse
from boxloss.shapes.relations import AreaPartials, Areas
from boxloss.typing import Namespace, Number, Truth

Boxes = NDArray[np.float32]

pred: Boxes = np.asarray([[0, 0, 2, 2], [1, 1, 3, 3]], np.float32)
target: Boxes = pred + np.float32(0.5)
weight: NDArray[np.bool_] = np.ones(2, np.bool_)

# Arrays in, arrays of the same type out.
assert_type(bl.ciou(pred, target), Boxes)
assert_type(bl.ciou(pred, target, format=("xyxy", "xywh"), weight=weight, reduction="mean", avg_factor=2), Boxes)
assert_type(bl.iou_score.pairwise(pred, target, out=np.empty((2, 2), np.float32)), Boxes)

# One gradient or two, by `wrt`.
value, grad = bl.giou.value_and_grad(pred, target, weight=0.5, engine="numba")
assert_type(value, Boxes)
assert_type(grad, Boxes)
value, (d_pred, d_target) = bl.giou.value_and_grad(pred, target, wrt="both", reduction="sum")
assert_type(d_pred, Boxes)
assert_type(d_target, Boxes)

# Losses, their parameters and sums.
assert_type(bl.SmoothL1(beta=0.1), bl.SmoothL1)
assert_type(5.0 * bl.L1(coordinates="cxcywh") + 2.0 * bl.GIoU(), bl.WeightedSum)
assert_type(bl.giou + bl.l1, bl.WeightedSum)
assert_type(bl.giou / 2 - bl.nwd, bl.WeightedSum)
assert_type(-bl.iou_score, bl.WeightedSum)
assert_type(bl.CIoU(full_gradient=True).full_gradient, bool)
assert_type(bl.get("ciou"), bl.Loss)
assert_type(bl.losses(), tuple[str, ...])


def lowest(loss: bl.Loss, candidates: Boxes, truth: Boxes) -> float:
    """The lowest loss of any candidate with any true box."""
    return float(np.min(loss.pairwise(candidates, truth)))


print(lowest(bl.diou, pred, target), float(bl.ciou(pred, target, reduction="sum")))

# Indices index.
nearest, index = bl.giou.nearest(pred, target)
assert_type(nearest, Boxes)
print(target[index].shape, pred[bl.nms(pred, np.ones(2))].shape)
survivors, _ = bl.soft_nms(pred, np.ones(2))
print(pred[survivors].shape)
i, j, overlap = bl.iou_score.above(pred, target, 0.5)
print(pred[i].shape, target[j].shape)
assert_type(overlap, Boxes)

# Functions of boxes.
assert_type(bl.convert(pred, "xyxy", "cxcywh"), Boxes)
assert_type(bl.area(pred, format="rel_xyxy", image_size=(480, 640)), Boxes)
assert_type(bl.clip_to_image(pred, (480, 640)), Boxes)
found = bl.validate(pred)
kept: Boxes = pred[found.valid & ~found.inverted]

bl.set_num_threads(bl.get_num_threads())


# Formulas: floats, arrays and what they are computed to are numbers.
def bump(xp: Namespace, a: Number, scale: float = 1.0) -> Number:
    """A bump, and 0 from 1 on."""
    is_inside: Truth = (abs(a) < 1.0) & ~(a != a)
    rest = 1.0 - xp.minimum(a * a, 1.0)
    return xp.where(is_inside, scale * xp.exp(-1.0 / xp.where(is_inside, rest, 1.0)), 0.0)


@dataclass(frozen=True)
class SquaredDistance(OverlapLoss):
    """A function of relations."""

    share: float = 1.0
    relations = ("areas",)

    @staticmethod
    def formula(xp: Namespace, areas: Areas, share: float) -> tuple[Number, tuple[AreaPartials]]:
        """(1 - IoU)^2."""
        _, distance, d = iou_and_distance(xp, areas, 0.0)
        slope = 2.0 * share * distance
        return share * distance**2, (AreaPartials(slope * d.intersection, slope * d.union),)


@dataclass(frozen=True)
class Sized(OverlapLoss):
    """A sum of terms."""

    relations = ("areas", "size_difference", "enclosing_diagonal")

    @staticmethod
    def terms(xp: Namespace, areas: Areas, size: Vector, c2: Number) -> tuple[Term, ...]:
        """1 - IoU and a penalty."""
        _, distance, d_areas = iou_and_distance(xp, areas, 0.0)
        per_c2 = inverse(xp, c2)
        penalty = (size.x * size.x + size.y * size.y) * per_c2
        d_size = Vector(2.0 * per_c2 * size.x, 2.0 * per_c2 * size.y)
        return (distance, (d_areas, None, None)), (penalty, (None, d_size, -penalty * per_c2))


@dataclass(frozen=True)
class Beyond(CoordinateLoss):
    """A function of one coordinate difference."""

    margin: float = 1.0

    @staticmethod
    def formula(xp: Namespace, e: Number, margin: float) -> tuple[Number, Number]:
        """What |e| is beyond the margin."""
        outside = xp.abs(e) > margin
        return xp.where(outside, xp.abs(e) - margin, 0.0), xp.where(outside, xp.sign(e), 0.0)


print((bl.Inner(Sized(), ratio=0.8) + SquaredDistance(share=0.5) + 0.1 * Beyond())(pred, target))

one: Number = 1.0
some: Number = pred


def refused(xp: Namespace, a: Number) -> None:
    """Mistakes: a type checker that did not see one would complain of its comment."""
    xp.tan(a)  # type: ignore[attr-defined]
    xp.where(a, a, 0.0)  # type: ignore[arg-type]
    xp.sqrt(a > 0.0)  # type: ignore[arg-type]
    (a > 0.0) + a  # type: ignore[operator]
    (a > 0.0) & a  # type: ignore[operator]
    a + None  # type: ignore[operator]
    bump(xp, "a")  # type: ignore[arg-type]
    bl.ciou([[0, 0, 1, 1]], pred)  # type: ignore[type-var]
    bl.ciou(pred, target, reduction="average")  # type: ignore[arg-type]
    bl.ciou.pairwise(pred, target, weight=weight)  # type: ignore[call-arg]
