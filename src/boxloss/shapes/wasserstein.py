"""The Wasserstein distance of two boxes as Gaussians with covariances of w^2 / 4 and h^2 / 4 along their sides."""

from boxloss.shapes.guards import inverse, not_negative
from boxloss.shapes.relative import Relative, RelativeGradient
from boxloss.shapes.replaceable import replaceable
from boxloss.typing import Namespace, Number


@replaceable
def wasserstein(xp: Namespace, r: Relative) -> tuple[Number, RelativeGradient]:
    """Compute the squared Wasserstein distance of a pair, and its derivatives.

    The root of the product of the covariances has K / (2 (q + sqrt(q^2 - K))) for a difference of large numbers.
    Products of four sides are taken in units of all of them: in float32 those of 1e10 would be infinite.
    """
    x, y, w, h, cos, sin, other_w, other_h = r
    half_w, half_h = 0.5 * (w - other_w), 0.5 * (h - other_h)
    size = (w + h) + (other_w + other_h)
    unit = inverse(xp, size)
    a, b, c, d = w * unit, h * unit, other_w * unit, other_h * unit
    own, other, sin2 = (a - b) * (a + b), (c - d) * (c + d), sin * sin
    q, k = a * c + b * d, sin2 * (own * other)
    mean = xp.sqrt(not_negative(xp, q * q - k))
    per_sum, per_mean = inverse(xp, q + mean), inverse(xp, mean)
    less, twice = 0.5 * k * per_sum, 0.5 * sin2 * per_mean
    by_q, area = -(less * per_mean), size * size
    value = not_negative(xp, (x * x + y * y) + ((half_w * half_w + half_h * half_h) + less * area))
    return value, RelativeGradient(
        2.0 * x,
        2.0 * y,
        half_w + size * (by_q * c + twice * other * a),
        half_h + size * (by_q * d - twice * other * b),
        area * (0.5 * sin * cos * (own * other) * per_mean),
        size * (by_q * a + twice * own * c) - half_w,
        size * (by_q * b - twice * own * d) - half_h,
    )
