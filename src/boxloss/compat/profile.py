"""The IoU family with the paddings, floors, gates and clamps of other libraries, as one formula.

`boxloss.compat.conventions` says which library has which.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from boxloss.check import check_choice
from boxloss.formulas.evaluation import Evaluation, curve
from boxloss.losses.ciou import FOUR_PER_PI_SQUARED, aspect_penalty
from boxloss.losses.iou import iou_and_distance_by_inverse
from boxloss.losses.loss import Loss
from boxloss.losses.overlap import Term, over_relations
from boxloss.losses.siou import distance_cost, shape_cost
from boxloss.shapes.box import Vector
from boxloss.shapes.guards import inverse, inverses, nonzero
from boxloss.shapes.relations import AreaPartials, Areas, Sides, positive_part, where_larger
from boxloss.shapes.replaceable import larger
from boxloss.shapes.shape import Pair, Relation, plus, times
from boxloss.typing import Namespace, Number

RELATIONS = MappingProxyType(
    {
        "iou": ("areas", "sides"),
        "iof": ("areas", "sides"),
        "giou": ("areas", "sides", "enclosing_area"),
        "diou": ("areas", "sides", "enclosing_diagonal", "center_offset"),
        "ciou": ("areas", "sides", "enclosing_diagonal", "center_offset"),
        "siou": ("areas", "sides", "enclosing_sides", "center_offset"),
    }
)
OUTPUTS = ("score", "linear", "square", "log")


class Padding(NamedTuple):
    """What is added to a number, and what a derivative with respect to the sum is times: 0 where a floor holds."""

    value: Number
    slope: Number


def padding(xp: Namespace, number: Number, eps: Number, floor: Number) -> Padding:
    """Make the padding of the larger of ``number + eps`` and a floor."""
    raised = positive_part(xp, floor - (number + eps))
    return Padding(eps + raised, 1.0 - xp.sign(raised))


def at_least(xp: Namespace, number: Number, least: Number) -> Number:
    """Take the larger of the two; NaN stays NaN."""
    return xp.where(number <= least, least, number)


class Overlap(NamedTuple):
    """The IoU and 1 - IoU of padded areas, and what their derivatives need."""

    iou: Number
    distance: Number
    partials: AreaPartials
    union: Padding


@dataclass(frozen=True)
class Profile(Loss):
    """A loss or score of the IoU family by somebody else's convention.

    Parameters
    ----------
    kind : {"iou", "iof", "giou", "diou", "ciou", "siou"}
        Which; ``"iof"`` divides by the area of the first box alone.
    output : {"score", "linear", "square", "log"}
        The score s, 1 - s, 1 - s^2, or -ln s.
    union_eps, hull_eps, diagonal_eps, distance_eps, alpha_eps : float
        Added to the union, to the area and to the squared diagonal of the enclosing box, to the squared distance of
        the centres, and to the denominator of alpha.
    union_floor, hull_floor : float
        The least that the union, and the area of the enclosing box, count.
    width_eps, height_eps, height_floor : float
        Added to the widths and to the heights, and the least that these count, where shapes are compared.
    pads_areas : bool
        Whether the areas are products of these widths and heights too.
    gated : bool
        Whether alpha is 0 for an IoU of 0.5 or less.
    full_gradient : bool
        Whether alpha is differentiated.
    aspect_scale : float
        The factor of the squared difference of the angles.
    offset_eps : float
        Added to both coordinates of the offset from the first centre to the second, of SIoU.
    enclosing_floor : float
        The least that the sides of the enclosing box count in SIoU.
    theta : float
        The power of SIoU's cost of the shape.
    repels : bool
        Whether the exponent of SIoU's cost of the distance has the other sign.
    clamped : bool
        Whether the score is clamped, to 1 and `least`.
    least : float
        See `clamped`.
    """

    kind: str
    output: str = "score"
    union_eps: float = 0.0
    union_floor: float = 0.0
    hull_eps: float = 0.0
    hull_floor: float = 0.0
    diagonal_eps: float = 0.0
    distance_eps: float = 0.0
    alpha_eps: float = 0.0
    width_eps: float = 0.0
    height_eps: float = 0.0
    height_floor: float = 0.0
    pads_areas: bool = False
    gated: bool = False
    full_gradient: bool = False
    aspect_scale: float = FOUR_PER_PI_SQUARED
    offset_eps: float = 0.0
    enclosing_floor: float = 0.0
    theta: float = 4.0
    repels: bool = False
    clamped: bool = False
    least: float = -1.0
    value_range = "(-inf, inf)"

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, RELATIONS)
        check_choice("output", self.output, OUTPUTS)
        super().__post_init__()

    @property
    def expression(self) -> str:  # type: ignore[override]
        """The name of the formula."""
        return f"{self.output} of {self.kind}"

    @property
    def relations(self) -> tuple[str | Relation, ...]:  # type: ignore[override]
        """Those of the kind."""
        return RELATIONS[self.kind]

    def evaluate(self, xp: Namespace, pair: Pair) -> Evaluation:
        """Compute 1 - s from areas and penalties, and the output from that."""
        areas, sides, *quantities = (pair.quantity(pair.shape.relation(which)) for which in self.relations)
        heights = tuple(padding(xp, h, self.height_eps, self.height_floor) for h in (sides.h, sides.other_h))
        iou, (loss, partials) = FORMULAS[self.kind](self, xp, areas, sides, heights, *quantities)
        score = iou if len(quantities) == 0 else 1.0 - loss
        evaluation = over_relations(xp, pair, self.relations, (loss, partials))
        if self.clamped:
            within = at_least(xp, score, self.least)
            within = xp.where(within > 1.0, 1.0, within)
            beyond = xp.abs(xp.sign(score - within))
            evaluation = curve(evaluation, xp.where(beyond > 0.0, 1.0 - within, loss), 1.0 - beyond)
            score = within
        return self._told(xp, score, evaluation)

    def _told(self, xp: Namespace, score: Number, evaluation: Evaluation) -> Evaluation:
        if self.output == "score":
            return curve(evaluation, score, -1.0)
        if self.output == "square":
            return curve(evaluation, evaluation.value * (1.0 + score), 2.0 * score)
        if self.output == "log":
            return curve(evaluation, -xp.log(score), inverse(xp, score))
        return evaluation

    # --- Areas ------------------------------------------------------------------------------------------------------

    def added_area(self, sides: Sides, heights: tuple[Padding, Padding]) -> Number:
        """Compute what the paddings of the heights add to both areas."""
        return sides.w * heights[0].value + sides.other_w * heights[1].value

    def of_added_area(self, sides: Sides, heights: tuple[Padding, Padding], d: Number) -> Sides | None:
        """Compute its derivatives with respect to the sides, times `d`."""
        if not self.pads_areas:
            return None
        one, other = heights
        # A height at its floor counts no more: its padding falls as it grows.
        by_h, by_other_h = d * sides.w * (one.slope - 1.0), d * sides.other_w * (other.slope - 1.0)
        return Sides(d * one.value, by_h, d * other.value, by_other_h)

    def union(self, xp: Namespace, areas: Areas, sides: Sides, heights: tuple[Padding, Padding]) -> Padding:
        """Compute the padding of the union."""
        eps: Number = self.union_eps
        if self.pads_areas:
            eps = eps + self.added_area(sides, heights)
        return padding(xp, areas.union, eps, self.union_floor)

    def overlap(self, xp: Namespace, areas: Areas, union: Padding, per_union: Number) -> Overlap:
        """Compute the IoU of padded areas."""
        iou, distance, d = iou_and_distance_by_inverse(xp, areas, per_union, union.value)
        return Overlap(iou, distance, AreaPartials(d.intersection, d.union * union.slope), union)

    def aspect(self, xp: Namespace, sides: Sides, heights: tuple[Padding, Padding]) -> tuple[Number, Sides]:
        """Compute atan(W / H) - atan(w / h) of padded heights, and its partial derivatives."""
        w, other_w = sides.w, sides.other_w
        h, other_h = sides.h + heights[0].value, sides.other_h + heights[1].value
        angle = xp.atan2(other_w * h - w * other_h, other_w * w + other_h * h + 0.0)
        per, other_per = 1.0 / nonzero(xp, w * w + h * h), 1.0 / nonzero(xp, other_w * other_w + other_h * other_h)
        by_h, by_other_h = w * per * heights[0].slope, -(other_w * other_per * heights[1].slope)
        return angle, Sides(-h * per, by_h, other_h * other_per, by_other_h)


# --- Formulas: from quantities to the IoU, and to 1 - s with its partial derivatives ----------------------------------

Found = tuple[Number, Term]
Heights = tuple[Padding, Padding]


def iou(self: Profile, xp: Namespace, areas: Areas, sides: Sides, heights: Heights) -> Found:
    """Compute 1 - IoU."""
    union = self.union(xp, areas, sides, heights)
    found = self.overlap(xp, areas, union, inverse(xp, areas.union + union.value))
    return found.iou, (found.distance, (found.partials, self.of_added_area(sides, heights, found.partials.union)))


def iof(self: Profile, xp: Namespace, areas: Areas, sides: Sides, heights: Heights) -> Found:
    """Compute 1 - the share of the first box that is in the other."""
    area = sides.w * sides.h
    pad = padding(xp, area, self.union_eps, self.union_floor)
    per_area = inverse(xp, area + pad.value)
    share = areas.intersection * per_area
    d_area = share * per_area * pad.slope
    d_sides = Sides(d_area * sides.h, d_area * sides.w, 0.0, 0.0)
    return share, (1.0 - share, (AreaPartials(-per_area, 0.0), d_sides))


def giou(self: Profile, xp: Namespace, areas: Areas, sides: Sides, heights: Heights, hull: Number) -> Found:
    """Compute 1 - IoU + (C - U) / C, of padded U and C."""
    union = self.union(xp, areas, sides, heights)
    pad = padding(xp, hull, self.hull_eps, self.hull_floor)
    per_union, per_hull = inverses(xp, areas.union + union.value, hull + pad.value)
    found = self.overlap(xp, areas, union, per_union)
    uncovered = (positive_part(xp, hull - areas.union) + (pad.value - union.value)) * per_hull
    d_areas = AreaPartials(found.partials.intersection, found.partials.union - per_hull * union.slope)
    d_sides = self.of_added_area(sides, heights, d_areas.union)
    d_hull = (areas.union + union.value) * per_hull * per_hull * pad.slope
    return found.iou, (found.distance + uncovered, (d_areas, d_sides, d_hull))


def diou(
    self: Profile, xp: Namespace, areas: Areas, sides: Sides, heights: Heights, c2: Number, offset: Vector
) -> Found:
    """Compute 1 - IoU + rho^2 / c^2."""
    found, term = _distances(self, xp, areas, sides, heights, c2, offset)
    return found.iou, term


def _distances(
    self: Profile, xp: Namespace, areas: Areas, sides: Sides, heights: Heights, c2: Number, offset: Vector
) -> tuple[Overlap, Term]:
    union = self.union(xp, areas, sides, heights)
    per_union, per_c2 = inverses(xp, areas.union + union.value, c2 + self.diagonal_eps)
    found = self.overlap(xp, areas, union, per_union)
    far = (offset.x * offset.x + offset.y * offset.y + self.distance_eps) * per_c2
    twice = 2.0 * per_c2
    d_sides = self.of_added_area(sides, heights, found.partials.union)
    partials = (found.partials, d_sides, -(far * per_c2), Vector(twice * offset.x, twice * offset.y))
    return found, (found.distance + far, partials)


def ciou(
    self: Profile, xp: Namespace, areas: Areas, sides: Sides, heights: Heights, c2: Number, offset: Vector
) -> Found:
    """Compute 1 - IoU + rho^2 / c^2 + alpha v."""
    found, (loss, (d_areas, d_sides, *rest)) = _distances(self, xp, areas, sides, heights, c2, offset)
    angle, d_angle = self.aspect(xp, sides, heights)
    aspect, slope, alpha = aspect_penalty(xp, found.distance, angle, self.alpha_eps, self.aspect_scale)
    if self.gated:
        is_open = found.iou > 0.5
        aspect, slope = xp.where(is_open, aspect, 0.0), xp.where(is_open, slope, 0.0)
    if self.full_gradient:  # of alpha v = v^2 / (1 - IoU + v)
        slope = slope * (2.0 - alpha)
        by_distance = times(found.partials, -(alpha * alpha))
        d_areas = plus(d_areas, by_distance)
        d_sides = plus(d_sides, self.of_added_area(sides, heights, by_distance.union))
    return found.iou, (loss + aspect, (d_areas, plus(d_sides, times(d_angle, slope)), *rest))


def siou(
    self: Profile, xp: Namespace, areas: Areas, sides: Sides, heights: Heights, c: Vector, offset: Vector
) -> Found:
    """Compute 1 - IoU + (Delta + Omega) / 2; boxes may be inverted, and an eps longer than a side."""
    score, (loss, (d_areas, d_sides)) = iou(self, xp, areas, sides, heights)
    floored = Vector(at_least(xp, c.x, self.enclosing_floor), at_least(xp, c.y, self.enclosing_floor))
    pad, (one, other) = self.width_eps, heights
    added = Sides(sides.w + pad, sides.h + one.value, sides.other_w + pad, sides.other_h + other.value)
    longer = larger(xp, added.w, added.other_w), larger(xp, added.h, added.other_h)
    per_c, per = (tuple(side * inverse(xp, side * side) for side in two) for two in (floored, longer))
    seen = Vector(offset.x - self.offset_eps, offset.y - self.offset_eps)
    distance, d_offset, d_c = distance_cost(xp, seen, per_c, self.repels, lambda xp, half: -xp.expm1(-2.0 * half))
    d_c = Vector(*(where_larger(xp, side, self.enclosing_floor, d, 0.0) for side, d in zip(c, d_c, strict=True)))
    shape, d_added, _ = shape_cost(xp, added, per, self.theta, fall=lambda xp, a: -xp.expm1(-a))
    d_shape = d_added._replace(h=d_added.h * one.slope, other_h=d_added.other_h * other.slope)
    return score, (loss + distance + shape, (d_areas, plus(d_sides, d_shape), d_c, d_offset))


FORMULAS: Mapping[str, Callable[..., Found]] = MappingProxyType(
    {"iou": iou, "iof": iof, "giou": giou, "diou": diou, "ciou": ciou, "siou": siou}
)
