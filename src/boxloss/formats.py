"""Box formats: to corner coordinates and back, each with its transposed Jacobian.

Every format is a linear map of the corners (x1, y1, x2, y2). A gradient comes back in the caller's format by the
transpose of that map, never through a converted copy.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from boxloss.box import Box


class Format(NamedTuple):
    """A box format.

    Each function takes a box or a gradient and the width and height of the image, which only relative formats use.

    Attributes
    ----------
    decode
        From the format to corners.
    decode_pullback
        From a gradient with respect to corners to the gradient with respect to the format.
    encode
        From corners to the format.
    encode_pullback
        From a gradient with respect to the format to the gradient with respect to corners.
    relative
        Whether coordinates are fractions of the image.
    """

    decode: Callable[[Box, Any, Any], Box]
    decode_pullback: Callable[[Box, Any, Any], Box]
    encode: Callable[[Box, Any, Any], Box]
    encode_pullback: Callable[[Box, Any, Any], Box]
    relative: bool = False


def _same(b: Box, width: Any, height: Any) -> Box:
    return b


def _transposed(b: Box, width: Any, height: Any) -> Box:
    return Box(b.y1, b.x1, b.y2, b.x2)


def _decode_xywh(b: Box, width: Any, height: Any) -> Box:
    return Box(b.x1, b.y1, b.x1 + b.x2, b.y1 + b.y2)


def _decode_xywh_pullback(d: Box, width: Any, height: Any) -> Box:
    return Box(d.x1 + d.x2, d.y1 + d.y2, d.x2, d.y2)


def _encode_xywh(b: Box, width: Any, height: Any) -> Box:
    return Box(b.x1, b.y1, b.x2 - b.x1, b.y2 - b.y1)


def _encode_xywh_pullback(d: Box, width: Any, height: Any) -> Box:
    return Box(d.x1 - d.x2, d.y1 - d.y2, d.x2, d.y2)


def _decode_cxcywh(b: Box, width: Any, height: Any) -> Box:
    half_w, half_h = 0.5 * b.x2, 0.5 * b.y2
    return Box(b.x1 - half_w, b.y1 - half_h, b.x1 + half_w, b.y1 + half_h)


def _decode_cxcywh_pullback(d: Box, width: Any, height: Any) -> Box:
    return Box(d.x1 + d.x2, d.y1 + d.y2, 0.5 * (d.x2 - d.x1), 0.5 * (d.y2 - d.y1))


def _encode_cxcywh(b: Box, width: Any, height: Any) -> Box:
    return Box(0.5 * (b.x1 + b.x2), 0.5 * (b.y1 + b.y2), b.x2 - b.x1, b.y2 - b.y1)


def _encode_cxcywh_pullback(d: Box, width: Any, height: Any) -> Box:
    return Box(0.5 * d.x1 - d.x2, 0.5 * d.y1 - d.y2, 0.5 * d.x1 + d.x2, 0.5 * d.y1 + d.y2)


def _times(b: Box, width: Any, height: Any) -> Box:
    return Box(b.x1 * width, b.y1 * height, b.x2 * width, b.y2 * height)


def _per(b: Box, width: Any, height: Any) -> Box:
    return Box(b.x1 / width, b.y1 / height, b.x2 / width, b.y2 / height)


def _relative(absolute: Format) -> Format:
    """The same format with coordinates as fractions of the image: corners are scaled by its size."""
    decode, decode_pullback, encode, encode_pullback, _ = absolute
    return Format(
        lambda b, width, height: _times(decode(b, width, height), width, height),
        lambda d, width, height: decode_pullback(_times(d, width, height), width, height),
        lambda b, width, height: encode(_per(b, width, height), width, height),
        lambda d, width, height: _per(encode_pullback(d, width, height), width, height),
        relative=True,
    )


_ABSOLUTE = {
    "xyxy": Format(_same, _same, _same, _same),
    "xywh": Format(_decode_xywh, _decode_xywh_pullback, _encode_xywh, _encode_xywh_pullback),
    "cxcywh": Format(_decode_cxcywh, _decode_cxcywh_pullback, _encode_cxcywh, _encode_cxcywh_pullback),
    "yxyx": Format(_transposed, _transposed, _transposed, _transposed),
}

FORMATS: dict[str, Format] = _ABSOLUTE | {f"rel_{name}": _relative(f) for name, f in _ABSOLUTE.items()}
