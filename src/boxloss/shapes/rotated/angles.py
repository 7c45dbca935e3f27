"""The many numbers of one rectangle, and the one of them that a convention of the field takes."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from boxloss.shapes.rotated.formats import FARTHEST_DEGREES, FARTHEST_RADIANS, near
from boxloss.shapes.shape import Numbers
from boxloss.typing import Namespace, Number


class Range(NamedTuple):
    """Where angles are.

    Attributes
    ----------
    start
        Its lower end, in quarter turns.
    longer_first
        Whether the width is the longer side. Then angles go over half a turn, else over a quarter.
    open_start
        Whether the upper end belongs to it instead of the lower one.
    """

    start: float
    longer_first: bool
    open_start: bool = False


RANGES: Mapping[str, Range] = MappingProxyType(
    {
        "le90": Range(-1.0, longer_first=True),
        "le135": Range(-0.5, longer_first=True),
        "oc": Range(0.0, longer_first=False, open_start=True),
        "old_oc": Range(-1.0, longer_first=False),
    }
)


def in_range(xp: Any, numbers: Numbers, per_radian: float, wanted: Range) -> Numbers:
    """Make the same rectangle, given as (x, y, w, h, angle) about its centre, with its angle in a range."""
    x, y, w, h, angle = numbers
    quarter = 0.5 * math.pi * abs(per_radian)
    angle = _within_a_turn(xp, angle, quarter)
    is_turned = w < h if wanted.longer_first else xp.zeros_like(w, dtype=xp.bool)
    angle = xp.where(is_turned, angle + quarter, angle)

    period = 2.0 * quarter if wanted.longer_first else quarter
    start, end = wanted.start * quarter, wanted.start * quarter + period
    periods = xp.ceil((angle - end) / period) if wanted.open_start else xp.floor((angle - start) / period)
    angle = angle - period * periods
    angle = xp.where(angle < start, start, angle)  # what rounding may make of an end
    angle = xp.where(angle > end, end, angle) if wanted.open_start else xp.where(angle >= end, start, angle)
    if not wanted.longer_first:
        is_turned = periods - 2.0 * xp.floor(0.5 * periods) != 0.0
    return x, y, xp.where(is_turned, h, w), xp.where(is_turned, w, h), angle


def _within_a_turn(xp: Namespace, angle: Number, quarter: float) -> Number:
    """Bring an angle within half a turn of 0, with the digits of what it was; NaN for a huge one."""
    if quarter == 90.0:
        angle = near(xp, angle, FARTHEST_DEGREES)
        return angle - 360.0 * xp.round(angle * (1.0 / 360.0))
    angle = near(xp, angle, FARTHEST_RADIANS)
    return xp.where(xp.abs(angle) <= math.pi, angle, xp.atan2(xp.sin(angle), xp.cos(angle)))
