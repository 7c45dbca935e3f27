"""The intersection of two boxes with an angle, without polygons: the four edges of one, clipped by the other.

In the frame of the other box the intersection is what the edges of the first, gone round once, sweep of the other's
height within its width: a line integral of the clamped y by x. It is Lipschitz in every number, so no coincidence of
edges is counted twice or lost, and all of it is arithmetic and selects.

Rounding leaves an eps of that height times what the edges run along x. So the other box has to lie flat: where it is
higher than wide, x and y change places. Of two needles the error would else be an eps of the square of the longer side.
"""

from typing import NamedTuple

from boxloss.shapes.relative import Relative
from boxloss.shapes.replaceable import larger, replaceable, smaller
from boxloss.typing import Namespace, Number, Truth

SHORTEST_RUN = 2.0**-100  # an edge that runs less along an axis is parallel to the other one


class Axis(NamedTuple):
    """The edges of the first box along one of its sides, and the other box, along one axis.

    Attributes
    ----------
    half, length
        Half of what the edges run along the axis, and its size.
    per
        -1 / the run. Of an edge along the other axis it is so large that any distance times it is beyond 1.
    is_parallel
        Whether that is so.
    limit
        Half the side of the other box.
    """

    half: Number
    length: Number
    per: Number
    is_parallel: Truth
    limit: Number


class Corner(NamedTuple):
    """A corner of the first box: its y, and how far it is beyond the other along x and along y."""

    y: Number
    beyond_x: Number
    beyond_y: Number


class Edge(NamedTuple):
    """An edge of the first box, clipped by the other.

    Attributes
    ----------
    beside, within
        The integral of the clamped y by the share of the edge, in two parts: what is above the other box less what is
        below it, or the other way round for one that runs down, in its limit; and what is within.
    inside
        The share of it inside; half of it where it lies on an edge of the other box.
    middle
        The middle of that share, seen from the middle of the edge: from -1/2 to 1/2.
    """

    beside: Number
    within: Number
    inside: Number
    middle: Number


class Overlap(NamedTuple):
    """The intersection of two boxes, and its derivatives by the first in the frame of the second."""

    area: Number
    x: Number
    y: Number
    w: Number
    h: Number
    angle: Number


def clamped(xp: Namespace, a: Number, limit: Number) -> Number:
    """Clamp to [-limit, limit]."""
    return smaller(xp, limit, larger(xp, -limit, a))


def axis(xp: Namespace, half: Number, limit: Number) -> Axis:
    """Compute what is the same for two edges."""
    length = xp.abs(half)
    is_parallel = length < 0.5 * SHORTEST_RUN
    return Axis(half, length, -0.5 / xp.where(is_parallel, 0.5 * SHORTEST_RUN, half), is_parallel, limit)


def clipped(xp: Namespace, start: Corner, end: Corner, middle: tuple[Number, Number], x: Axis, y: Axis) -> Edge:
    """Clip an edge.

    The shares of it between which it is within the width of the other box are taken from the nearer end each, and what
    is within its height from these.
    """
    a0 = start.beyond_x * x.per
    a0 = xp.where(a0 < 0.0, 0.0, a0)
    a0 = xp.where(a0 > 1.0, 1.0, a0)
    a1 = larger(xp, a0, 1.0 + end.beyond_x * x.per)
    a1 = xp.where(a1 > 1.0, 1.0, a1)
    m0 = smaller(xp, a1, larger(xp, a0, start.beyond_y * y.per))
    m1 = larger(xp, m0, smaller(xp, a1, 1.0 + end.beyond_y * y.per))
    both, inside = m0 + m1, m1 - m0
    within = inside * (start.y + both * y.half)
    return Edge((a0 + a1) - both, within, halved_on_edges(xp, middle, x, y, inside), 0.5 * both - 0.5)


def halved_on_edges(xp: Namespace, middle: tuple[Number, Number], x: Axis, y: Axis, share: Number) -> Number:
    """Halve a share of an edge that lies on one of the other."""
    is_on = (x.is_parallel & (xp.abs(middle[0]) == x.limit)) | (y.is_parallel & (xp.abs(middle[1]) == y.limit))
    return xp.where(is_on, 0.5 * share, share)


def swept(xp: Namespace, before: Edge, after: Edge, y: Axis) -> Number:
    """Compute what the second of two parallel edges sweeps more than the first."""
    limit = xp.where(y.per > 0.0, -y.limit, y.limit)
    return limit * (after.beside - before.beside) + (after.within - before.within)


def has_gap(xp: Namespace, r: Relative, u: tuple[Axis, Axis], v: tuple[Axis, Axis]) -> Truth:
    """Say whether a line along an edge of one of the boxes has them on two sides."""
    cos, sin = xp.abs(r.cos), xp.abs(r.sin)
    along_w, along_h = r.cos * r.x + r.sin * r.y, r.cos * r.y - r.sin * r.x
    limit_x, limit_y = u[0].limit, u[1].limit
    return (
        (xp.abs(r.x) > limit_x + (u[0].length + v[0].length))
        | (xp.abs(r.y) > limit_y + (u[1].length + v[1].length))
        | (xp.abs(along_w) > 0.5 * r.w + (limit_x * cos + limit_y * sin))
        | (xp.abs(along_h) > 0.5 * r.h + (limit_x * sin + limit_y * cos))
    )


def exchanged_where(xp: Namespace, condition: Truth, a: Number, b: Number) -> tuple[Number, Number]:
    """Let two numbers change places."""
    return xp.where(condition, b, a), xp.where(condition, a, b)


@replaceable
def overlap(xp: Namespace, r: Relative) -> Overlap:
    """Compute the intersection of two boxes, and its derivatives.

    Where x and y change places, so do cosine and sine, and the first box turns the other way.
    """
    is_tall = r.other_h > r.other_w
    (x, y), (cos, sin) = (exchanged_where(xp, is_tall, *pair) for pair in ((r.x, r.y), (r.cos, r.sin)))
    longer, shorter = larger(xp, r.other_w, r.other_h), smaller(xp, r.other_h, r.other_w)
    found = overlap_of_flat(xp, Relative(x, y, r.w, r.h, cos, sin, longer, shorter))
    by_x, by_y = exchanged_where(xp, is_tall, found.x, found.y)
    return found._replace(x=by_x, y=by_y, angle=xp.where(is_tall, -found.angle, found.angle))


def overlap_of_flat(xp: Namespace, r: Relative) -> Overlap:
    """Compute the same for another box that is at least as wide as high."""
    limit_x, limit_y, half_w, half_h = (0.5 * side for side in (r.other_w, r.other_h, r.w, r.h))
    u_x, u_y = axis(xp, half_w * r.cos, limit_x), axis(xp, half_w * r.sin, limit_y)
    v_x, v_y = axis(xp, -(half_h * r.sin), limit_x), axis(xp, half_h * r.cos, limit_y)

    before_u, after_u = (r.x - u_x.half, r.y - u_y.half), (r.x + u_x.half, r.y + u_y.half)
    before_v, after_v = (r.x - v_x.half, r.y - v_y.half), (r.x + v_x.half, r.y + v_y.half)

    def corner(x: Number, y: Number) -> Corner:
        return Corner(y, x - clamped(xp, x, limit_x), y - clamped(xp, y, limit_y))

    first, second = (corner(x - u_x.half, y - u_y.half) for x, y in (before_v, after_v))
    third, last = (corner(x + u_x.half, y + u_y.half) for x, y in (before_v, after_v))
    bottom = clipped(xp, first, third, before_v, u_x, u_y)
    top = clipped(xp, second, last, after_v, u_x, u_y)
    left = clipped(xp, first, second, before_u, v_x, v_y)
    right = clipped(xp, third, last, after_u, v_x, v_y)

    # Twice each half, not twice the sum: a kernel waits for what is shared, and the halves are there long before.
    shared = (2.0 * u_x.half) * swept(xp, bottom, top, u_y) + (2.0 * v_x.half) * swept(xp, right, left, v_y)
    most = smaller(xp, r.w * r.h, r.other_w * r.other_h)
    is_apart = has_gap(xp, r, (u_x, u_y), (v_x, v_y))
    area = xp.where(is_apart, 0.0, smaller(xp, most, xp.where(shared < 0.0, 0.0, shared)))
    along_v, along_u = 2.0 * (bottom.inside - top.inside), 2.0 * (right.inside - left.inside)
    by_turn = (r.w * r.w) * (bottom.inside * bottom.middle - top.inside * top.middle)
    by_turn = by_turn + (r.h * r.h) * (right.inside * right.middle - left.inside * left.middle)
    return Overlap(
        area,
        along_v * u_y.half + along_u * v_y.half,
        -(along_v * u_x.half + along_u * v_x.half),
        half_h * (right.inside + left.inside),
        half_w * (bottom.inside + top.inside),
        -by_turn,
    )
