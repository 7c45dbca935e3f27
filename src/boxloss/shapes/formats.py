"""Formats of axis-aligned boxes: to corner coordinates and back, each with its transposed Jacobian.

Every format is a linear map of the corners (x1, y1, x2, y2). A gradient comes back in the caller's format by the
transpose of that map, never through a converted copy.
"""

from typing import Any

from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.shapes.box import Box, Image
from boxloss.shapes.shape import Format

Numbers = tuple[Any, ...]


def _as_box(xp: Any, numbers: Numbers, image: Image) -> Box:
    return Box(*numbers)


def _as_it_is(xp: Any, box: Box, image: Image) -> Numbers:
    return box


def _box_of_numbers(xp: Any, d: Numbers, image: Image) -> Box:
    return Box(*d)


def _gradient_as_it_is(xp: Any, numbers: Numbers, d: Box, image: Image) -> Numbers:
    return d


def _decode_yxyx(xp: Any, numbers: Numbers, image: Image) -> Box:
    y1, x1, y2, x2 = numbers
    return Box(x1, y1, x2, y2)


def _pullback_yxyx(xp: Any, numbers: Numbers, d: Box, image: Image) -> Numbers:
    return d.y1, d.x1, d.y2, d.x2


def _encode_yxyx(xp: Any, b: Box, image: Image) -> Numbers:
    return b.y1, b.x1, b.y2, b.x2


def _encode_yxyx_pullback(xp: Any, d: Numbers, image: Image) -> Box:
    return _decode_yxyx(xp, d, image)


def _decode_xywh(xp: Any, numbers: Numbers, image: Image) -> Box:
    x, y, w, h = numbers
    return Box(x, y, x + w, y + h)


def _pullback_xywh(xp: Any, numbers: Numbers, d: Box, image: Image) -> Numbers:
    return d.x1 + d.x2, d.y1 + d.y2, d.x2, d.y2


def _encode_xywh(xp: Any, b: Box, image: Image) -> Numbers:
    return b.x1, b.y1, b.x2 - b.x1, b.y2 - b.y1


def _encode_xywh_pullback(xp: Any, d: Numbers, image: Image) -> Box:
    x, y, w, h = d
    return Box(x - w, y - h, w, h)


def _decode_cxcywh(xp: Any, numbers: Numbers, image: Image) -> Box:
    x, y, w, h = numbers
    half_w, half_h = 0.5 * w, 0.5 * h
    return Box(x - half_w, y - half_h, x + half_w, y + half_h)


def _pullback_cxcywh(xp: Any, numbers: Numbers, d: Box, image: Image) -> Numbers:
    return d.x1 + d.x2, d.y1 + d.y2, 0.5 * (d.x2 - d.x1), 0.5 * (d.y2 - d.y1)


def _encode_cxcywh(xp: Any, b: Box, image: Image) -> Numbers:
    return 0.5 * (b.x1 + b.x2), 0.5 * (b.y1 + b.y2), b.x2 - b.x1, b.y2 - b.y1


def _encode_cxcywh_pullback(xp: Any, d: Numbers, image: Image) -> Box:
    x, y, w, h = d
    return Box(0.5 * x - w, 0.5 * y - h, 0.5 * x + w, 0.5 * y + h)


def _to_pixels(b: Box, image: Image) -> Box:
    return Box(b.x1 * image.width, b.y1 * image.height, b.x2 * image.width, b.y2 * image.height)


def _to_fractions(b: Box, image: Image) -> Box:
    return Box(b.x1 / image.width, b.y1 / image.height, b.x2 / image.width, b.y2 / image.height)


def _relative(absolute: Format) -> Format:
    """The same format with coordinates as fractions of the image: corners are scaled by its size."""
    _, decode, pullback, encode, encode_pullback, _ = absolute
    return Format(
        AXIS_ALIGNED,
        lambda xp, numbers, image: _to_pixels(decode(xp, numbers, image), image),
        lambda xp, numbers, d, image: pullback(xp, numbers, _to_pixels(d, image), image),
        lambda xp, b, image: encode(xp, _to_fractions(b, image), image),
        lambda xp, d, image: _to_fractions(encode_pullback(xp, d, image), image),
        relative=True,
    )


_ABSOLUTE = {
    "xyxy": Format(AXIS_ALIGNED, _as_box, _gradient_as_it_is, _as_it_is, _box_of_numbers),
    "xywh": Format(AXIS_ALIGNED, _decode_xywh, _pullback_xywh, _encode_xywh, _encode_xywh_pullback),
    "cxcywh": Format(AXIS_ALIGNED, _decode_cxcywh, _pullback_cxcywh, _encode_cxcywh, _encode_cxcywh_pullback),
    "yxyx": Format(AXIS_ALIGNED, _decode_yxyx, _pullback_yxyx, _encode_yxyx, _encode_yxyx_pullback),
}

FORMATS: dict[str, Format] = _ABSOLUTE | {f"rel_{name}": _relative(f) for name, f in _ABSOLUTE.items()}
