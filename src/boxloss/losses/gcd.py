"""Gaussian combined distance."""

from dataclasses import dataclass

from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.box import Vector
from boxloss.shapes.guards import per_sides
from boxloss.shapes.relations import Sides
from boxloss.shapes.replaceable import exp_of_negative, expm1_of_negative
from boxloss.typing import Namespace


@dataclass(frozen=True)
class GCD(OverlapLoss):
    r"""1 minus the exponential of a distance of the boxes as Gaussians, in units of their sides.

    .. math::

        L = 1 - e^{-\sqrt{D^2}}, \qquad
        D^2 = \frac{1}{2} \left(dx^2 + \frac{(w - W)^2}{4}\right) \left(\frac{1}{w^2} + \frac{1}{W^2}\right)
            + \frac{1}{2} \left(dy^2 + \frac{(h - H)^2}{4}\right) \left(\frac{1}{h^2} + \frac{1}{H^2}\right)

    Guan et al., "Gaussian Combined Distance: A Generic Metric for Object Detection", 2025 (arXiv:2510.27649). Range
    [0, 1), symmetric, the same at every scale; it fades with distance. At a match the loss is a cone: its gradient
    does not fade on the way there and is 0 at the match itself.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.gcd(np.asarray([[0.0, 0, 8, 8]]), np.asarray([[1.0, 1, 9, 9]])).round(4)
    array([0.162])
    """

    relations = ("center_offset", "size_difference", "sides")
    shapes = ("axis-aligned",)
    expression = "1 - exp(-sqrt(D^2))"
    value_range = "[0, 1)"
    paper = "Guan et al. 2025"

    @staticmethod
    def formula(xp: Namespace, offset: Vector, size: Vector, sides: Sides) -> Term:
        """Compute 1 - exp(-D)."""
        half_x, half_y = 0.5 * size.x, 0.5 * size.y
        along_x, along_y = offset.x * offset.x + half_x * half_x, offset.y * offset.y + half_y * half_y
        (per_w, per_h), (per_other_w, per_other_h) = per_sides(xp, *sides[:2]), per_sides(xp, *sides[2:])
        per_w2, per_h2, per_other_w2, per_other_h2 = (per * per for per in (per_w, per_h, per_other_w, per_other_h))
        mean_x, mean_y = 0.5 * (per_w2 + per_other_w2), 0.5 * (per_h2 + per_other_h2)
        distance = xp.sqrt(along_x * mean_x + along_y * mean_y)
        value = -expm1_of_negative(xp, -distance)
        slope = exp_of_negative(xp, -distance) / xp.where(distance > 0.0, distance, 1.0)
        # The slope may be as large as 1 / w is: each is multiplied by a length before the next comes.
        of_x, of_y = -0.5 * slope * along_x, -0.5 * slope * along_y
        d_sides = Sides(
            of_x * per_w * per_w2,
            of_y * per_h * per_h2,
            of_x * per_other_w * per_other_w2,
            of_y * per_other_h * per_other_h2,
        )
        d_offset = Vector(slope * offset.x * mean_x, slope * offset.y * mean_y)
        d_size = Vector(0.5 * slope * half_x * mean_x, 0.5 * slope * half_y * mean_y)
        return value, (d_offset, d_size, d_sides)


gcd: GCD = register("gcd", GCD())
