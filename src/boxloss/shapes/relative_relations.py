"""Relations of two axis-aligned boxes that those with an angle have too: one box beside the other, along lines."""

from collections.abc import Mapping
from types import MappingProxyType

from boxloss.shapes.box import Box, Vector
from boxloss.shapes.pairs import AlignedPair
from boxloss.shapes.relations import (
    Sides,
    center_offset_forward,
    center_offset_pullback,
    corners_forward,
    height,
    same,
    sides_forward,
    sides_pullback,
    size_difference_forward,
    size_difference_pullback,
    width,
)
from boxloss.shapes.relative import Projection, Relative, RelativeGradient
from boxloss.shapes.shape import Partials, Relation, plus
from boxloss.typing import Namespace, Number


def projections_forward(xp: Namespace, pair: AlignedPair) -> tuple[Projection, ...]:
    """Project both boxes along x and along y."""
    x1, y1, x2, y2 = corners_forward(xp, pair)
    return (
        Projection(xp.abs(x1) + xp.abs(x2), width(pair.outer)),
        Projection(xp.abs(y1) + xp.abs(y2), height(pair.outer)),
    )


def projections_pullback(xp: Namespace, pair: AlignedPair, d: tuple[Projection, ...]) -> Partials:
    """Pull back: each end has the sign of its difference as slope."""
    along_x, along_y = d
    x1, y1, x2, y2 = (xp.sign(difference) for difference in corners_forward(xp, pair))
    box = Box(along_x.distance * x1, along_y.distance * y1, along_x.distance * x2, along_y.distance * y2)
    return Partials(box=box, outer=Vector(along_x.length, along_y.length))


def relative_forward(xp: Namespace, pair: AlignedPair) -> Relative:
    """Find the pred as it is from the centre of the target."""
    x, y = center_offset_forward(xp, pair)
    w, h, other_w, other_h = sides_forward(xp, pair)
    return Relative(x, y, w, h, 1.0, 0.0, other_w, other_h)


def relative_pullback(xp: Namespace, pair: AlignedPair, d: RelativeGradient) -> Partials:
    """Pull back: there is no angle."""
    sides = Sides(d.w, d.h, d.other_w, d.other_h)
    return plus(center_offset_pullback(xp, pair, Vector(d.x, d.y)), sides_pullback(xp, pair, sides))


def opposite(d: RelativeGradient) -> RelativeGradient:
    """Turn the derivatives into those of the pair in the frame of its other box."""
    return RelativeGradient(-d.x, -d.y, d.other_w, d.other_h, None, d.w, d.h)


def wasserstein_forward(xp: Namespace, pair: AlignedPair) -> Number:
    """Compute the squared Wasserstein distance of the boxes as Gaussians with covariances of w^2 / 4 and h^2 / 4."""
    offset, size = center_offset_forward(xp, pair), size_difference_forward(xp, pair)
    half_x, half_y = 0.5 * size.x, 0.5 * size.y
    return (offset.x * offset.x + offset.y * offset.y) + (half_x * half_x + half_y * half_y)


def wasserstein_pullback(xp: Namespace, pair: AlignedPair, d: Number) -> Partials:
    """Pull back through the centre and the sides."""
    offset, size = center_offset_forward(xp, pair), size_difference_forward(xp, pair)
    half = 0.5 * d
    by_offset = center_offset_pullback(xp, pair, Vector(2.0 * d * offset.x, 2.0 * d * offset.y))
    return plus(by_offset, size_difference_pullback(xp, pair, Vector(half * size.x, half * size.y)))


_ALL = (
    Relation("projections", projections_forward, projections_pullback, same),
    Relation("relative", relative_forward, relative_pullback, opposite),
    Relation("wasserstein", wasserstein_forward, wasserstein_pullback, same),
)
RELATIVE_RELATIONS: Mapping[str, Relation] = MappingProxyType({relation.name: relation for relation in _ALL})
