"""Boxes in files: their formats, and what is made of them to be evaluated."""

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxloss.check import check_choice
from boxloss.conversion import convert
from boxloss.functions import validate
from boxloss.shapes.formats import farthest

AXIS_ALIGNED = MappingProxyType(
    {
        "xyxy": ("x1", "y1", "x2", "y2"),
        "xywh": ("x", "y", "w", "h"),
        "cxcywh": ("cx", "cy", "w", "h"),
        "yxyx": ("y1", "x1", "y2", "x2"),
    }
)
ROTATED = MappingProxyType(
    {
        "cxcywha": ("cx", "cy", "w", "h", "angle"),
        "cxcywhd": ("cx", "cy", "w", "h", "angle"),
        "cxcywhr": ("cx", "cy", "w", "h", "angle"),
        "xywhr": ("x", "y", "w", "h", "angle"),
    }
)
CORNERS = MappingProxyType({"xyxyxyxy": ("x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4")})
# Of each format of a file, the names of the numbers of a box.
NUMBERS: Mapping[str, tuple[str, ...]] = MappingProxyType({**AXIS_ALIGNED, **ROTATED, **CORNERS})
ANGLES = {
    "cxcywha": "radians, clockwise on an image",
    "cxcywhd": "degrees, clockwise on an image",
    "cxcywhr": "degrees, counter-clockwise",
    "xywhr": "degrees, counter-clockwise",
}
COCO, DETECTRON, DOTA = USUAL = "xywh", "cxcywhr", "xyxyxyxy"  # what as many numbers are if nothing is said
WORDS = {4: "four", 5: "five", 8: "eight"}


def check_format(format: str | None) -> None:
    """Check a format of boxes in files, or None."""
    if format is not None:
        check_choice("format", format, NUMBERS)


def usual(size: int) -> str:
    """Find the format of boxes with so many numbers, if nothing is said."""
    return next((name for name in USUAL if len(NUMBERS[name]) == size), COCO)


def usual_of(boxes: Iterable[Any]) -> str:
    """Find the format of boxes as a file has them, if nothing is said: what most of them are, or else four numbers."""
    sizes = Counter(len(box) if isinstance(box, list | dict) else 0 for box in boxes)
    return usual(next((size for size in (5, 8) if 2 * sizes[size] > sizes.total()), 4))


def evaluated(box: NDArray[np.float64], format: str) -> NDArray[np.float64]:
    """Make [x, y, width, height] of boxes, or (cx, cy, width, height, angle in radians) of those with an angle."""
    to = "xywh" if format in AXIS_ALIGNED else "cxcywha"
    if format == to:
        return box
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(convert(box, format, to))


def unreadable(box: NDArray[np.float64], format: str) -> NDArray[np.bool_]:
    """Say which boxes have an angle that is too large for its digits, or corners that are no rectangle."""
    if format in AXIS_ALIGNED:
        return np.zeros(len(box), np.bool_)
    with np.errstate(over="ignore", invalid="ignore"):
        found: NDArray[np.bool_] = np.asarray(validate(box, format=format).unreadable)
    return found


def complaint(format: str) -> str:
    """Say what is wrong with boxes that are `unreadable`."""
    return (
        f"has an angle beyond {limit}" if (limit := farthest(format)) else "is no rectangle; cv2.minAreaRect fits one"
    )


def columns_of(pairs: Any) -> dict[str, Any]:
    """Put the numbers of the boxes `pred` and `target` of pairs, in their `format`, in a column each."""
    return {
        f"{side}_{name}": getattr(pairs, side)[:, place]
        for side in ("pred", "target")
        for place, name in enumerate(NUMBERS[pairs.format])
    }


def described(format: str) -> str:
    """Write the numbers of a format, and what its angle is."""
    names = ", ".join(NUMBERS[format])
    return f"[{names} in {ANGLES[format]}]" if format in ANGLES else f"[{names}]"
