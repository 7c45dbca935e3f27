"""The conversions of rotated boxes of ``torchvision.ops``: every step by way of ``"xywhr"``, with integers rounded."""

import math
from collections.abc import Callable
from typing import Any

from boxloss.check_arrays import default_float
from boxloss.shapes.box import join, split
from boxloss.shapes.shape import Numbers
from boxloss.typing import Namespace, Number

FORMATS = ("cxcywhr", "xywhr", "xyxyxyxy")


def convert(xp: Any, boxes: Any, in_fmt: str, out_fmt: str) -> Any:
    """Convert boxes to another format."""
    if in_fmt != "xywhr":
        boxes = _step(xp, _TO_CORNER[in_fmt], boxes)
    return boxes if out_fmt == "xywhr" else _step(xp, _FROM_CORNER[out_fmt], boxes)


def _step(xp: Any, step: Callable[[Namespace, Numbers], Numbers], boxes: Any) -> Any:
    if xp.isdtype(boxes.dtype, "real floating"):
        return join(xp, step(xp, split(boxes)))
    found = join(xp, step(xp, split(xp.astype(boxes, default_float(xp)))))
    return xp.astype(xp.round(found), boxes.dtype)


def _cosine_and_sine(xp: Namespace, degrees: Number) -> tuple[Number, Number]:
    angle = degrees * math.pi / 180.0
    return xp.cos(angle), xp.sin(angle)


def _centre_to_corner(xp: Namespace, numbers: Numbers) -> Numbers:
    cx, cy, w, h, r = numbers
    cos, sin = _cosine_and_sine(xp, r)
    return cx - w / 2 * cos - h / 2 * sin, cy - h / 2 * cos + w / 2 * sin, w, h, r


def _corner_to_centre(xp: Namespace, numbers: Numbers) -> Numbers:
    x, y, w, h, r = numbers
    cos, sin = _cosine_and_sine(xp, r)
    return x + w / 2 * cos + h / 2 * sin, y - w / 2 * sin + h / 2 * cos, w, h, r


def _corner_to_corners(xp: Namespace, numbers: Numbers) -> Numbers:
    x, y, w, h, r = numbers
    cos, sin = _cosine_and_sine(xp, r)
    x2, y2 = x + w * cos, y - w * sin
    return x, y, x2, y2, x2 + h * sin, y2 + h * cos, x + h * sin, y + h * cos


def _corners_to_corner(xp: Namespace, numbers: Numbers) -> Numbers:
    """Make the box of its corners, the fourth of which is not looked at."""
    x1, y1, x2, y2, x3, y3, _, _ = numbers
    r = xp.atan2(y1 - y2, x2 - x1) * 180 / math.pi
    w, h = xp.sqrt((x2 - x1) ** 2 + (y1 - y2) ** 2), xp.sqrt((x3 - x2) ** 2 + (y3 - y2) ** 2)
    return x1, y1, w, h, r


_TO_CORNER = {"cxcywhr": _centre_to_corner, "xyxyxyxy": _corners_to_corner}
_FROM_CORNER = {"cxcywhr": _corner_to_centre, "xyxyxyxy": _corner_to_corners}
