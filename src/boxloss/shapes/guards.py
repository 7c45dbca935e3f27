"""What keeps formulas finite for every box: inverted boxes, and denominators that are 0.

A box is ordinary if its sides are at least `SHORTEST_SIDE` and its corners within `FARTHEST_CORNER`. The denominators
of this package need no guard for a pair of ordinary boxes, and say so by `safe_if_ordinary`. So the compiled engines
compute a matrix of them without: `UNGUARDED` says by what each guard is replaced. On the CPU a matrix of GIoU then
takes half the time. A guard of anything else stays.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from boxloss.shapes.box import AnyBox, Box
from boxloss.shapes.replaceable import Function, replaceable
from boxloss.typing import Namespace, Number, Truth

BoxT = TypeVar("BoxT", bound=AnyBox)

# An area or a squared length below this counts as 0. The smallest box that is promised finite results has an area of
# 1e-18. Below, a side divided by an area may be infinite in float32: boxes without area can be 1e-42 apart.
NEGLIGIBLE = 2.0**-66
SHORTEST_DIVISOR = 2.0**-33  # its square is negligible
# Between these no area, squared length or product of two of them leaves the normal range of float32.
SHORTEST_SIDE, FARTHEST_CORNER = 2.0**-30, 2.0**30
# Likewise of boxes in space: between these no product of two volumes does.
SHORTEST_SIDE_IN_SPACE, FARTHEST_CORNER_IN_SPACE = 2.0**-20, 2.0**19


def ordinary(b: Box, shortest: float = SHORTEST_SIDE, far: float = FARTHEST_CORNER) -> Truth:
    """Say whether a box needs no guard; a NaN does."""
    is_near = (b.x1 >= -far) & (b.y1 >= -far) & (b.x2 <= far) & (b.y2 <= far)
    return is_near & (b.x2 - b.x1 >= shortest) & (b.y2 - b.y1 >= shortest)


@replaceable
def upright_as_given(xp: Namespace, b: BoxT) -> BoxT:
    """Make a box of the call upright."""
    return b.upright(xp)


@replaceable
def safe_if_ordinary(xp: Namespace, denominator: Number) -> Number:
    """State that a denominator is not negligible for two ordinary boxes, or that what becomes of it is discarded."""
    return denominator


def padded(xp: Namespace, denominator: Number, eps: Number) -> Number:
    """Add the eps of a loss to an area or a squared length that is safe for ordinary boxes: the sum is so too."""
    return safe_if_ordinary(xp, denominator + eps)


@replaceable
def where_negligible(xp: Namespace, denominator: Number, replacement: Number, value: Number) -> Number:
    """Take the replacement where a denominator counts as 0, the value elsewhere."""
    return xp.where(denominator < NEGLIGIBLE, replacement, value)


def nonzero(xp: Namespace, denominator: Number) -> Number:
    """Replace a negligible denominator by 1."""
    return where_negligible(xp, denominator, 1.0, denominator)


@replaceable
def reciprocal(xp: Namespace, a: Number) -> Number:
    """Compute 1 / a."""
    return 1.0 / a


def inverse(xp: Namespace, denominator: Number) -> Number:
    """Compute 1 / denominator, and 0 where the denominator is negligible."""
    return where_negligible(xp, denominator, 0.0, reciprocal(xp, nonzero(xp, denominator)))


@replaceable
def inverses(xp: Namespace, a: Number, b: Number) -> tuple[Number, Number]:
    """Compute the inverses of two areas or squared lengths."""
    return inverse(xp, a), inverse(xp, b)


def not_negative(xp: Namespace, a: Number) -> Number:
    """Clamp to 0 what is negative by rounding alone; a NaN stays one."""
    return xp.where(a < 0.0, 0.0, a)


@replaceable
def share(xp: Namespace, part: Number, whole: Number, per_whole: Number) -> Number:
    """Compute part / whole by way of 1 / whole, and exactly 1 where they are equal."""
    return xp.where(part == whole, 1.0, part * per_whole)


def floored(xp: Namespace, area: Number) -> Number:
    """Return an area or a squared length, of which a negligible one counts as the largest that is."""
    return safe_if_ordinary(xp, xp.where(area < NEGLIGIBLE, NEGLIGIBLE, area))


def no_point(xp: Namespace, side: Number) -> Number:
    """Return a side, which counts as 2^-33 at least: what is divided by it need not be 0 where it is 0."""
    return xp.where(side < SHORTEST_DIVISOR, SHORTEST_DIVISOR, side)


def per_length(xp: Namespace, side: Number) -> Number:
    """Compute 1 / side, of a side that counts as 2^-33 at least."""
    return reciprocal(xp, no_point(xp, side))


@replaceable
def per_sides(xp: Namespace, w: Number, h: Number) -> tuple[Number, Number]:
    """Compute 1 / w and 1 / h of a box of the call, or of sides no shorter: ordinary where those of such a box are.

    One division, since the product of two sides that count as 2^-33 at least has an inverse up to sides of 2^63.
    """
    return per_sides_by_one_division(xp, no_point(xp, w), no_point(xp, h))


# --- The same for ordinary boxes ------------------------------------------------------------------------------------


class Noting(Namespace, Protocol):
    """The namespace of a formula that is written down; see `boxloss.engines.trace`."""

    safe: set[int]


def as_it_is(xp: Namespace, b: BoxT) -> BoxT:
    """Return the box, instead of `upright_as_given`."""
    return b


def noted(xp: Noting, denominator: Number) -> Number:
    """Note a denominator as safe, instead of `safe_if_ordinary`."""
    if hasattr(denominator, "place"):
        xp.safe.add(denominator.place)
    return denominator


def is_safe(xp: Noting, denominator: Number) -> bool:
    """Say whether a denominator was noted as safe."""
    return getattr(denominator, "place", None) in xp.safe


def value_alone(xp: Noting, denominator: Number, replacement: Number, value: Number) -> Number:
    """Take the value, instead of `where_negligible`."""
    return value if is_safe(xp, denominator) else xp.where(denominator < NEGLIGIBLE, replacement, value)


def inverses_by_one_division(xp: Noting, a: Number, b: Number) -> tuple[Number, Number]:
    """Compute both inverses at once, instead of `inverses`: a division takes as long as ten multiplications."""
    if not (is_safe(xp, a) and is_safe(xp, b)):
        return inverse(xp, a), inverse(xp, b)
    per_product = 1.0 / (a * b)
    return per_product * b, per_product * a


def per_sides_by_one_division(xp: Namespace, w: Number, h: Number) -> tuple[Number, Number]:
    """Compute both inverses by one division, instead of `per_sides`."""
    per_product = reciprocal(xp, w * h)
    return per_product * h, per_product * w


def per_side_by_side(xp: Namespace, w: Number, h: Number) -> tuple[Number, Number]:
    """Compute each inverse by itself, instead of `per_sides`, where a division is one instruction."""
    return per_length(xp, w), per_length(xp, h)


def with_guards(xp: Any) -> Namespace:
    """Give the namespace of a call the guards that a matrix of ordinary boxes does without: for boxes made of these."""
    replaced: Mapping[Function, Function] | None = xp.__dict__.get("replaced")
    guarded: Namespace = xp
    if replaced is not None:
        guarded = xp.replacing({guard: own for guard, own in replaced.items() if UNGUARDED.get(guard) is not own})
    return guarded


UNGUARDED: Mapping[Function, Function] = MappingProxyType(
    {
        upright_as_given: as_it_is,
        safe_if_ordinary: noted,
        where_negligible: value_alone,
        inverses: inverses_by_one_division,
        per_sides: per_sides_by_one_division,
    }
)
