"""Boxes with an angle by their four corners, in formats to convert from and to."""

import math
from typing import Any

from boxloss.shapes.box import Image
from boxloss.shapes.replaceable import larger
from boxloss.shapes.rotated.box import RotatedBox, RotatedGradient, turned, turned_back
from boxloss.shapes.rotated.shape import ROTATED
from boxloss.shapes.shape import Format, Numbers
from boxloss.typing import Namespace, Number

# By so much of the longer side, and of what rounding takes from coordinates, corners may miss those of a rectangle.
TOLERANCE, ROUNDINGS = 1e-3, 16.0


def _decode(xp: Any, numbers: tuple[Any, ...], image: Image) -> RotatedBox:
    """Find the rectangle with these corners, gone round either way; NaN if they are those of none.

    Four points are c -+ u/2 -+ v/2 and all a defect away from that. The longer of the edges u and v tells the angle.
    """
    x, y = numbers[0::2], numbers[1::2]
    u = 0.5 * ((x[1] - x[0]) + (x[2] - x[3])), 0.5 * ((y[1] - y[0]) + (y[2] - y[3]))
    v = 0.5 * ((x[3] - x[0]) + (x[2] - x[1])), 0.5 * ((y[3] - y[0]) + (y[2] - y[1]))
    defect = 0.25 * (xp.abs((x[0] - x[1]) + (x[2] - x[3])) + xp.abs((y[0] - y[1]) + (y[2] - y[3])))

    is_wide = u[0] * u[0] + u[1] * u[1] >= v[0] * v[0] + v[1] * v[1]
    cos, sin = _direction(xp, xp.where(is_wide, u[0], v[1]), xp.where(is_wide, u[1], -v[0]))
    (along_u, across_u), (along_v, across_v) = (turned_back(*edge, cos, sin) for edge in (u, v))
    w, h = xp.abs(along_u), xp.abs(across_v)
    skew = 0.5 * xp.abs(xp.where(is_wide, along_v, across_u))

    farthest = xp.abs(numbers[0])
    for number in numbers[1:]:
        farthest = larger(xp, farthest, xp.abs(number))
    rounding = ROUNDINGS * xp.finfo(numbers[0].dtype).eps * farthest
    is_rectangle = defect + skew <= TOLERANCE * larger(xp, w, h) + rounding
    center = 0.25 * ((x[0] + x[2]) + (x[1] + x[3])), 0.25 * ((y[0] + y[2]) + (y[1] + y[3]))
    return RotatedBox(*(xp.where(is_rectangle, number, math.nan) for number in (*center, w, h, cos, sin)))


def _direction(xp: Namespace, x: Number, y: Number) -> tuple[Number, Number]:
    """Find cosine and sine of the angle of a vector, and those of 0 for none."""
    longest = larger(xp, xp.abs(x), xp.abs(y))
    is_point = longest == 0.0
    longest = xp.where(is_point, 1.0, longest)
    x, y = xp.where(is_point, 1.0, x / longest), y / longest
    length = xp.sqrt(x * x + y * y)
    return x / length, y / length


def _encode(xp: Namespace, b: RotatedBox, image: Image) -> Numbers:
    """List top left, top right, bottom right and bottom left of the box before it is turned."""
    half_w, half_h = 0.5 * b.w, 0.5 * b.h
    corners = (-half_w, -half_h), (half_w, -half_h), (half_w, half_h), (-half_w, half_h)
    vectors = (turned(*corner, b.cos, b.sin) for corner in corners)
    return tuple(number for x, y in vectors for number in (b.x + x, b.y + y))


def _no_pullback(xp: Namespace, numbers: Numbers, d: RotatedGradient, image: Image) -> Numbers:
    raise NotImplementedError("corners are converted first: eight numbers of a box with five have no gradient")


def _decode_relative(xp: Namespace, numbers: Numbers, image: Image) -> RotatedBox:
    """Decode in pixels, which show whether corners are a rectangle."""
    sides = image.width, image.height
    return _decode(xp, tuple(number * sides[k % 2] for k, number in enumerate(numbers)), image)


def _encode_relative(xp: Namespace, b: RotatedBox, image: Image) -> Numbers:
    sides = image.width, image.height
    return tuple(number / sides[k % 2] for k, number in enumerate(_encode(xp, b, image)))


CORNER_FORMATS: dict[str, Format] = {
    "xyxyxyxy": Format(ROTATED, 8, _decode, _no_pullback, _encode),
    "rel_xyxyxyxy": Format(ROTATED, 8, _decode_relative, _no_pullback, _encode_relative, relative=True),
}
