"""The relations of two axis-aligned boxes, each with its pullback.

A loss of the IoU family is a function of a few quantities of the pair: areas, the enclosing box, the offset between
the centres, and so on. It states partial derivatives with respect to these only; no loss differentiates a `min`, a
`max` or a clamp.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from boxloss.shapes.box import Box, FlatBox, Image, Vector
from boxloss.shapes.guards import nonzero, safe_if_ordinary, where_negligible
from boxloss.shapes.pairs import AlignedPair, FlatPair
from boxloss.shapes.replaceable import replaceable, smaller
from boxloss.shapes.shape import Partials, Relation
from boxloss.typing import Namespace, Number

D = TypeVar("D", bound="Number | tuple[Number, ...]")  # a quantity, or the derivatives with respect to it


class Sides(NamedTuple):
    """The sides of both boxes, or the derivatives with respect to them."""

    w: Number
    h: Number
    other_w: Number
    other_h: Number


class Areas(NamedTuple):
    """Areas of a pair."""

    intersection: Number
    union: Number
    symmetric_difference: Number  # union - intersection, to full relative precision: 1 - IoU is this over the union
    corner_distance: Number  # the L1 distance of the corners: 0 if the two boxes are equal, positive otherwise


class AreaPartials(NamedTuple):
    """Derivatives of a loss with respect to the areas of a pair."""

    intersection: Number
    union: Number


def positive_part(xp: Namespace, a: Number) -> Number:
    """Compute max(a, 0)."""
    return xp.where(a > 0.0, a, 0.0)


def where_larger(xp: Namespace, a: Number, b: Number, larger: Number, smaller: Number) -> Number:
    """Take `larger` where a > b, `smaller` where a < b, and their mean at a tie."""
    return xp.where(a > b, larger, xp.where(a < b, smaller, 0.5 * (larger + smaller)))


def width(b: Box) -> Number:
    """Compute x2 - x1."""
    return b.x2 - b.x1


def height(b: Box) -> Number:
    """Compute y2 - y1."""
    return b.y2 - b.y1


# --- Areas ----------------------------------------------------------------------------------------------------------


@replaceable
def sum_of_products(xp: Namespace, a: Number, b: Number, c: Number, d: Number) -> Number:
    """Compute a b + c d without fused multiply-add, so that it is the same with the two products exchanged."""
    return a * b + c * d


@replaceable
def areas_forward(xp: Namespace, pair: AlignedPair) -> Areas:
    """Compute intersection and union.

    The symmetric difference is summed from the parts of each box outside the other and the union from it, so a match
    leaves no rounding residue: there the difference is 0 and the union is the intersection, exactly.
    """
    w, h, other_w, other_h = width(pair.box), height(pair.box), width(pair.other), height(pair.other)
    overlap_w, overlap_h = width(pair.inner), height(pair.inner)
    inter_w, inter_h = positive_part(xp, overlap_w), positive_part(xp, overlap_h)
    intersection = inter_w * inter_h
    difference = inter_h * ((w - inter_w) + (other_w - inter_w)) + sum_of_products(
        xp, w, h - inter_h, other_w, other_h - inter_h
    )
    corner_distance = (width(pair.outer) - overlap_w) + (height(pair.outer) - overlap_h)
    return Areas(intersection, safe_if_ordinary(xp, difference + intersection), difference, corner_distance)


def areas_pullback(xp: Namespace, pair: AlignedPair, d: AreaPartials) -> Partials:
    """Pull back by union = w h + W H - intersection."""
    return area_and_intersection_pullback(xp, pair, d.union, d.intersection - d.union)


def area_and_intersection_pullback(
    xp: Namespace, pair: AlignedPair, by_area: Number, by_intersection: Number
) -> Partials:
    """Pull back from the area of the first box, and from the intersection, a product of clamped sides."""
    w, h, overlap_w, overlap_h = width(pair.box), height(pair.box), width(pair.inner), height(pair.inner)
    d_w, d_h = by_area * h, by_area * w
    d_overlap_w = where_overlapping(xp, overlap_w, w, by_intersection * positive_part(xp, overlap_h))
    d_overlap_h = where_overlapping(xp, overlap_h, h, by_intersection * positive_part(xp, overlap_w))
    return Partials(box=Box(-d_w, -d_h, d_w, d_h), inner=Vector(d_overlap_w, d_overlap_h))


def where_overlapping(xp: Namespace, overlap: Number, side: Number, d: Number) -> Number:
    """Take `d` where the boxes overlap along an axis, 0 where there is a gap, and their mean where they are in contact.

    A box without width inside the other is not in contact with it: its kink is that of `upright`.
    """
    return xp.where(overlap == side, d, where_larger(xp, overlap, 0.0, d, 0.0))


# --- The enclosing box ----------------------------------------------------------------------------------------------


def enclosing_sides_forward(xp: Namespace, pair: AlignedPair) -> Vector:
    """Compute the sides of the smallest box that encloses both."""
    return Vector(width(pair.outer), height(pair.outer))


def enclosing_sides_pullback(xp: Namespace, pair: AlignedPair, d: Vector) -> Partials:
    """Pull back: a side is its second corner minus its first."""
    return Partials(outer=d)


def enclosing_area_forward(xp: Namespace, pair: AlignedPair) -> Number:
    """Compute the area of the enclosing box."""
    return safe_if_ordinary(xp, width(pair.outer) * height(pair.outer))


def enclosing_area_pullback(xp: Namespace, pair: AlignedPair, d: Number) -> Partials:
    """Pull back by d(w h) = h dw + w dh."""
    return Partials(outer=Vector(d * height(pair.outer), d * width(pair.outer)))


def enclosing_diagonal_forward(xp: Namespace, pair: AlignedPair) -> Number:
    """Compute the squared diagonal of the enclosing box."""
    w, h = width(pair.outer), height(pair.outer)
    return safe_if_ordinary(xp, w * w + h * h)


def enclosing_diagonal_pullback(xp: Namespace, pair: AlignedPair, d: Number) -> Partials:
    """Pull back by d(w^2 + h^2) = 2 w dw + 2 h dh."""
    twice = 2.0 * d
    return Partials(outer=Vector(twice * width(pair.outer), twice * height(pair.outer)))


# --- Centres, sides, aspect ratios ----------------------------------------------------------------------------------


def center_offset_forward(xp: Namespace, pair: AlignedPair) -> Vector:
    """Compute the centre of pred minus centre of target."""
    return pair.offset


def center_offset_pullback(xp: Namespace, pair: AlignedPair, d: Vector) -> Partials:
    """Pull back: either corner moves the centre by half."""
    d_x, d_y = 0.5 * d.x, 0.5 * d.y
    return Partials(box=Box(d_x, d_y, d_x, d_y))


def center_distance_forward(xp: Namespace, pair: AlignedPair) -> Number:
    """Compute the squared distance of the centres."""
    x, y = pair.offset
    return x * x + y * y


def center_distance_pullback(xp: Namespace, pair: AlignedPair, d: Number) -> Partials:
    """Pull back by d(x^2 + y^2) = 2 x dx + 2 y dy."""
    (x, y), twice = pair.offset, 2.0 * d
    return center_offset_pullback(xp, pair, Vector(twice * x, twice * y))


def size_difference_forward(xp: Namespace, pair: FlatPair) -> Vector:
    """Compute the sides of pred minus sides of target."""
    (w, h), (other_w, other_h) = pair.box.sides, pair.other.sides
    return Vector(w - other_w, h - other_h)


def size_difference_pullback(xp: Namespace, pair: AlignedPair, d: Vector) -> Partials:
    """Pull back: a side is its second corner minus its first."""
    return Partials(box=Box(-d.x, -d.y, d.x, d.y))


def sides_forward(xp: Namespace, pair: FlatPair) -> Sides:
    """List the sides of pred and of target."""
    return Sides(*pair.box.sides, *pair.other.sides)


def sides_pullback(xp: Namespace, pair: AlignedPair, d: Sides) -> Partials:
    """Pull back: a side is its second corner minus its first."""
    return Partials(box=Box(-d.w, -d.h, d.w, d.h))


def corners_forward(xp: Namespace, pair: AlignedPair) -> Box:
    """Compute the corners of pred minus corners of target."""
    p, t = pair.box, pair.other
    return Box(p.x1 - t.x1, p.y1 - t.y1, p.x2 - t.x2, p.y2 - t.y2)


def corners_pullback(xp: Namespace, pair: AlignedPair, d: Box) -> Partials:
    """Pull back: the corners are those of pred, but for a constant."""
    return Partials(box=d)


def image_diagonal_forward(xp: Namespace, pair: AlignedPair) -> Number:
    """Compute the squared diagonal of the image of the call."""
    return pair.image.width * pair.image.width + pair.image.height * pair.image.height


def image_diagonal_pullback(xp: Namespace, pair: AlignedPair, d: Number) -> Partials:
    """Pull back: no box moves it."""
    return Partials()


def aspect_forward(xp: Namespace, pair: FlatPair) -> Number:
    """Compute atan(W / H) - atan(w / h) with one arc tangent: tan(a - b) = (tan a - tan b) / (1 + tan a tan b).

    It is defined for a side of 0 too, and 0 if a box is a point.
    """
    (w, h), (other_w, other_h) = pair.box.sides, pair.other.sides
    # + 0.0 makes 0 of a negative zero, whose angle to the axis is pi.
    return xp.atan2(other_w * h - w * other_h, other_w * w + other_h * h + 0.0)


def aspect_pullback(xp: Namespace, pair: AlignedPair, d: Number) -> Partials:
    """Pull back by d atan(w / h) = (h dw - w dh) / (w^2 + h^2)."""
    w, h = width(pair.box), height(pair.box)
    scaled = d / nonzero(xp, w * w + h * h)
    d_w, d_h = scaled * h, scaled * w
    return Partials(box=Box(d_w, -d_h, -d_w, d_h))


def aspect_of_one_box(xp: Namespace, b: FlatBox, image: Image) -> Number:
    """Compute atan(w / h), defined for a side of 0 too."""
    w, h = b.upright(xp).sides
    return xp.atan2(w, h + 0.0)


def aspect_of_two(xp: Namespace, pair: FlatPair, pred: Number, target: Number) -> Number:
    """Compute atan(W / H) - atan(w / h) from the two angles; 0 if a box is a point, as in `aspect_forward`."""
    (w, h), (other_w, other_h) = pair.box.sides, pair.other.sides
    size, other_size = w + h, other_w + other_h
    return where_negligible(xp, safe_if_ordinary(xp, smaller(xp, size, other_size)), 0.0, target - pred)


# --- The table ------------------------------------------------------------------------------------------------------


def same(d: D) -> D:
    """Return the derivatives of a quantity that is the same with the boxes exchanged."""
    return d


def swapped(d: Sides) -> Sides:
    """Exchange the derivatives with respect to the sides of both boxes."""
    return Sides(d.other_w, d.other_h, d.w, d.h)


def negated(d: D) -> D:
    """Negate a number, or a tuple of numbers, that changes sign with the boxes exchanged."""
    one: Any = d
    one = type(one)(*(-item for item in one)) if isinstance(one, tuple) else -one
    negative: D = one
    return negative


_ALL = (
    Relation("areas", areas_forward, areas_pullback, same),
    Relation("enclosing_sides", enclosing_sides_forward, enclosing_sides_pullback, same),
    Relation("enclosing_area", enclosing_area_forward, enclosing_area_pullback, same),
    Relation("enclosing_diagonal", enclosing_diagonal_forward, enclosing_diagonal_pullback, same),
    Relation("center_offset", center_offset_forward, center_offset_pullback, negated),
    Relation("enclosing_offset", center_offset_forward, center_offset_pullback, negated),
    Relation("center_distance", center_distance_forward, center_distance_pullback, same),
    Relation("size_difference", size_difference_forward, size_difference_pullback, negated),
    Relation("sides", sides_forward, sides_pullback, swapped),
    Relation("corners", corners_forward, corners_pullback, negated),
    Relation("image_diagonal", image_diagonal_forward, image_diagonal_pullback, same, reads_image=True),
    Relation("aspect", aspect_forward, aspect_pullback, negated, aspect_of_one_box, aspect_of_two),
)
RELATIONS: Mapping[str, Relation] = MappingProxyType({relation.name: relation for relation in _ALL})
