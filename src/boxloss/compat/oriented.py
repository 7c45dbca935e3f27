"""ProbIoU with the conventions of ultralytics: what it adds to denominators and roots, and clamps."""

from dataclasses import dataclass

from boxloss.losses.ciou import FOUR_PER_PI_SQUARED
from boxloss.losses.gaussian import offset_form, spread
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.shapes.relative import Relative, RelativeGradient
from boxloss.shapes.shape import plus, times
from boxloss.typing import Namespace, Number

LARGEST = 100.0  # of the Bhattacharyya distance


def with_floor(xp: Namespace, side: Number, floor: Number) -> tuple[Number, Number]:
    """Compute the side whose variance, the square over 12, is larger by a number; its derivative."""
    longer = xp.sqrt(side * side + 12.0 * floor)
    return longer, side / xp.where(longer > 0.0, longer, 1.0)


def distance(xp: Namespace, pair: Relative, eps: Number) -> tuple[Number, RelativeGradient]:
    """Compute the Bhattacharyya distance with its eps, not yet clamped, and its derivatives.

    Covariances are over 12: a determinant of two is 1/36 of that of their mean in squares of sides.
    """
    x, _, w, h, _, _, other_w, other_h = pair
    found, (form, by_form) = spread(xp, pair), offset_form(pair)
    form, by_form = form / 12.0, times(by_form, 1.0 / 12.0)
    nothing, others = 0.0 * x, other_w * other_h
    by_product = RelativeGradient(nothing, nothing, h * others, w * others, nothing, w * h * other_h, w * h * other_w)
    determinant, root = found.determinant / 36.0, found.product / 36.0 + eps
    by_determinant = times(plus(by_product, times(found.by_determinant, 0.25)), 1.0 / 36.0)
    per_determinant, per_root = 1.0 / (determinant + eps), 1.0 / root
    share = determinant * per_root + eps
    value = 0.25 * form * per_determinant + 0.5 * xp.log(share)
    slope = 0.5 / share
    by_offset = times(by_form, 0.25 * per_determinant)
    by_both = times(by_determinant, slope * per_root - 0.25 * form * per_determinant * per_determinant)
    by_one = times(by_product, -slope * determinant * per_root * per_root / 36.0)
    return value, plus(plus(by_offset, by_both), by_one)


@dataclass(frozen=True)
class ProbabilisticScore(OverlapLoss):
    """1 - sqrt(1 - exp(-B) + eps), less the aspect penalty of CIoU if it is asked for, with a constant alpha."""

    with_aspect: bool = False
    eps: float = 1e-7
    floor: float = 0.0
    is_score = True
    relations = ("relative", "aspect")
    expression = "1 - sqrt(1 - exp(-B) + eps)"
    value_range = "(-1, 1)"

    @staticmethod
    def formula(xp: Namespace, pair: Relative, aspect: Number, with_aspect: bool, eps: float, floor: float) -> Term:
        """Compute the score of a clamped distance."""
        (w, by_w), (h, by_h), (other_w, by_other_w), (other_h, by_other_h) = (
            with_floor(xp, side, floor) for side in (pair.w, pair.h, pair.other_w, pair.other_h)
        )
        found, d = distance(xp, pair._replace(w=w, h=h, other_w=other_w, other_h=other_h), eps)
        is_inside = (found >= eps) & (found <= LARGEST)
        clamped = xp.where(found < eps, eps + 0.0 * found, xp.where(found > LARGEST, LARGEST, found))
        left = xp.exp(-clamped)
        hellinger = xp.sqrt((1.0 - left) + eps)
        score = 1.0 - hellinger
        slope = xp.where(is_inside, -0.5 * left / hellinger, 0.0)
        d = d._replace(w=d.w * by_w, h=d.h * by_h, other_w=d.other_w * by_other_w, other_h=d.other_h * by_other_h)
        if not with_aspect:
            return score, (times(d, slope), None)
        v = FOUR_PER_PI_SQUARED * aspect * aspect
        alpha = v / (v - score + (1.0 + eps))
        return score - v * alpha, (times(d, slope), -2.0 * FOUR_PER_PI_SQUARED * aspect * alpha)
