"""Intervals along z: a pair of them, and what is made of a pair. They are to one axis what boxes are to two.

A box in space is a box of the ground plane times an interval.
"""

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

from boxloss.shapes.box import Box
from boxloss.shapes.coordinates import COORDINATES
from boxloss.shapes.guards import upright_as_given, with_guards
from boxloss.shapes.mapped import Mapped, back_from_between, back_from_each
from boxloss.shapes.relations import where_larger
from boxloss.shapes.replaceable import larger, smaller
from boxloss.shapes.shape import Gradient, Pair, plus
from boxloss.typing import Namespace, Number


class Interval(NamedTuple):
    """The ends of an interval, or two derivatives with respect to them."""

    z1: Number
    z2: Number

    @property
    def length(self) -> Number:
        """From the first end to the second."""
        return self.z2 - self.z1

    def upright(self, xp: Namespace) -> "Interval":
        """Make z2 >= z1: an inverted interval becomes one of length 0 at z1."""
        return Interval(self.z1, larger(xp, self.z1, self.z2))


class IntervalPartials(NamedTuple):
    """`boxloss.shapes.shape.Partials` of an axis: `inner` and `outer` are by a length."""

    box: Interval | None = None
    inner: Number | None = None
    outer: Number | None = None


class IntervalPair(Pair):
    """Two intervals, and those that they make together."""

    given: Interval
    given_other: Interval

    @cached_property
    def box(self) -> Interval:
        """The first interval, upright."""
        return upright_as_given(self.xp, self.given)

    @cached_property
    def other(self) -> Interval:
        """The second interval, upright."""
        return upright_as_given(self.xp, self.given_other)

    @cached_property
    def inner(self) -> Interval:
        """The intersection, or inverted: a gap."""
        xp, a, b = self.xp, self.box, self.other
        return Interval(larger(xp, a.z1, b.z1), smaller(xp, a.z2, b.z2))

    @cached_property
    def outer(self) -> Interval:
        """The smallest interval that encloses both."""
        xp, a, b = self.xp, self.box, self.other
        return Interval(smaller(xp, a.z1, b.z1), larger(xp, a.z2, b.z2))

    @cached_property
    def offset(self) -> Number:
        """Middle of the first interval minus that of the other."""
        a, b = self.box, self.other
        return 0.5 * ((a.z1 - b.z1) + (a.z2 - b.z2))

    def exchanged(self) -> "IntervalPair":
        """Make the pair with its other interval first."""
        pair = IntervalPair(self.xp, self.given_other, self.given, self.image)
        pair.__dict__.update(box=self.other, other=self.box, inner=self.inner, outer=self.outer)
        return pair

    def of_upright(self, xp: Namespace, box: Interval, other: Interval) -> "IntervalPair":
        """Make a pair of other intervals, which are upright."""
        pair = IntervalPair(xp, box, other, self.image)
        pair.__dict__.update(box=box, other=other)
        return pair

    def gradient(self, partials: IntervalPartials | None) -> Gradient:
        """Compute the gradient: an end of the first interval is the inner one, the outer one or, at a tie, both."""
        d, inner, outer = partials or IntervalPartials()
        if inner is None and outer is None:
            return Gradient(d)
        xp, a, b = self.xp, self.box, self.other
        inner, outer = (0.0 if length is None else length for length in (inner, outer))
        by_lengths = Interval(
            -where_larger(xp, a.z1, b.z1, inner, outer),
            where_larger(xp, a.z2, b.z2, outer, inner),
        )
        return Gradient(plus(d, by_lengths))

    def pull_back(self, gradient: Gradient) -> Interval:
        """Pull back: the second end of an inverted interval has no influence, and its first one that of both."""
        d, given = gradient
        if d is not None:
            d_z2 = where_larger(self.xp, self.given.z2, self.given.z1, d.z2, 0.0)
            d = Interval(d.z1 + (d.z2 - d_z2), d_z2)
        return plus(d, given) or Interval(0.0, 0.0)


def scaled(pair: IntervalPair, ratio: Number) -> Mapped:
    """Scale both intervals about their middles; see `boxloss.shapes.mappings`."""
    origin, inset = pair.outer.z1, 0.5 * (1.0 - ratio)

    def scale(b: Interval) -> Interval:
        shift = inset * b.length
        return Interval((b.z1 - origin) + shift, (b.z2 - origin) - shift)

    def unscale(d: Interval) -> Interval:
        turn = inset * (d.z2 - d.z1)
        return Interval(d.z1 + turn, d.z2 - turn)

    return Mapped(pair.of_upright(with_guards(pair.xp), scale(pair.box), scale(pair.other)), back_from_each(unscale))


def interpolated(pair: IntervalPair, alpha: Number) -> Mapped:
    """Move the first interval towards the other, by the share alpha of the way."""
    box, other, rest = pair.box, pair.other, 1.0 - alpha
    z1, z2 = rest * (box.z1 - other.z1), other.length + rest * (box.z2 - other.z2)
    between = Interval(z1, larger(pair.xp, z1, z2))  # rounding may have them change places

    return Mapped(
        pair.of_upright(with_guards(pair.xp), between, Interval(0.0 * other.length, other.length)),
        back_from_between(alpha),
    )


def differences(
    pair: IntervalPair, coordinates: str
) -> tuple[tuple[Number, Number], Callable[[Number, Number], Interval]]:
    """Compute the two numbers that coordinates of a box have along an axis, and find the way back from derivatives."""
    (p, t), own = (pair.given, pair.given_other), COORDINATES[coordinates]
    first, _, last, _ = own.of(Box(p.z1 - t.z1, 0.0, p.z2 - t.z2, 0.0))

    def back(d_first: Number, d_last: Number) -> Interval:
        d = own.pullback((d_first, 0.0, d_last, 0.0))
        return Interval(d.x1, d.x2)

    return (first, last), back
