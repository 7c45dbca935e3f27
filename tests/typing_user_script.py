"""A user's script that type checkers read in strict mode, and that runs: the session `types` checks it."""

from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import boxloss as bl
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
assert_type(bl.CIoU(full_gradient=True).full_gradient, bool)
assert_type(bl.get("ciou"), bl.Loss)
assert_type(bl.losses(), tuple[str, ...])


def lowest(loss: bl.Loss, candidates: Boxes, truth: Boxes) -> float:
    """The lowest loss of any candidate with any true box."""
    return float(np.min(loss.pairwise(candidates, truth)))


print(lowest(bl.diou, pred, target), float(bl.ciou(pred, target, reduction="sum")))

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
