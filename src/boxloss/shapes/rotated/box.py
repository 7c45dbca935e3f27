"""A box with an angle, and one as another sees it."""

from typing import Any, NamedTuple

from boxloss.shapes.relative import Relative


class RotatedBox(NamedTuple):
    """Centre, sides, and the cosine and sine of the angle from +x to the first side, towards +y."""

    x: Any
    y: Any
    w: Any
    h: Any
    cos: Any
    sin: Any

    @property
    def sides(self) -> tuple[Any, ...]:
        """Width and height."""
        return self.w, self.h

    def upright(self, xp: Any) -> "RotatedBox":
        """Make a negative side 0, at the centre."""
        return self._replace(w=xp.where(self.w < 0.0, 0.0, self.w), h=xp.where(self.h < 0.0, 0.0, self.h))


class RotatedGradient(NamedTuple):
    """Derivatives with respect to a box with an angle: by its centre, its sides and its angle in radians."""

    x: Any
    y: Any
    w: Any
    h: Any
    angle: Any


def turned(x: Any, y: Any, cos: Any, sin: Any) -> tuple[Any, Any]:
    """Turn a vector."""
    return cos * x - sin * y, sin * x + cos * y


def turned_back(x: Any, y: Any, cos: Any, sin: Any) -> tuple[Any, Any]:
    """Turn a vector the other way."""
    return cos * x + sin * y, cos * y - sin * x


def seen_from(xp: Any, b: RotatedBox, other: RotatedBox) -> Relative:
    """The first box in the frame of the other.

    The cosine and sine of the angle between them are those of the difference, not of a sum of products: equal angles
    give exactly 1 and 0.
    """
    x, y = turned_back(b.x - other.x, b.y - other.y, other.cos, other.sin)
    d_cos, d_sin = b.cos - other.cos, b.sin - other.sin
    cos = 1.0 - 0.5 * (d_cos * d_cos + d_sin * d_sin)
    sin = b.cos * d_sin - b.sin * d_cos
    return Relative(x, y, b.w, b.h, cos, sin, other.w, other.h)
