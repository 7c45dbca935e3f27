"""Complete IoU."""

import math
from dataclasses import dataclass

from boxloss.losses.diou import distance_and_penalty
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.shapes.relations import Areas
from boxloss.shapes.shape import times
from boxloss.typing import Namespace, Number

FOUR_PER_PI_SQUARED = 4.0 / math.pi**2


def aspect_penalty(
    xp: Namespace, distance: Number, aspect: Number, eps: float, scale: float = FOUR_PER_PI_SQUARED
) -> tuple[Number, Number, Number]:
    """Compute alpha v; its partial with respect to the difference of the angles, for a constant alpha; and alpha."""
    scaled_aspect = scale * aspect
    v = scaled_aspect * aspect
    alpha = v / xp.where(v == 0.0, 1.0, distance + v + eps)  # 0 where there is no difference
    return alpha * v, 2.0 * scaled_aspect * alpha, alpha


@dataclass(frozen=True)
class CIoU(OverlapLoss):
    r"""The DIoU loss plus a term for the aspect ratio.

    .. math::

        L = 1 - \frac{I}{U} + \frac{\rho^2}{c^2} + \alpha v, \qquad
        v = \frac{4}{\pi^2} \left(\arctan\frac{W}{H} - \arctan\frac{w}{h}\right)^2, \qquad
        \alpha = \frac{v}{(1 - I / U) + v}

    Zheng et al., "Distance-IoU Loss", AAAI 2020 (arXiv:1911.08287), equations (8) to (12). Range [0, 2.5): the limit
    is that of long boxes at right angles, far apart. The gradient is that of the formula: published equation (12) has
    the signs of dv/dw and dv/dh reversed, and released code drops their factor 1 / (w^2 + h^2). Kinks: equal edges,
    and contact of the boxes.

    Parameters
    ----------
    full_gradient : bool
        False holds alpha constant in the gradient, as the paper and torchvision do; True gives the derivative of the
        value.
    eps : float
        Added to the union, to the squared diagonal and to the denominator of alpha.

    Raises
    ------
    ValueError
        If `eps` is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.ciou(np.asarray([[1.0, 1, 2, 3]]), np.asarray([[0.0, 0, 4, 4]])).round(6)
    array([0.884732])
    """

    full_gradient: bool = False
    eps: float = 0.0
    per_distance = 1.0
    relations = ("areas", "enclosing_diagonal", "center_distance", "aspect")
    expression = "1 - I / U + rho^2 / c^2 + alpha v"
    value_range = "[0, 2.5)"
    paper = "Zheng et al. 2020"

    @staticmethod
    def terms(
        xp: Namespace, areas: Areas, c2: Number, rho2: Number, aspect: Number, full_gradient: bool, eps: float
    ) -> tuple[Term, ...]:
        """Compute 1 - IoU, rho^2 / c^2 and alpha v."""
        (distance, (d_areas, *_)), (penalty, d_penalty) = distance_and_penalty(xp, areas, c2, rho2, eps, eps)
        aspect_value, d_aspect, alpha = aspect_penalty(xp, distance, aspect, eps)
        by_areas = None
        if full_gradient:  # of alpha v = v^2 / (1 - IoU + v)
            d_aspect = d_aspect * (2.0 - alpha)
            by_areas = times(d_areas, -(alpha * alpha))
        of_distance = (distance, (d_areas, None, None, None))
        return of_distance, (penalty, (*d_penalty, None)), (aspect_value, (by_areas, None, None, d_aspect))


ciou: CIoU = register("ciou", CIoU())
