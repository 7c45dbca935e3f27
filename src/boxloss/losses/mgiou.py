"""Marginalized generalized IoU."""

from dataclasses import dataclass
from typing import Any

from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.piou import edge_distance
from boxloss.losses.registry import register
from boxloss.shapes.box import Box
from boxloss.shapes.relations import Vector


@dataclass(frozen=True)
class MGIoU(OverlapLoss):
    r"""The mean over the axes of the GIoU loss of the boxes' projections, halved.

    .. math::

        L = \frac{1}{2} \left(1 - \frac{1}{2} \left(\frac{i_w}{c_w} + \frac{i_h}{c_h}\right)\right)
          = \frac{1}{4} \left(\frac{|l - L| + |r - R|}{c_w} + \frac{|t - T| + |b - B|}{c_h}\right)

    Le et al., "Marginalized Generalized IoU (MGIoU)", 2025 (arXiv:2504.16443), for boxes along the axes; the sides of
    the intersection are negative where there is a gap. Range [0, 1). The gradient is not 0 where the boxes do not
    overlap. There is no product of sides: each axis counts for itself. Kinks: equal edges.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.mgiou(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])).round(4)
    array([0.3333])
    """

    relations = ("corners", "enclosing_sides")
    expression = "(1 - (i_w / c_w + i_h / c_h) / 2) / 2"
    value_range = "[0, 1)"
    paper = "Le et al. 2025"

    @staticmethod
    def formula(xp: Any, corners: Box, c: Vector) -> Term:
        """What the boxes do not share of each axis: 0 at a match, exactly."""
        value, d_corners, d_c = edge_distance(xp, corners, c.x, c.y)
        return value, (d_corners, d_c)


mgiou: MGIoU = register("mgiou", MGIoU())
