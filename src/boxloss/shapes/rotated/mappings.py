"""Pairs of boxes with an angle made of a pair; see `boxloss.shapes.mappings`."""

from boxloss.shapes.guards import with_guards
from boxloss.shapes.mapped import Mapped, back_from_between, back_from_each
from boxloss.shapes.rotated.box import RotatedBox, RotatedGradient, turned
from boxloss.shapes.rotated.differences import angle_between
from boxloss.shapes.rotated.pair import RotatedPair
from boxloss.typing import Number


def scaled(pair: RotatedPair, ratio: Number) -> Mapped:
    """Scale both boxes about their own centres."""

    def scale(b: RotatedBox) -> RotatedBox:
        return b._replace(w=ratio * b.w, h=ratio * b.h)

    def unscale(d: RotatedGradient) -> RotatedGradient:
        return d._replace(w=ratio * d.w, h=ratio * d.h)

    return Mapped(pair.of_upright(with_guards(pair.xp), scale(pair.box), scale(pair.other)), back_from_each(unscale))


def interpolated(pair: RotatedPair, alpha: Number) -> Mapped:
    """Move the first box towards the other by the share alpha of the way, and turn it by the shorter way."""
    xp, box, other, rest = pair.xp, pair.box, pair.other, 1.0 - alpha
    angle = rest * angle_between(xp, pair.relative)
    cos, sin = turned(xp.cos(angle), xp.sin(angle), other.cos, other.sin)
    between = RotatedBox(
        rest * (box.x - other.x),
        rest * (box.y - other.y),
        other.w + rest * (box.w - other.w),
        other.h + rest * (box.h - other.h),
        cos,
        sin,
    )
    nothing = 0.0 * other.w

    return Mapped(
        pair.of_upright(with_guards(xp), between, other._replace(x=nothing, y=nothing)), back_from_between(alpha)
    )
