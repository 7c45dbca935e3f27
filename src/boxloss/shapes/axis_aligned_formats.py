"""Formats of axis-aligned boxes: to corner coordinates and back, each with its transposed Jacobian.

Every format is a linear map of the corners (x1, y1, x2, y2). A gradient comes back in the caller's format by the
transpose of that map, never through a converted copy.
"""

from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.shapes.box import Box, Image
from boxloss.shapes.coordinates import COORDINATES
from boxloss.shapes.shape import Decode, Format, Numbers, Pullback
from boxloss.typing import Namespace


def _decode_xyxy(xp: Namespace, numbers: Numbers, image: Image) -> Box:
    return Box(*numbers)


def _pullback_xyxy(xp: Namespace, numbers: Numbers, d: Box, image: Image) -> Numbers:
    return d


def _decode_yxyx(xp: Namespace, numbers: Numbers, image: Image) -> Box:
    y1, x1, y2, x2 = numbers
    return Box(x1, y1, x2, y2)


def _pullback_yxyx(xp: Namespace, numbers: Numbers, d: Box, image: Image) -> Numbers:
    return d.y1, d.x1, d.y2, d.x2


def _decode_xywh(xp: Namespace, numbers: Numbers, image: Image) -> Box:
    x, y, w, h = numbers
    return Box(x, y, x + w, y + h)


def _pullback_xywh(xp: Namespace, numbers: Numbers, d: Box, image: Image) -> Numbers:
    return d.x1 + d.x2, d.y1 + d.y2, d.x2, d.y2


def _decode_cxcywh(xp: Namespace, numbers: Numbers, image: Image) -> Box:
    x, y, w, h = numbers
    half_w, half_h = 0.5 * w, 0.5 * h
    return Box(x - half_w, y - half_h, x + half_w, y + half_h)


def _pullback_cxcywh(xp: Namespace, numbers: Numbers, d: Box, image: Image) -> Numbers:
    return d.x1 + d.x2, d.y1 + d.y2, 0.5 * (d.x2 - d.x1), 0.5 * (d.y2 - d.y1)


def _to_pixels(b: Box, image: Image) -> Box:
    return Box(b.x1 * image.width, b.y1 * image.height, b.x2 * image.width, b.y2 * image.height)


def _to_fractions(b: Box, image: Image) -> Box:
    return Box(b.x1 / image.width, b.y1 / image.height, b.x2 / image.width, b.y2 / image.height)


def _absolute(name: str, decode: Decode, pullback: Pullback) -> Format:
    encode = COORDINATES[name].of
    return Format(AXIS_ALIGNED, 4, decode, pullback, lambda xp, b, image: encode(b))


def _relative(absolute: Format) -> Format:
    """Make the same format with coordinates as fractions of the image: corners are scaled by its size."""
    shape, size, decode, pullback, encode, *_ = absolute
    return Format(
        shape,
        size,
        lambda xp, numbers, image: _to_pixels(decode(xp, numbers, image), image),
        lambda xp, numbers, d, image: pullback(xp, numbers, _to_pixels(d, image), image),
        lambda xp, b, image: encode(xp, _to_fractions(b, image), image),
        relative=True,
    )


_ABSOLUTE = {
    "xyxy": _absolute("xyxy", _decode_xyxy, _pullback_xyxy),
    "xywh": _absolute("xywh", _decode_xywh, _pullback_xywh),
    "cxcywh": _absolute("cxcywh", _decode_cxcywh, _pullback_cxcywh),
    "yxyx": _absolute("yxyx", _decode_yxyx, _pullback_yxyx),
}

AXIS_ALIGNED_FORMATS: dict[str, Format] = _ABSOLUTE | {f"rel_{name}": _relative(f) for name, f in _ABSOLUTE.items()}
