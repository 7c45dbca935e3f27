"""Powerful-IoU, version 1."""

from dataclasses import dataclass

from boxloss.losses.iou import iou_and_distance
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.box import Box, Vector
from boxloss.shapes.guards import per_sides
from boxloss.shapes.relations import Areas, Sides
from boxloss.shapes.replaceable import exp_of_negative, expm1_of_negative
from boxloss.typing import Namespace, Number


def edge_distance(xp: Namespace, corners: Box, w: Number, h: Number) -> tuple[Number, Box, Vector]:
    """Compute the mean distance of the edges in sides of some box, and its partial derivatives."""
    per_w, per_h = per_sides(xp, w, h)
    along_x = 0.25 * (xp.abs(corners.x1) + xp.abs(corners.x2)) * per_w
    along_y = 0.25 * (xp.abs(corners.y1) + xp.abs(corners.y2)) * per_h
    per = (0.25 * per_w, 0.25 * per_h, 0.25 * per_w, 0.25 * per_h)
    d_corners = Box(*(xp.sign(corner) * scale for corner, scale in zip(corners, per, strict=True)))
    return along_x + along_y, d_corners, Vector(-(along_x * per_w), -(along_y * per_h))


@dataclass(frozen=True)
class PIoU(OverlapLoss):
    r"""The IoU loss plus a penalty of the distances of the edges in sides of the target.

    .. math::

        L = 1 - \frac{I}{U} + 1 - e^{-P^2}, \qquad
        P = \frac{1}{4} \left(\frac{|l - L| + |r - R|}{W} + \frac{|t - T| + |b - B|}{H}\right)

    Liu et al., "Powerful-IoU: More Straightforward and Faster Bounding Box Regression Loss with a Nonmonotonic
    Focusing Mechanism", Neural Networks 2024, version 1; see `PIoU2` for version 2. Range [0, 2). The penalty does not
    shrink where a box grows, but it fades: at P = 2 it is 0.98, and its slope 0.07. The loss is not symmetric: W and H
    are those of the target. Kinks: equal edges, and contact of the boxes.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.piou(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])).round(4)
    array([1.0783])
    """

    relations = ("areas", "corners", "sides")
    expression = "1 - I / U + 1 - exp(-P^2)"
    value_range = "[0, 2)"
    per_distance = 1.0
    paper = "Liu et al. 2024"

    @staticmethod
    def terms(xp: Namespace, areas: Areas, corners: Box, sides: Sides) -> tuple[Term, ...]:
        """Compute 1 - IoU and 1 - exp(-P^2)."""
        _, distance, d_areas = iou_and_distance(xp, areas, 0.0)
        p, d_corners, d_sides = edge_distance(xp, corners, sides.other_w, sides.other_h)
        penalty = -expm1_of_negative(xp, -(p * p))
        slope = 2.0 * p * exp_of_negative(xp, -(p * p))
        by_edges = (
            Box(*(slope * d for d in d_corners)),
            Sides(0.0, 0.0, slope * d_sides.x, slope * d_sides.y),
        )
        return (distance, (d_areas, None, None)), (penalty, (None, *by_edges))


piou: PIoU = register("piou", PIoU())
