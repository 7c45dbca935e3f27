"""SIoU."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from boxloss.check import check_at_least
from boxloss.losses.iou import iou_and_distance
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.guards import inverses, nonzero, safe_if_ordinary
from boxloss.shapes.relations import Areas, Sides, Vector, where_larger
from boxloss.shapes.replaceable import expm1_near, larger


def _fall(xp: Any, a: Any, near: bool) -> Any:
    """1 - exp(-a), of numbers from 0 to 2 or, if not `near`, of any."""
    return -(expm1_near(xp, -a) if near else xp.expm1(-a))


class ShapeCost(NamedTuple):
    """The cost of a side of pred and one of target, and its partial derivatives."""

    value: Any
    by_side: Any
    by_other: Any
    by_weight: Any


def shape_costs(
    xp: Any, sides: Sides, weights: tuple[Any, Any], theta: Any, near: bool = True
) -> tuple[ShapeCost, ShapeCost]:
    """(1 - exp(-o))^theta of either side, with o = weight |side - other| / max(side, other), from 0 to 2 if `near`."""
    w, h = larger(xp, sides.w, sides.other_w), larger(xp, sides.h, sides.other_h)
    per_w2, per_h2 = inverses(xp, safe_if_ordinary(xp, w * w), safe_if_ordinary(xp, h * h))
    return (
        _shape_cost(xp, sides.w, sides.other_w, w * per_w2, per_w2, weights[0], theta, near),
        _shape_cost(xp, sides.h, sides.other_h, h * per_h2, per_h2, weights[1], theta, near),
    )


def _shape_cost(
    xp: Any, side: Any, other: Any, per_longer: Any, per_longer2: Any, weight: Any, theta: Any, near: bool
) -> ShapeCost:
    share = xp.abs(side - other) * per_longer
    base = _fall(xp, weight * share, near)
    power = xp.pow(base, theta - 1.0)
    slope = theta * power * (1.0 - base)
    of_share = slope * weight * per_longer2
    return ShapeCost(
        power * base,
        of_share * where_larger(xp, side, other, other, -other),
        of_share * where_larger(xp, side, other, -side, side),
        slope * share,
    )


def distance_cost(
    xp: Any, offset: Vector, c: Vector, repels: bool = False, near: bool = True
) -> tuple[Any, Vector, Vector]:
    """Half the sum of 1 - exp(-gamma r) over the axes; its partial derivatives with respect to offset and sides.

    With `repels` the exponent has the other sign. An enclosing box is no shorter than the offset in it, so that gamma r
    is from 0 to 2; not so, if not `near`, for boxes that may be inverted.
    """
    size_x, size_y = xp.abs(offset.x), xp.abs(offset.y)
    rho2 = offset.x * offset.x + offset.y * offset.y
    per_rho2 = 1.0 / nonzero(xp, rho2)
    gamma = 2.0 - 2.0 * size_x * size_y * per_rho2
    # The derivative of Lambda is this times (|dy| sign(dx), -|dx| sign(dy)).
    turn = 2.0 * (offset.y * offset.y - offset.x * offset.x) * per_rho2 * per_rho2
    if repels:
        gamma, turn = -gamma, -turn
    per_cw2, per_ch2 = inverses(xp, *(safe_if_ordinary(xp, side * side) for side in c))
    r_x, r_y = offset.x * offset.x * per_cw2, offset.y * offset.y * per_ch2
    delta_x, delta_y = (_fall(xp, gamma * r, near) for r in (r_x, r_y))
    fade_x, fade_y = 1.0 - delta_x, 1.0 - delta_y
    by_angle = (fade_x * r_x + fade_y * r_y) * turn
    d_offset = Vector(
        gamma * fade_x * per_cw2 * offset.x - 0.5 * by_angle * size_y * xp.sign(offset.x),
        gamma * fade_y * per_ch2 * offset.y + 0.5 * by_angle * size_x * xp.sign(offset.y),
    )
    d_c = Vector(-gamma * fade_x * r_x * per_cw2 * c.x, -gamma * fade_y * r_y * per_ch2 * c.y)
    return 0.5 * (delta_x + delta_y), d_offset, d_c


@dataclass(frozen=True)
class SIoU(OverlapLoss):
    r"""The IoU loss plus a cost of the distance, which is largest along an axis, and a cost of the shape.

    .. math::

        L = 1 - \frac{I}{U} + \frac{\Delta + \Omega}{2}, \qquad
        \Delta = \sum_{t = x, y} \left(1 - e^{-(2 - \Lambda) r_t}\right), \quad
        \Lambda = \frac{2 |dx| |dy|}{\rho^2}, \quad r_x = \left(\frac{dx}{c_w}\right)^2, \qquad
        \Omega = \sum_{t = w, h} \left(1 - e^{-o_t}\right)^\theta, \quad o_w = \frac{|w - W|}{\max(w, W)}

    Gevorgyan, "SIoU Loss: More Powerful Learning for Bounding Box Regression", 2022 (arXiv:2205.12740). Its angle
    cost, 1 - 2 sin^2(arcsin(s) - pi / 4), is sin(2 alpha) of the angle alpha of the offset: Lambda above, without an
    arc sine. Range [0, 2.5), and [0, 2.03) for the default theta. The gradient is not 0 where the boxes do not
    overlap. Kinks: equal edges, contact of the boxes, and an offset along an axis.

    Parameters
    ----------
    theta : float
        The power of the shape cost, 1 or more; the paper takes 2 to 6.

    Raises
    ------
    ValueError
        If `theta` is less than 1 or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.siou(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])).round(4)
    array([0.9623])
    """

    theta: float = 4.0
    exponents = ("theta",)
    relations = ("areas", "enclosing_offset", "enclosing_sides", "sides")
    expression = "1 - I / U + (Delta + Omega) / 2"
    value_range = "[0, 2.5)"
    per_distance = 1.0
    paper = "Gevorgyan 2022"

    def __post_init__(self) -> None:
        check_at_least("theta", self.theta, 1.0)
        super().__post_init__()

    @staticmethod
    def terms(xp: Any, areas: Areas, offset: Vector, c: Vector, sides: Sides, theta: float) -> tuple[Term, ...]:
        """1 - IoU and (Delta + Omega) / 2."""
        _, distance, d_areas = iou_and_distance(xp, areas, 0.0)
        cost, d_offset, d_c = distance_cost(xp, offset, c)
        w, h = shape_costs(xp, sides, (1.0, 1.0), theta)
        d_sides = Sides(0.5 * w.by_side, 0.5 * h.by_side, 0.5 * w.by_other, 0.5 * h.by_other)
        penalty = cost + 0.5 * (w.value + h.value)
        return (distance, (d_areas, None, None, None)), (penalty, (None, d_offset, d_c, d_sides))


siou: SIoU = register("siou", SIoU())
