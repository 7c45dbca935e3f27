"""A box with an angle, and one as another sees it."""

from typing import NamedTuple

from boxloss.shapes.relative import Relative
from boxloss.shapes.replaceable import smaller
from boxloss.typing import Namespace, Number, Truth

# What the sine and cosine of some quarter turns may be off, after angles were rounded: half a unit in its last place.
ROUNDING = 8.0


class RotatedBox(NamedTuple):
    """Centre, sides, and the cosine and sine of the angle from +x to the first side, towards +y."""

    x: Number
    y: Number
    w: Number
    h: Number
    cos: Number
    sin: Number

    @property
    def sides(self) -> tuple[Number, Number]:
        """Width and height."""
        return self.w, self.h

    def upright(self, xp: Namespace) -> "RotatedBox":
        """Make a negative side 0, at the centre."""
        return self._replace(w=xp.where(self.w < 0.0, 0.0, self.w), h=xp.where(self.h < 0.0, 0.0, self.h))


class RotatedGradient(NamedTuple):
    """Derivatives with respect to a box with an angle: by its centre, its sides and its angle in radians."""

    x: Number
    y: Number
    w: Number
    h: Number
    angle: Number


def turned(x: Number, y: Number, cos: Number, sin: Number) -> tuple[Number, Number]:
    """Turn a vector."""
    return cos * x - sin * y, sin * x + cos * y


def turned_back(x: Number, y: Number, cos: Number, sin: Number) -> tuple[Number, Number]:
    """Turn a vector the other way."""
    return cos * x + sin * y, cos * y - sin * x


def seen_from(xp: Namespace, b: RotatedBox, other: RotatedBox) -> Relative:
    """Find the first box in the frame of the other.

    The cosine and sine of the angle between them are those of the difference, not of a sum of products: equal angles
    give exactly 1 and 0. So do angles that are some quarter turns apart but for rounding, where |cos|, |sin| and the
    edges of both boxes have kinks: a little beside one, the slope would be that of one side of it.
    """
    x, y = turned_back(b.x - other.x, b.y - other.y, other.cos, other.sin)
    d_cos, d_sin = b.cos - other.cos, b.sin - other.sin
    cos = 1.0 - 0.5 * (d_cos * d_cos + d_sin * d_sin)
    sin = b.cos * d_sin - b.sin * d_cos
    is_quarter_turn = vanishes_beside(xp, smaller(xp, xp.abs(sin), xp.abs(cos)), ROUNDING)
    cos, sin = (xp.where(is_quarter_turn, xp.round(number), number) for number in (cos, sin))
    return Relative(x, y, b.w, b.h, cos, sin, other.w, other.h)


def vanishes_beside(xp: Namespace, a: Number, other: float) -> Truth:
    """Say whether a number of 0 and more is at most half a unit in the last place of another, in any float type."""
    return a + other == other
