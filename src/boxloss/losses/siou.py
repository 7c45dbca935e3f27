"""SIoU."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from boxloss.check import check_at_least
from boxloss.losses.iou import iou_and_distance
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.box import Vector
from boxloss.shapes.guards import floored, per_sides, reciprocal
from boxloss.shapes.relations import Areas, Sides
from boxloss.shapes.replaceable import larger, one_less_exp, power_and_slope
from boxloss.typing import Namespace, Number

Fall = Callable[[Namespace, Number], Number]
Inverses = tuple[Number, ...]  # of a width and a height


def fall_of_half(xp: Namespace, half: Number) -> Number:
    """Compute 1 - exp(-a) from half of a, from 0 to 1: by a square, since a polynomial up to 2 would be longer."""
    fall = one_less_exp(xp, half)
    return fall * (2.0 - fall)


class ShapeCost(NamedTuple):
    """Half the cost of the shape, and its partial derivatives."""

    value: Number
    by_sides: Sides
    by_weights: tuple[Number, Number]


def per_longer(xp: Namespace, sides: Sides) -> Inverses:
    """Compute the inverses of the longer width and of the longer height."""
    w, h = larger(xp, sides.w, sides.other_w), larger(xp, sides.h, sides.other_h)
    return per_sides(xp, w, h)


def shape_cost(
    xp: Namespace,
    sides: Sides,
    per: Inverses,
    theta: Number,
    weights: tuple[Number, Number] | None = None,
    fall: Fall = one_less_exp,
) -> ShapeCost:
    """Compute half the sum of (1 - exp(-weight o))^theta over the sides, with o = |side - other| / max(side, other).

    `per` are the inverses of the longer sides. Without weights they are 1. ``fall(xp, a)`` is 1 - exp(-a), by default
    for a from 0 to 1.
    """
    of_w, of_h = weights or (None, None)
    w, by_w, by_other_w, by_w_weight = _of_side(xp, sides.w, sides.other_w, per[0], theta, of_w, fall)
    h, by_h, by_other_h, by_h_weight = _of_side(xp, sides.h, sides.other_h, per[1], theta, of_h, fall)
    return ShapeCost(0.5 * (w + h), Sides(by_w, by_h, by_other_w, by_other_h), (by_w_weight, by_h_weight))


def _of_side(
    xp: Namespace, side: Number, other: Number, per_longer: Number, theta: Number, weight: Number | None, fall: Fall
) -> tuple[Number, Number, Number, Number]:
    """Compute the cost of a side, and half its derivatives with respect to the side, the other one and the weight."""
    change = side - other
    share = xp.abs(change) * per_longer
    base = fall(xp, share if weight is None else weight * share)
    power, slope = power_and_slope(xp, base, theta)
    by_exponent = 0.5 * slope * (1.0 - base)
    by_share = by_exponent if weight is None else by_exponent * weight
    by_sides = xp.sign(change) * (by_share * per_longer * per_longer)
    return power, by_sides * other, -(by_sides * side), by_exponent * share


def distance_cost(
    xp: Namespace, offset: Vector, per_c: Inverses, repels: bool = False, fall: Fall = fall_of_half
) -> tuple[Number, Vector, Vector]:
    """Compute half the sum of 1 - exp(-gamma r) over the axes; its partial derivatives by offset and sides.

    `per_c` are the inverses of the sides. With `repels` the exponent has the other sign. ``fall(xp, half)`` is
    1 - exp(-a) from half of a, by default for one from 0 to 1: an enclosing box is no shorter than the offset in it.
    """
    per_cw, per_ch = per_c
    product = offset.x * offset.y
    # One division for this and the sides, whose product with it is a normal number of float32, would keep each waiting
    # for the other: a matrix took 1.15 times as long.
    rho2 = floored(xp, offset.x * offset.x + offset.y * offset.y)
    per_rho2 = reciprocal(xp, rho2)
    half_gamma = (rho2 - xp.abs(product)) * per_rho2
    # The derivative of half of Lambda is this times (dy, -dx).
    turn = xp.sign(product) * ((offset.y * offset.y - offset.x * offset.x) * per_rho2 * per_rho2)
    if repels:
        half_gamma, turn = -half_gamma, -turn
    x, y = offset.x * per_cw, offset.y * per_ch
    r_x, r_y = x * x, y * y
    delta_x, delta_y = fall(xp, r_x * half_gamma), fall(xp, r_y * half_gamma)
    fade_x, fade_y = 1.0 - delta_x, 1.0 - delta_y
    by_angle = (fade_x * r_x + fade_y * r_y) * turn
    twice = 2.0 * half_gamma
    by_x, by_y = twice * fade_x * x * per_cw, twice * fade_y * y * per_ch
    d_offset = Vector(by_x - by_angle * offset.y, by_y + by_angle * offset.x)
    return 0.5 * (delta_x + delta_y), d_offset, Vector(-(by_x * x), -(by_y * y))


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
    def terms(xp: Namespace, areas: Areas, offset: Vector, c: Vector, sides: Sides, theta: float) -> tuple[Term, ...]:
        """Compute 1 - IoU and (Delta + Omega) / 2."""
        _, distance, d_areas = iou_and_distance(xp, areas, 0.0)
        far, d_offset, d_c = distance_cost(xp, offset, per_sides(xp, c.x, c.y))
        shape, d_sides, _ = shape_cost(xp, sides, per_longer(xp, sides), theta)
        return (distance, (d_areas, None, None, None)), (far + shape, (None, d_offset, d_c, d_sides))


siou: SIoU = register("siou", SIoU())
