"""The intersection of two boxes with an angle, without polygons: the four edges of one, clipped by the other.

In the frame of the other box the intersection is what the edges of the first, gone round once, sweep of the other's
height within its width: a line integral of the clamped y by x. It is Lipschitz in every number, so no coincidence of
edges is counted twice or lost, and all of it is arithmetic and selects.
"""

from typing import Any, NamedTuple

from boxloss.shapes.relations import where_larger
from boxloss.shapes.relative import Relative
from boxloss.shapes.replaceable import larger, replaceable, smaller

SHORTEST_RUN = 2.0**-100  # an edge that runs less along an axis is parallel to the other one


class Edge(NamedTuple):
    """An edge of the first box, clipped by the other.

    Attributes
    ----------
    swept
        The integral of the clamped y by the share of the edge.
    inside
        The share of it inside; half of it where it lies on an edge of the other box.
    middle
        The middle of that share, seen from the middle of the edge: from -1/2 to 1/2.
    """

    swept: Any
    inside: Any
    middle: Any


class Overlap(NamedTuple):
    """The intersection of two boxes, and its derivatives by the first in the frame of the second."""

    area: Any
    x: Any
    y: Any
    w: Any
    h: Any
    angle: Any


def unit(xp: Any, a: Any) -> Any:
    """Clamp to [0, 1]."""
    a = xp.where(a < 0.0, 0.0, a)
    return xp.where(a > 1.0, 1.0, a)


def clamped(xp: Any, a: Any, limit: Any) -> Any:
    """Clamp to [-limit, limit]."""
    return smaller(xp, limit, larger(xp, -limit, a))


def per_run(xp: Any, run: Any) -> Any:
    """1 / run, and 0 for an edge along the other axis."""
    is_parallel = xp.abs(run) < SHORTEST_RUN
    return xp.where(is_parallel, 0.0, 1.0 / xp.where(is_parallel, 1.0, run))


def share_within(xp: Any, start: Any, end: Any, per: Any, limit: Any) -> tuple[Any, Any]:
    """The shares of an edge between which a coordinate is within [-limit, limit], each from the nearer end."""
    first = unit(xp, (clamped(xp, start, limit) - start) * per)
    last = unit(xp, 1.0 - (end - clamped(xp, end, limit)) * per)
    return first, larger(xp, last, first)


def where_parallel(xp: Any, per: Any, distance: Any, limit: Any, share: Any) -> Any:
    """All, half or nothing of a share of an edge that is parallel and inside, on or outside the edges of the other."""
    return xp.where(per == 0.0, where_larger(xp, limit, xp.abs(distance), share, 0.0), share)


def clipped(xp: Any, start: tuple[Any, Any], run: tuple[Any, Any], per: tuple[Any, Any], half: tuple[Any, Any]) -> Edge:
    """Clip an edge from `start` by `run`, of which `per` are the inverses, by a box of half the sides `half`."""
    (x, y), (run_x, run_y), (half_w, half_h) = start, run, half
    a0, a1 = share_within(xp, x, x + run_x, per[0], half_w)
    b0, b1 = share_within(xp, y, y + run_y, per[1], half_h)
    m0, m1 = (smaller(xp, a1, larger(xp, a0, b)) for b in (b0, b1))
    inside = m1 - m0
    beside = xp.sign(run_y) * half_h * ((a1 - m1) - (m0 - a0))
    swept = beside + inside * clamped(xp, y + (m0 + m1) * (0.5 * run_y), half_h)
    inside = where_parallel(xp, per[0], x + 0.5 * run_x, half_w, inside)
    inside = where_parallel(xp, per[1], y + 0.5 * run_y, half_h, inside)
    return Edge(swept, inside, 0.5 * (m0 + m1) - 0.5)


def has_gap(xp: Any, r: Relative) -> Any:
    """Whether a line along an edge of one of the boxes has them on two sides."""
    cos, sin = xp.abs(r.cos), xp.abs(r.sin)
    along_w, along_h = r.cos * r.x + r.sin * r.y, r.cos * r.y - r.sin * r.x
    return (
        (xp.abs(r.x) > 0.5 * (r.other_w + (r.w * cos + r.h * sin)))
        | (xp.abs(r.y) > 0.5 * (r.other_h + (r.w * sin + r.h * cos)))
        | (xp.abs(along_w) > 0.5 * (r.w + (r.other_w * cos + r.other_h * sin)))
        | (xp.abs(along_h) > 0.5 * (r.h + (r.other_w * sin + r.other_h * cos)))
    )


@replaceable
def overlap(xp: Any, r: Relative) -> Overlap:
    """The intersection of two boxes, and its derivatives."""
    half = 0.5 * r.other_w, 0.5 * r.other_h
    u, v = (r.w * r.cos, r.w * r.sin), (-(r.h * r.sin), r.h * r.cos)
    per_u, per_v = tuple(per_run(xp, run) for run in u), tuple(per_run(xp, run) for run in v)
    back_u, back_v, per_back_u, per_back_v = ((-a, -b) for a, b in (u, v, per_u, per_v))

    def corner(along_u: float, along_v: float) -> tuple[Any, Any]:
        return r.x + along_u * u[0] + along_v * v[0], r.y + along_u * u[1] + along_v * v[1]

    bottom = clipped(xp, corner(-0.5, -0.5), u, per_u, half)
    right = clipped(xp, corner(0.5, -0.5), v, per_v, half)
    top = clipped(xp, corner(0.5, 0.5), back_u, per_back_u, half)
    left = clipped(xp, corner(-0.5, 0.5), back_v, per_back_v, half)

    swept = (u[0] * (top.swept - bottom.swept)) + (v[0] * (left.swept - right.swept))
    most = smaller(xp, r.w * r.h, r.other_w * r.other_h)
    area = xp.where(has_gap(xp, r) | (swept < 0.0), 0.0, smaller(xp, most, swept))
    along_v, along_u = bottom.inside - top.inside, right.inside - left.inside
    by_turn = (r.w * r.w) * (bottom.inside * bottom.middle + top.inside * top.middle)
    by_turn = by_turn + (r.h * r.h) * (right.inside * right.middle + left.inside * left.middle)
    return Overlap(
        area,
        along_v * u[1] + along_u * v[1],
        -(along_v * u[0] + along_u * v[0]),
        0.5 * r.h * (right.inside + left.inside),
        0.5 * r.w * (bottom.inside + top.inside),
        -by_turn,
    )
