"""Losses that mmdet has and the field has under no other name."""

from dataclasses import dataclass

from boxloss.check import check_positive
from boxloss.formulas.evaluation import Evaluation
from boxloss.losses.loss import Loss
from boxloss.losses.overlap import OverlapLoss, Term, over_relations
from boxloss.shapes.box import Box, Vector
from boxloss.shapes.guards import inverse
from boxloss.shapes.relations import Sides, where_larger
from boxloss.shapes.shape import Gradient, Pair
from boxloss.typing import Namespace, Number


def smooth(xp: Namespace, value: Number, point: Number) -> tuple[Number, Number]:
    """Compute the smooth L1 function of a positive number, and its slope."""
    is_small = value < point
    quadratic = value * value * (0.5 / point)
    return xp.where(is_small, quadratic, value - 0.5 * point), xp.where(is_small, value * (1.0 / point), xp.sign(value))


@dataclass(frozen=True)
class ExtendedIoU(OverlapLoss):
    """The smooth L1 function of 1 - I / U, where I falls below 0 as boxes draw apart.

    Peng and Yu, "A Systematic IoU-Related Method: Beyond Simplified Regression for Better Localization", IEEE
    Transactions on Image Processing 2021. With the signed sides i of the intersection, their negative parts m, and the
    distances a and b of the first corners, I is i_w i_h + m_w m_h + 2 a m_h + 2 b m_w.
    """

    smooth_point: float = 0.1
    eps: float = 0.0
    relations = ("sides", "corners", "enclosing_sides")
    expression = "smooth(1 - I / U)"
    value_range = "[0, 1.95)"
    paper = "Peng and Yu 2021"

    def __post_init__(self) -> None:
        check_positive("smooth_point", self.smooth_point)
        super().__post_init__()

    @staticmethod
    def formula(xp: Namespace, sides: Sides, corners: Box, c: Vector, smooth_point: float, eps: float) -> Term:
        """Compute the loss from the sides, the distances of the first corners and those of the enclosing box."""
        reach_w, reach_h = sides.w + sides.other_w - c.x, sides.h + sides.other_h - c.y
        gap_w, gap_h = xp.where(reach_w < 0.0, reach_w, 0.0), xp.where(reach_h < 0.0, reach_h, 0.0)
        a, b = xp.abs(corners.x1), xp.abs(corners.y1)
        intersection = reach_w * reach_h + gap_w * gap_h + 2.0 * (a * gap_h + b * gap_w)
        areas = sides.w * sides.h + sides.other_w * sides.other_h
        per_union = inverse(xp, areas - intersection + eps)
        value, slope = smooth(xp, (areas - 2.0 * intersection + eps) * per_union, smooth_point)
        # Of I / U by the areas, and less that of -I.
        by_area = slope * intersection * per_union * per_union
        by_intersection = -slope * per_union - by_area
        d_w = by_intersection * (reach_h + where_larger(xp, reach_w, 0.0, 0.0, gap_h + 2.0 * b))
        d_h = by_intersection * (reach_w + where_larger(xp, reach_h, 0.0, 0.0, gap_w + 2.0 * a))
        twice = 2.0 * by_intersection
        d_corners = Box(twice * gap_h * xp.sign(corners.x1), twice * gap_w * xp.sign(corners.y1), 0.0, 0.0)
        d_sides = Sides(
            d_w + by_area * sides.h,
            d_h + by_area * sides.w,
            d_w + by_area * sides.other_h,
            d_h + by_area * sides.other_w,
        )
        return value, (d_sides, d_corners, Vector(-d_w, -d_h))


@dataclass(frozen=True)
class BoundedIoU(Loss):
    """A weighted sum over x, y, w and h of the smooth L1 function of 1 - the IoU that each alone allows.

    Tychsen-Smith and Petersson, "Improving Object Localization with Fitness NMS and Bounded IoU Loss", CVPR 2018
    (arXiv:1711.00164). The target counts as constant.
    """

    beta: float = 0.2
    eps: float = 1e-3
    of_x: float = 1.0
    of_y: float = 1.0
    of_w: float = 1.0
    of_h: float = 1.0
    relations = ("center_offset", "sides")
    expression = "sum smooth(1 - bound of the IoU)"
    value_range = "[0, 3.6]"
    paper = "Tychsen-Smith and Petersson 2018"

    def __post_init__(self) -> None:
        check_positive("beta", self.beta)
        super().__post_init__()

    def evaluate(self, xp: Namespace, pair: Pair) -> Evaluation:
        """Compute the four terms, each with its derivative with respect to pred."""
        offset, sides = (pair.quantity(pair.shape.relation(which)) for which in self.relations)
        x, d_x = self._of_offset(xp, offset.x, sides.other_w)
        y, d_y = self._of_offset(xp, offset.y, sides.other_h)
        w, d_w = self._of_side(xp, sides.w, sides.other_w)
        h, d_h = self._of_side(xp, sides.h, sides.other_h)
        value = (self.of_x * x + self.of_y * y) + (self.of_w * w + self.of_h * h)
        partials = Vector(self.of_x * d_x, self.of_y * d_y), Sides(self.of_w * d_w, self.of_h * d_h, 0.0, 0.0)
        found = over_relations(xp, pair, self.relations, (value, partials))
        return Evaluation(value, lambda exchanged: Gradient() if exchanged else found.gradient(False))

    def _of_offset(self, xp: Namespace, offset: Number, side: Number) -> tuple[Number, Number]:
        """Compute 1 - max((W - 2 |dx|) / (W + 2 |dx| + eps), 0)."""
        twice = 2.0 * xp.abs(offset)
        per = inverse(xp, side + twice + self.eps)
        bound = (side - twice) * per
        cost, slope = smooth(xp, 1.0 - xp.where(bound > 0.0, bound, 0.0), self.beta)
        falls = 2.0 * (per + bound * per) * xp.sign(offset)
        return cost, slope * where_larger(xp, bound, 0.0, falls, 0.0)

    def _of_side(self, xp: Namespace, side: Number, other: Number) -> tuple[Number, Number]:
        """Compute 1 - min(W / (w + eps), w / (W + eps))."""
        per_side, per_other = inverse(xp, side + self.eps), inverse(xp, other + self.eps)
        larger, smaller = other * per_side, side * per_other
        cost, slope = smooth(xp, 1.0 - xp.minimum(larger, smaller), self.beta)
        return cost, slope * where_larger(xp, larger, smaller, -per_other, larger * per_side)
