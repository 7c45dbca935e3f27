"""Powerful-IoU, version 2."""

from dataclasses import dataclass

from boxloss.check import check_positive
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.piou import PIoU, edge_distance
from boxloss.losses.registry import register
from boxloss.shapes.box import Box
from boxloss.shapes.relations import Areas, Sides
from boxloss.shapes.replaceable import exp_of_negative
from boxloss.shapes.shape import times
from boxloss.typing import Namespace

# The square of this is nothing beside 1, but the square of that is a normal number: where such are not, as far from
# small targets, a matrix takes twice as long.
LEAST = 2.0**-31


@dataclass(frozen=True)
class PIoU2(OverlapLoss):
    r"""The `PIoU` loss times an attention that is largest for boxes of medium quality.

    .. math:: L = u(\lambda q)\,L_{PIoU}, \qquad u(x) = 3 x e^{-x^2}, \qquad q = e^{-P}

    Liu et al., "Powerful-IoU", Neural Networks 2024, version 2, with P of `PIoU`. Range [0, 2.58), and [0, 1.87) for
    the default lambda. The attention counts as constant in the gradient. Released code differentiates it: without
    overlap the loss then falls with the distance, for the default from P = 0.943 on, and its gradient pushes the boxes
    apart. Kinks: equal edges, and contact of the boxes.

    Parameters
    ----------
    lambda_ : float
        The factor of the quality q, greater than 0: the attention is largest at q = 1 / (sqrt(2) lambda).

    Raises
    ------
    ValueError
        If `lambda_` is not a finite number above 0.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.piou2(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])).round(4)
    array([1.3698])
    """

    lambda_: float = 1.3
    relations = ("areas", "corners", "sides")
    expression = "u(lambda exp(-P)) (1 - I / U + 1 - exp(-P^2))"
    value_range = "[0, 2.58)"
    paper = "Liu et al. 2024"

    def __post_init__(self) -> None:
        check_positive("lambda_", self.lambda_)
        super().__post_init__()

    @staticmethod
    def formula(xp: Namespace, areas: Areas, corners: Box, sides: Sides, lambda_: float) -> Term:
        """Multiply the loss by the attention."""
        value, partials = PIoU.formula(xp, areas, corners, sides)
        p, *_ = edge_distance(xp, corners, sides.other_w, sides.other_h)
        x = lambda_ * exp_of_negative(xp, -p)
        bounded = xp.where(x < LEAST, LEAST, x)
        attention = 3.0 * x * exp_of_negative(xp, -(bounded * bounded))
        return attention * value, times(partials, attention)


piou2: PIoU2 = register("piou2", PIoU2())
