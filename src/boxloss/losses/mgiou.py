"""Marginalized generalized IoU."""

from dataclasses import dataclass

from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.guards import per_length
from boxloss.shapes.relative import Projection
from boxloss.typing import Namespace


@dataclass(frozen=True)
class MGIoU(OverlapLoss):
    r"""The mean over the axes of the GIoU loss of the boxes' projections, halved.

    .. math::

        L = \frac{1}{2} \left(1 - \frac{1}{2} \left(\frac{i_w}{c_w} + \frac{i_h}{c_h}\right)\right)
          = \frac{1}{4} \left(\frac{|l - L| + |r - R|}{c_w} + \frac{|t - T| + |b - B|}{c_h}\right)

    Le et al., "Marginalized Generalized IoU (MGIoU)", 2025 (arXiv:2504.16443), for boxes along the axes; the sides of
    the intersection are negative where there is a gap. Of boxes with an angle it is the mean over four lines: along
    the sides of pred and along those of target; of boxes in space over the three axes, or with a yaw over the six
    normals of both. Range [0, 1). The gradient is not 0 where the boxes do not
    overlap. There is no product of sides: each axis counts for itself. Kinks: equal edges.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.mgiou(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])).round(4)
    array([0.3333])
    """

    relations = ("projections",)
    expression = "(1 - (i_w / c_w + i_h / c_h) / 2) / 2"
    value_range = "[0, 1)"
    paper = "Le et al. 2025"

    @staticmethod
    def formula(xp: Namespace, projections: tuple[Projection, ...]) -> Term:
        """Compute what the boxes do not share of each line: 0 at a match, exactly."""
        share = 0.5 / len(projections)
        per = [per_length(xp, line.length) for line in projections]
        values = [share * line.distance * per_line for line, per_line in zip(projections, per, strict=True)]
        partials = tuple(Projection(share * one, -(value * one)) for value, one in zip(values, per, strict=True))
        return sum(values[1:], start=values[0]), (partials,)


mgiou: MGIoU = register("mgiou", MGIoU())
