"""Formats of boxes in space: to a box of the ground plane and an interval, and back, with transposed Jacobians.

Sides are along x, y and z, in this order: w along x, l along y, h along z, before the box is turned.
"""

from boxloss.shapes.box import Image
from boxloss.shapes.rotated.box import RotatedBox
from boxloss.shapes.rotated.formats import in_radians, of_radians
from boxloss.shapes.shape import Format, Numbers
from boxloss.shapes.solid.box import Solid, SolidGradient, TurnedSolid
from boxloss.shapes.solid.interval import Interval
from boxloss.shapes.solid.shape import SOLID, TURNED_SOLID
from boxloss.typing import Namespace, Number


def _ends(middle: Number, length: Number) -> Interval:
    """Make an interval from its middle and its length."""
    half = 0.5 * length
    return Interval(middle - half, middle + half)


def _middle(b: Interval) -> Number:
    return 0.5 * (b.z1 + b.z2)


def _by_middle_and_length(d: Interval) -> tuple[Number, Number]:
    return d.z1 + d.z2, 0.5 * (d.z2 - d.z1)


def _decode_corners(xp: Namespace, numbers: Numbers, image: Image) -> Solid:
    return Solid(*numbers)


def _pullback_corners(xp: Namespace, numbers: Numbers, d: SolidGradient, image: Image) -> Numbers:
    return tuple(Solid.of(*d))


def _encode_corners(xp: Namespace, b: Solid, image: Image) -> Numbers:
    return tuple(b)


def _decode_centre(xp: Namespace, numbers: Numbers, image: Image) -> Solid:
    ends = [_ends(*of_axis) for of_axis in zip(numbers[:3], numbers[3:], strict=True)]
    return Solid(*(end.z1 for end in ends), *(end.z2 for end in ends))


def _pullback_centre(xp: Namespace, numbers: Numbers, d: SolidGradient, image: Image) -> Numbers:
    corners = Solid.of(*d)
    by_axis = [_by_middle_and_length(Interval(*of_axis)) for of_axis in zip(corners[:3], corners[3:], strict=True)]
    return (*(middle for middle, _ in by_axis), *(length for _, length in by_axis))


def _encode_centre(xp: Namespace, b: Solid, image: Image) -> Numbers:
    return (*(_middle(Interval(*of_axis)) for of_axis in zip(b[:3], b[3:], strict=True)), *b.sides)


def _decode_turned(xp: Namespace, numbers: Numbers, image: Image) -> TurnedSolid:
    x, y, z, w, length, h, yaw = numbers
    return TurnedSolid.of(RotatedBox(x, y, w, length, *of_radians(xp, yaw)), _ends(z, h))


def _pullback_turned(xp: Namespace, numbers: Numbers, d: SolidGradient, image: Image) -> Numbers:
    (x, y, w, length, yaw), (z, h) = d.ground, _by_middle_and_length(d.height)
    return x, y, z, w, length, h, yaw


def _encode_turned(xp: Namespace, b: TurnedSolid, image: Image) -> Numbers:
    return b.x, b.y, _middle(b.height), *b.sides, in_radians(xp, b.ground)


SOLID_FORMATS: dict[str, Format] = {
    "xyzxyz": Format(SOLID, 6, _decode_corners, _pullback_corners, _encode_corners),
    "cxcyczwlh": Format(SOLID, 6, _decode_centre, _pullback_centre, _encode_centre),
    "cxcyczwlha": Format(TURNED_SOLID, 7, _decode_turned, _pullback_turned, _encode_turned),
}
