"""Geometry primitives of a pair of boxes, each with its pullback.

A loss of the IoU family is a function of a few quantities of the pair: areas, the sides of the enclosing box, the
offset between the centres, and so on. Each of them is a `Primitive` here: how to compute it, and how a derivative
with respect to it becomes a derivative with respect to corners. A loss states partial derivatives with respect to its
primitives only; no loss differentiates a `min`, a `max` or a clamp.

At a kink a pullback returns the mean of the one-sided derivatives, which is what central differences converge to.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from boxloss.box import Box, add
from boxloss.guards import nonzero, upright, where_negligible


class Pair(NamedTuple):
    """Two boxes with x2 >= x1 and y2 >= y1, and the corners that they make together."""

    box: Box
    other: Box
    inner: Box  # the larger first corners and the smaller second corners: the intersection, or inverted: a gap
    outer: Box  # the smaller first corners and the larger second corners: the enclosing box


class Vector(NamedTuple):
    """A quantity with a component along each axis, or the derivatives with respect to it."""

    x: Any
    y: Any


class Partials(NamedTuple):
    """Derivatives with respect to the corners of `Pair.box` and the sides of `Pair.inner` and `Pair.outer`."""

    box: Box
    inner: Vector
    outer: Vector


class Areas(NamedTuple):
    """Areas of a pair."""

    intersection: Any
    union: Any
    excess: Any  # union - intersection, to full relative precision: 1 - IoU is excess / union
    unequal: Any  # 0 if the two boxes are equal, positive otherwise


class AreaPartials(NamedTuple):
    """Derivatives of a loss with respect to the areas of a pair."""

    intersection: Any
    union: Any


NO_CORNERS, NO_SIDES = Box(0.0, 0.0, 0.0, 0.0), Vector(0.0, 0.0)


class Primitive(NamedTuple):
    """A quantity of a pair of boxes and the way back from it to the corners.

    Attributes
    ----------
    forward
        ``forward(xp, pair)``: the quantity.
    pullback
        ``pullback(xp, pair, d)``: the derivatives `d` of a loss with respect to the quantity as derivatives with
        respect to corners. What it says of `pair.box` holds for the first box of the pair, pred or target.
    exchange
        ``exchange(d)``: `d` as it is with the two boxes exchanged.
    of_one_box, of_two
        For a quantity that combines one number of each box: that number, ``of_one_box(xp, box)``, and the quantity,
        ``of_two(xp, pair, pred_number, target_number)``. A pairwise matrix needs the first once a box, not once a pair.
    """

    forward: Callable[..., Any]
    pullback: Callable[..., Partials]
    exchange: Callable[[Any], Any]
    of_one_box: Callable[..., Any] | None = None
    of_two: Callable[..., Any] | None = None


def positive_part(xp: Any, a: Any) -> Any:
    """max(a, 0)."""
    return xp.where(a > 0.0, a, 0.0)


def where_larger(xp: Any, a: Any, b: Any, larger: Any, smaller: Any) -> Any:
    """`larger` where a > b, `smaller` where a < b, and their mean at a tie."""
    return xp.where(a > b, larger, xp.where(a < b, smaller, 0.5 * (larger + smaller)))


# --- From boxes to a pair and back ----------------------------------------------------------------------------------


def upright_pullback(xp: Any, b: Box, d: Box) -> Box:
    """The gradient with respect to the box as it was given."""
    d_x2, d_y2 = where_larger(xp, b.x2, b.x1, d.x2, 0.0), where_larger(xp, b.y2, b.y1, d.y2, 0.0)
    return Box(d.x1 + (d.x2 - d_x2), d.y1 + (d.y2 - d_y2), d_x2, d_y2)


def pair_up(xp: Any, p: Box, t: Box) -> Pair:
    """The pair of two upright boxes."""
    inner = Box(xp.maximum(p.x1, t.x1), xp.maximum(p.y1, t.y1), xp.minimum(p.x2, t.x2), xp.minimum(p.y2, t.y2))
    outer = Box(xp.minimum(p.x1, t.x1), xp.minimum(p.y1, t.y1), xp.maximum(p.x2, t.x2), xp.maximum(p.y2, t.y2))
    return Pair(p, t, inner, outer)


def pair_pullback(xp: Any, pair: Pair, d: Partials) -> Box:
    """The gradient with respect to `pair.box`: a corner of it is the inner one, the outer one or, at a tie, both."""
    box, other, (inner, outer) = pair.box, pair.other, (d.inner, d.outer)
    return Box(
        d.box.x1 - where_larger(xp, box.x1, other.x1, inner.x, outer.x),
        d.box.y1 - where_larger(xp, box.y1, other.y1, inner.y, outer.y),
        d.box.x2 + where_larger(xp, box.x2, other.x2, outer.x, inner.x),
        d.box.y2 + where_larger(xp, box.y2, other.y2, outer.y, inner.y),
    )


def add_partials(a: Partials, b: Partials) -> Partials:
    """The sum of the derivatives by way of two primitives."""
    inner, outer = (
        Vector(a.inner.x + b.inner.x, a.inner.y + b.inner.y),
        Vector(a.outer.x + b.outer.x, a.outer.y + b.outer.y),
    )
    return Partials(add(a.box, b.box), inner, outer)


def exchanged(pair: Pair) -> Pair:
    """The pair with its other box first."""
    return Pair(pair.other, pair.box, pair.inner, pair.outer)


# --- Areas ----------------------------------------------------------------------------------------------------------


def width(b: Box) -> Any:
    """x2 - x1."""
    return b.x2 - b.x1


def height(b: Box) -> Any:
    """y2 - y1."""
    return b.y2 - b.y1


def sum_of_products(a: Any, b: Any, c: Any, d: Any) -> Any:
    """a b + c d without fused multiply-add, so that it is the same with the two products exchanged."""
    return a * b + c * d


def areas_forward(xp: Any, pair: Pair) -> Areas:
    """Intersection and union.

    The excess is summed from the parts of each box outside the other and the union from the excess, so a match leaves
    no rounding residue: there the excess is 0 and the union is the intersection, exactly.
    """
    w, h, other_w, other_h = width(pair.box), height(pair.box), width(pair.other), height(pair.other)
    reach_w, reach_h = width(pair.inner), height(pair.inner)
    inter_w, inter_h = positive_part(xp, reach_w), positive_part(xp, reach_h)
    intersection = inter_w * inter_h
    excess = inter_h * ((w - inter_w) + (other_w - inter_w)) + sum_of_products(
        w, h - inter_h, other_w, other_h - inter_h
    )
    unequal = (width(pair.outer) - reach_w) + (height(pair.outer) - reach_h)
    return Areas(intersection, excess + intersection, excess, unequal)


def areas_pullback(xp: Any, pair: Pair, d: AreaPartials) -> Partials:
    """union = w h + W H - intersection, and the intersection is a product of clamped sides."""
    w, h, reach_w, reach_h = width(pair.box), height(pair.box), width(pair.inner), height(pair.inner)
    d_w, d_h = d.union * h, d.union * w
    d_intersection = d.intersection - d.union
    d_reach_w = where_overlapping(xp, reach_w, w, d_intersection * positive_part(xp, reach_h))
    d_reach_h = where_overlapping(xp, reach_h, h, d_intersection * positive_part(xp, reach_w))
    return Partials(Box(-d_w, -d_h, d_w, d_h), Vector(d_reach_w, d_reach_h), NO_SIDES)


def where_overlapping(xp: Any, reach: Any, side: Any, d: Any) -> Any:
    """`d` where the boxes overlap along an axis, 0 where there is a gap, and their mean where they are in contact.

    A box without width inside the other is not in contact with it: its kink is that of `upright`.
    """
    return xp.where(reach == side, d, where_larger(xp, reach, 0.0, d, 0.0))


# --- Sides, offsets, aspect -----------------------------------------------------------------------------------------


def enclosing_forward(xp: Any, pair: Pair) -> Vector:
    """Sides of the smallest box that encloses both."""
    return Vector(width(pair.outer), height(pair.outer))


def enclosing_pullback(xp: Any, pair: Pair, d: Vector) -> Partials:
    """A side is its second corner minus its first."""
    return Partials(NO_CORNERS, NO_SIDES, d)


def offset_forward(xp: Any, pair: Pair) -> Vector:
    """Centre of pred minus centre of target, from corner differences: exact for boxes that are close."""
    p, t = pair.box, pair.other
    return Vector(0.5 * ((p.x1 - t.x1) + (p.x2 - t.x2)), 0.5 * ((p.y1 - t.y1) + (p.y2 - t.y2)))


def offset_pullback(xp: Any, pair: Pair, d: Vector) -> Partials:
    """Either corner moves the centre by half."""
    d_x, d_y = 0.5 * d.x, 0.5 * d.y
    return Partials(Box(d_x, d_y, d_x, d_y), NO_SIDES, NO_SIDES)


def growth_forward(xp: Any, pair: Pair) -> Vector:
    """Sides of pred minus sides of target."""
    return Vector(width(pair.box) - width(pair.other), height(pair.box) - height(pair.other))


def growth_pullback(xp: Any, pair: Pair, d: Vector) -> Partials:
    """A side is its second corner minus its first."""
    return Partials(Box(-d.x, -d.y, d.x, d.y), NO_SIDES, NO_SIDES)


def aspect_forward(xp: Any, pair: Pair) -> Any:
    """atan(W / H) - atan(w / h) with one arc tangent: tan(a - b) = (tan a - tan b) / (1 + tan a tan b).

    It is defined for a side of 0 too, and 0 if a box is a point.
    """
    w, h, other_w, other_h = width(pair.box), height(pair.box), width(pair.other), height(pair.other)
    # + 0.0 makes 0 of a negative zero, whose angle to the axis is pi.
    return xp.atan2(other_w * h - w * other_h, other_w * w + other_h * h + 0.0)


def aspect_pullback(xp: Any, pair: Pair, d: Any) -> Partials:
    """d atan(w / h) = (h dw - w dh) / (w^2 + h^2)."""
    w, h = width(pair.box), height(pair.box)
    scaled = d / nonzero(xp, w * w + h * h)
    d_w, d_h = scaled * h, scaled * w
    return Partials(Box(d_w, -d_h, -d_w, d_h), NO_SIDES, NO_SIDES)


def aspect_of_one_box(xp: Any, b: Box) -> Any:
    """atan(w / h), defined for a side of 0 too."""
    b = upright(xp, b)
    return xp.atan2(width(b), height(b) + 0.0)


def aspect_of_two(xp: Any, pair: Pair, pred: Any, target: Any) -> Any:
    """atan(W / H) - atan(w / h) from the two angles; 0 if a box is a point, as in `aspect_forward`."""
    size, other_size = width(pair.box) + height(pair.box), width(pair.other) + height(pair.other)
    return where_negligible(xp, xp.minimum(size, other_size), 0.0, target - pred)


# --- The table of primitives ----------------------------------------------------------------------------------------


def same(d: Any) -> Any:
    """For a quantity that is the same with the boxes exchanged."""
    return d


def negated(d: Any) -> Any:
    """For a number that changes sign with the boxes exchanged."""
    return -d


def negated_vector(d: Vector) -> Vector:
    """For a vector that changes sign with the boxes exchanged."""
    return Vector(-d.x, -d.y)


areas = Primitive(areas_forward, areas_pullback, same)
enclosing = Primitive(enclosing_forward, enclosing_pullback, same)
offset = Primitive(offset_forward, offset_pullback, negated_vector)
growth = Primitive(growth_forward, growth_pullback, negated_vector)
aspect = Primitive(aspect_forward, aspect_pullback, negated, aspect_of_one_box, aspect_of_two)
