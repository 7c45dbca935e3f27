"""Boxes as Gaussians: what the losses of their distances share.

A box is the Gaussian with its centre as mean and a covariance along its sides, w^2 / k and h^2 / k. All is in the frame
of the target, in units of the span of both boxes: a side counts as `SHORTEST_SHARE` of that at least, so that a box
without area has a distance that is finite.
"""

from typing import NamedTuple

from boxloss.check import check_choice, check_not_negative
from boxloss.shapes.guards import not_negative
from boxloss.shapes.relative import Relative, RelativeGradient
from boxloss.shapes.replaceable import replaceable
from boxloss.shapes.shape import plus, times
from boxloss.typing import Namespace, Number, Truth

SHORTEST_SHARE = 2.0**-20
SHORTEST_SPAN = 2.0**-100  # what spans less counts as one point
FUNCTIONS = ("log1p", "sqrt", "none")


class Normalised(NamedTuple):
    """A pair in units of its span, and the way back from derivatives.

    Attributes
    ----------
    pair
        The numbers.
    unit
        1 over the span.
    is_short
        For each side, w, h and those of the target, whether it counts as the shortest share of the span.
    sign_x, sign_y
        Which way the span grows with the offset.
    """

    pair: Relative
    unit: Number
    is_short: tuple[Truth, ...]
    sign_x: Number
    sign_y: Number

    def gradient(self, xp: Namespace, d: RelativeGradient) -> RelativeGradient:
        """Compute the derivatives with respect to the pair as it was; a short side grows with the span."""
        given = (d.w, d.h, d.other_w, d.other_h)
        of_short = [xp.where(short, side, 0.0) for short, side in zip(self.is_short, given, strict=True)]
        by_span = SHORTEST_SHARE * ((of_short[0] + of_short[1]) + (of_short[2] + of_short[3]))
        w, h, other_w, other_h = (
            (xp.where(short, 0.0, side) + by_span) * self.unit for short, side in zip(self.is_short, given, strict=True)
        )
        x, y = (d.x + by_span * self.sign_x) * self.unit, (d.y + by_span * self.sign_y) * self.unit
        return RelativeGradient(x, y, w, h, d.angle, other_w, other_h)


def normalised(xp: Namespace, r: Relative) -> Normalised:
    """Express a pair in units of its span."""
    span = xp.abs(r.x) + xp.abs(r.y) + ((r.w + r.h) + (r.other_w + r.other_h))
    unit = 1.0 / xp.where(span < SHORTEST_SPAN, 1.0, span)
    sides = tuple(side * unit for side in (r.w, r.h, r.other_w, r.other_h))
    is_short = tuple(side < SHORTEST_SHARE for side in sides)
    w, h, other_w, other_h = (
        xp.where(short, SHORTEST_SHARE, side) for short, side in zip(is_short, sides, strict=True)
    )
    pair = Relative(r.x * unit, r.y * unit, w, h, r.cos, r.sin, other_w, other_h)
    return Normalised(pair, unit, is_short, xp.sign(r.x), xp.sign(r.y))


def per_sides(pair: Relative, own: Number, other: Number) -> RelativeGradient:
    """Compute the derivatives of own (ln w + ln h) + other (ln W + ln H)."""
    return RelativeGradient(
        0.0 * pair.x,
        0.0 * pair.y,
        own / pair.w,
        own / pair.h,
        0.0 * pair.x,
        other / pair.other_w,
        other / pair.other_h,
    )


def exact_difference(xp: Namespace, a: Number, b: Number, one: Number, other: Number) -> Number:
    """Compute a difference a - b of positive products that is one + other too, by the way that loses less.

    From the differences of sides near a match; from the products where those sums would cancel, as for thin boxes that
    cross. The bits are the same if the boxes are exchanged.
    """
    return xp.where(a + b < xp.abs(one) + xp.abs(other), a - b, one + other)


class Spread(NamedTuple):
    """How much wider the mean of two covariances is than both.

    Attributes
    ----------
    product
        w h W H.
    excess
        det((S + T) / 2) / sqrt(det S det T) - 1, for the covariances S and T: 0 at a match, exactly.
    determinant
        product (1 + excess).
    by_determinant
        The derivatives of 4 (determinant - product).
    difference
        w h - W H.
    """

    product: Number
    excess: Number
    determinant: Number
    by_determinant: RelativeGradient
    difference: Number


def spread(xp: Namespace, pair: Relative) -> Spread:
    """Compute it without a difference of large numbers."""
    _, _, w, h, cos, sin, other_w, other_h = pair
    area, other_area = w * h, other_w * other_h
    wider, higher = 0.5 * ((w - other_w) * (h + other_h)), 0.5 * ((h - other_h) * (w + other_w))
    areas = exact_difference(xp, area, other_area, wider, higher)
    crossed = exact_difference(xp, w * other_h, other_w * h, wider, -higher)
    own, other, sin2 = (w - h) * (w + h), (other_w - other_h) * (other_w + other_h), sin * sin
    product = area * other_area
    four_times = not_negative(xp, areas * areas + crossed * crossed + sin2 * own * other)
    excess = four_times / (4.0 * product)
    nothing = 0.0 * areas
    by_determinant = RelativeGradient(
        nothing,
        nothing,
        2.0 * (areas * h + crossed * other_h + sin2 * other * w),
        2.0 * (areas * w - crossed * other_w - sin2 * other * h),
        2.0 * sin * cos * own * other,
        2.0 * (sin2 * own * other_w - areas * other_h - crossed * h),
        2.0 * (crossed * w - areas * other_w - sin2 * own * other_h),
    )
    return Spread(product, excess, product + 0.25 * four_times, by_determinant, areas)


def offset_form(pair: Relative) -> tuple[Number, RelativeGradient]:
    """Compute the offset in the adjugate of the sum of both covariances, and its derivatives.

    A sum of squares: it is not negative, whatever is rounded.
    """
    x, y, w, h, cos, sin, other_w, other_h = pair
    along, across = cos * x + sin * y, sin * x - cos * y
    by_w, by_h, by_other_w, by_other_h = w * across, h * along, other_w * y, other_h * x
    value = (by_w * by_w + by_h * by_h) + (by_other_w * by_other_w + by_other_h * by_other_h)
    return value, RelativeGradient(
        2.0 * (w * sin * by_w + h * cos * by_h + other_h * by_other_h),
        2.0 * (h * sin * by_h - w * cos * by_w + other_w * by_other_w),
        2.0 * (by_w * across),
        2.0 * (by_h * along),
        2.0 * ((w - h) * (w + h) * along * across),
        2.0 * (by_other_w * y),
        2.0 * (by_other_h * x),
    )


@replaceable
def bhattacharyya(xp: Namespace, pair: Relative, k: Number) -> tuple[Number, RelativeGradient]:
    """Compute the Bhattacharyya distance of Gaussians with covariances over k, and its derivatives."""
    found, (form, by_offset) = spread(xp, pair), offset_form(pair)
    per_determinant = 1.0 / found.determinant
    mahalanobis = 0.5 * form * per_determinant
    value = (0.125 * k) * mahalanobis + 0.5 * xp.log1p(found.excess)
    b = 0.125 * per_determinant * (1.0 - (0.25 * k) * mahalanobis)
    e = -(0.125 * k) * mahalanobis * found.product * per_determinant - 0.5 * found.excess / (1.0 + found.excess)
    by_offset = times(by_offset, (0.0625 * k) * per_determinant)
    return value, plus(plus(by_offset, times(found.by_determinant, b)), per_sides(pair, e, e))


def root(xp: Namespace, square: Number) -> tuple[Number, Number]:
    """Compute the square root and its slope; 0 at 0, where it has none."""
    value = xp.sqrt(square)
    return value, xp.where(value > 0.0, 0.5 / xp.where(value > 0.0, value, 1.0), 0.0 * value)


def post_map(xp: Namespace, distance: Number, fun: str, tau: Number) -> tuple[Number, Number]:
    """Map a distance so that it does not grow beyond 1, and find the slope: 1 - 1 / (tau + f), or f if tau is 0."""
    value, slope = distance, 0.0 * distance + 1.0
    if fun == "log1p":
        value, slope = xp.log1p(distance), 1.0 / (1.0 + distance)
    elif fun == "sqrt":
        value, slope = root(xp, distance)
    per = 1.0 / xp.where(tau + value > 0.0, tau + value, 1.0)
    is_bounded = tau + 0.0 * value > 0.0
    return xp.where(is_bounded, ((tau - 1.0) + value) * per, value), xp.where(is_bounded, slope * per * per, slope)


def check_map(fun: str, tau: float) -> None:
    """Check the name of a function, and a tau of at least 1 or 0."""
    check_choice("fun", fun, FUNCTIONS)
    if 0.0 < check_not_negative("tau", tau) < 1.0:
        raise ValueError(f"tau must be 0, for the function itself, or at least 1; got {tau!r}")


def range_of(tau: float) -> str:
    """Write the range of a function of a distance that goes through the map."""
    return f"[{1.0 - 1.0 / tau:g}, 1)" if tau else "[0, inf)"
