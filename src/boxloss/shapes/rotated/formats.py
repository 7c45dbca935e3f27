"""Formats of boxes with an angle: to centre, sides, cosine and sine, and back, each with its transposed Jacobian."""

import math

from boxloss.shapes.box import Image
from boxloss.shapes.rotated.box import RotatedBox, RotatedGradient, turned
from boxloss.shapes.rotated.shape import ROTATED
from boxloss.shapes.shape import Format, Numbers
from boxloss.typing import Namespace, Number

DEGREES, RADIANS = 180.0 / math.pi, math.pi / 180.0  # of a radian and of a degree
# So many quarter turns may be taken off an angle before it lacks digits.
FARTHEST_RADIANS, FARTHEST_DEGREES = 1e6, 90.0 * 2.0**18


def near(xp: Namespace, angle: Number, limit: float) -> Number:
    """Return an angle within the limit, NaN for one beyond."""
    return xp.where(xp.abs(angle) <= limit, angle, math.nan)


def of_radians(xp: Namespace, angle: Number) -> tuple[Number, Number]:
    """Compute cosine and sine."""
    angle = near(xp, angle, FARTHEST_RADIANS)
    return xp.cos(angle), xp.sin(angle)


def of_degrees(xp: Namespace, angle: Number) -> tuple[Number, Number]:
    """Compute cosine and sine, exactly 0 and 1 at quarter turns."""
    angle = near(xp, angle, FARTHEST_DEGREES)
    turns = xp.round(angle * (1.0 / 90.0))
    rest = (angle - 90.0 * turns) * RADIANS
    cos, sin = xp.cos(rest), xp.sin(rest)
    turns = turns - 4.0 * xp.round(0.25 * turns)
    is_odd, is_negative = xp.abs(turns) == 1.0, xp.abs(turns) == 2.0
    cos, sin = xp.where(is_odd, -sin, cos), xp.where(is_odd, cos, sin)
    is_negative = is_negative | (turns == -1.0)
    return xp.where(is_negative, -cos, cos), xp.where(is_negative, -sin, sin)


def in_radians(xp: Namespace, b: RotatedBox) -> Number:
    """Compute the angle of a box, from -pi to pi."""
    return xp.atan2(b.sin, b.cos)


def in_degrees(xp: Namespace, b: RotatedBox) -> Number:
    """Compute the angle in degrees, from -180 to 180: the product is 90 or 180 at quarter turns in every library."""
    return in_radians(xp, b) * DEGREES


# --- Centre, sides and an angle from +x towards +y ------------------------------------------------------------------


def _decode_radians(xp: Namespace, numbers: Numbers, image: Image) -> RotatedBox:
    x, y, w, h, angle = numbers
    return RotatedBox(x, y, w, h, *of_radians(xp, angle))


def _pullback_radians(xp: Namespace, numbers: Numbers, d: RotatedGradient, image: Image) -> Numbers:
    return d


def _encode_radians(xp: Namespace, b: RotatedBox, image: Image) -> Numbers:
    return b.x, b.y, b.w, b.h, in_radians(xp, b)


def _decode_degrees(xp: Namespace, numbers: Numbers, image: Image) -> RotatedBox:
    x, y, w, h, angle = numbers
    return RotatedBox(x, y, w, h, *of_degrees(xp, angle))


def _pullback_degrees(xp: Namespace, numbers: Numbers, d: RotatedGradient, image: Image) -> Numbers:
    return d.x, d.y, d.w, d.h, d.angle * RADIANS


def _encode_degrees(xp: Namespace, b: RotatedBox, image: Image) -> Numbers:
    return b.x, b.y, b.w, b.h, in_degrees(xp, b)


# --- torchvision's: degrees from +x towards -y, counter-clockwise on an image -----------------------------------------


def _decode_cxcywhr(xp: Namespace, numbers: Numbers, image: Image) -> RotatedBox:
    x, y, w, h, angle = numbers
    return _decode_degrees(xp, (x, y, w, h, -angle), image)


def _pullback_cxcywhr(xp: Namespace, numbers: Numbers, d: RotatedGradient, image: Image) -> Numbers:
    return d.x, d.y, d.w, d.h, -(d.angle * RADIANS)


def _encode_cxcywhr(xp: Namespace, b: RotatedBox, image: Image) -> Numbers:
    x, y, w, h, angle = _encode_degrees(xp, b, image)
    return x, y, w, h, -angle


def _decode_xywhr(xp: Namespace, numbers: Numbers, image: Image) -> RotatedBox:
    """Decode from the corner that is the top left one before the box is turned."""
    b = _decode_cxcywhr(xp, numbers, image)
    x, y = turned(0.5 * b.w, 0.5 * b.h, b.cos, b.sin)
    return b._replace(x=b.x + x, y=b.y + y)


def _pullback_xywhr(xp: Namespace, numbers: Numbers, d: RotatedGradient, image: Image) -> Numbers:
    b = _decode_cxcywhr(xp, numbers, image)
    x, y = turned(0.5 * b.w, 0.5 * b.h, b.cos, b.sin)
    d_w, d_h = 0.5 * (d.x * b.cos + d.y * b.sin), 0.5 * (d.y * b.cos - d.x * b.sin)
    d_angle = d.angle + (d.y * x - d.x * y)
    return d.x, d.y, d.w + d_w, d.h + d_h, -(d_angle * RADIANS)


def _encode_xywhr(xp: Namespace, b: RotatedBox, image: Image) -> Numbers:
    x, y = turned(0.5 * b.w, 0.5 * b.h, b.cos, b.sin)
    return _encode_cxcywhr(xp, b._replace(x=b.x - x, y=b.y - y), image)


# --- Fractions of an image ------------------------------------------------------------------------------------------


def _relative(absolute: Format) -> Format:
    """Make the same format with lengths as fractions of the sides of an image, which is square.

    Fractions of different sides would make a parallelogram of a rectangle.
    """

    def scaled(numbers: Numbers, factor: Number) -> Numbers:
        *lengths, angle = numbers
        return (*(length * factor for length in lengths), angle)

    def decode(xp: Namespace, numbers: Numbers, image: Image) -> RotatedBox:
        box: RotatedBox = absolute.decode(xp, scaled(numbers, image.width), image)
        return box

    def pullback(xp: Namespace, numbers: Numbers, d: RotatedGradient, image: Image) -> Numbers:
        return scaled(absolute.pullback(xp, scaled(numbers, image.width), d, image), image.width)

    def encode(xp: Namespace, b: RotatedBox, image: Image) -> Numbers:
        *lengths, angle = absolute.encode(xp, b, image)
        return (*(length / image.width for length in lengths), angle)

    return absolute._replace(decode=decode, pullback=pullback, encode=encode, relative=True)


_ABSOLUTE = {
    "cxcywha": Format(ROTATED, 5, _decode_radians, _pullback_radians, _encode_radians, per_radian=1.0),
    "cxcywhd": Format(ROTATED, 5, _decode_degrees, _pullback_degrees, _encode_degrees, per_radian=DEGREES),
    "cxcywhr": Format(ROTATED, 5, _decode_cxcywhr, _pullback_cxcywhr, _encode_cxcywhr, per_radian=-DEGREES),
    "xywhr": Format(ROTATED, 5, _decode_xywhr, _pullback_xywhr, _encode_xywhr, per_radian=-DEGREES),
}
ROTATED_FORMATS: dict[str, Format] = _ABSOLUTE | {f"rel_{name}": _relative(f) for name, f in _ABSOLUTE.items()}
