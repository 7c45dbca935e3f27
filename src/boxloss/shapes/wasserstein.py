"""The Wasserstein distance of two boxes as Gaussians with covariances of w^2 / 4 and h^2 / 4 along their sides."""

from typing import Any

from boxloss.shapes.guards import inverse
from boxloss.shapes.relative import Relative, RelativeGradient


def wasserstein(xp: Any, r: Relative) -> tuple[Any, RelativeGradient]:
    """The squared Wasserstein distance of a pair, and its derivatives.

    The root of the product of the covariances has 2 K / (q + sqrt(q^2 - K)) for a difference of large numbers.
    """
    x, y, w, h, cos, sin, other_w, other_h = r
    half_w, half_h = 0.5 * (w - other_w), 0.5 * (h - other_h)
    own, other, sin2 = (w - h) * (w + h), (other_w - other_h) * (other_w + other_h), sin * sin
    q, k = w * other_w + h * other_h, sin2 * (own * other)
    mean = xp.sqrt(not_negative(xp, q * q - k))
    per_sum, per_mean = inverse(xp, q + mean), inverse(xp, mean)
    less, twice = 0.5 * k * per_sum, 0.5 * sin2 * per_mean
    by_q = -(less * per_mean)
    value = not_negative(xp, (x * x + y * y) + ((half_w * half_w + half_h * half_h) + less))
    return value, RelativeGradient(
        2.0 * x,
        2.0 * y,
        half_w + by_q * other_w + twice * other * w,
        half_h + by_q * other_h - twice * other * h,
        0.5 * sin * cos * (own * other) * per_mean,
        by_q * w + twice * own * other_w - half_w,
        by_q * h - twice * own * other_h - half_h,
    )


def not_negative(xp: Any, a: Any) -> Any:
    """What is not negative but for rounding; a NaN stays one."""
    return xp.where(a < 0.0, 0.0, a)
