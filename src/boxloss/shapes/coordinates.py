"""The numbers of an axis-aligned box, from its corners, and the way back from their derivatives."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from boxloss.shapes.box import Box
from boxloss.shapes.pairs import AlignedPair
from boxloss.shapes.shape import Numbers
from boxloss.typing import Namespace


class Coordinates(NamedTuple):
    """A linear map of the corners.

    Attributes
    ----------
    of
        ``of(box)``: the numbers of a box, or of a difference of two.
    pullback
        ``pullback(d)``: the gradient with respect to the box, from that with respect to the numbers.
    """

    of: Callable[[Box], Numbers]
    pullback: Callable[[Numbers], Box]


def _yxyx(b: Box) -> Numbers:
    return b.y1, b.x1, b.y2, b.x2


def _yxyx_pullback(d: Numbers) -> Box:
    y1, x1, y2, x2 = d
    return Box(x1, y1, x2, y2)


def _xywh(b: Box) -> Numbers:
    return b.x1, b.y1, b.x2 - b.x1, b.y2 - b.y1


def _xywh_pullback(d: Numbers) -> Box:
    x, y, w, h = d
    return Box(x - w, y - h, w, h)


def _cxcywh(b: Box) -> Numbers:
    return 0.5 * (b.x1 + b.x2), 0.5 * (b.y1 + b.y2), b.x2 - b.x1, b.y2 - b.y1


def _cxcywh_pullback(d: Numbers) -> Box:
    x, y, w, h = d
    return Box(0.5 * x - w, 0.5 * y - h, 0.5 * x + w, 0.5 * y + h)


COORDINATES: Mapping[str, Coordinates] = MappingProxyType(
    {
        "xyxy": Coordinates(lambda b: b, lambda d: Box(*d)),
        "xywh": Coordinates(_xywh, _xywh_pullback),
        "cxcywh": Coordinates(_cxcywh, _cxcywh_pullback),
        "yxyx": Coordinates(_yxyx, _yxyx_pullback),
    }
)


def differences(xp: Namespace, pair: AlignedPair, coordinates: str) -> tuple[Numbers, Callable[[Numbers], Box]]:
    """Compute the differences of the coordinates of two boxes as they were given, and find the way back.

    The difference of the corners comes first: coordinates are linear in these, and this way a match is exactly 0.
    """
    (p, t), own = (pair.given, pair.given_other), COORDINATES[coordinates]
    return own.of(Box(p.x1 - t.x1, p.y1 - t.y1, p.x2 - t.x2, p.y2 - t.y2)), own.pullback
