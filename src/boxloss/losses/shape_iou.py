"""Shape-IoU."""

from dataclasses import dataclass

from boxloss.check import check_at_least, check_not_negative
from boxloss.losses.iou import iou_and_distance_by_inverse
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.losses.registry import register
from boxloss.losses.siou import fall_of_half, per_longer, shape_cost
from boxloss.shapes.box import Vector
from boxloss.shapes.guards import inverse, inverses, safe_if_ordinary
from boxloss.shapes.relations import Areas, Sides
from boxloss.shapes.shape import plus
from boxloss.typing import Namespace, Number


@dataclass(frozen=True)
class ShapeIoU(OverlapLoss):
    r"""The IoU loss plus a distance and a cost of the shape, both weighted by the shape of the target.

    .. math::

        L = 1 - \frac{I}{U} + \frac{h_h\,dx^2 + w_w\,dy^2}{c^2} + \frac{\Omega}{2}, \qquad
        w_w = \frac{2 W^s}{W^s + H^s}, \quad h_h = \frac{2 H^s}{W^s + H^s}, \qquad
        \Omega = \left(1 - e^{-o_w}\right)^\theta + \left(1 - e^{-o_h}\right)^\theta, \quad
        o_w = h_h \frac{|w - W|}{\max(w, W)}, \quad o_h = w_w \frac{|h - H|}{\max(h, H)}

    Zhang and Zhang, "Shape-IoU: More Accurate Metric considering Bounding Box Shape and Scale", 2023
    (arXiv:2312.17663). Range [0, 2.17) for a scale s of 0 and the default theta, [0, 4) for all. The loss is not
    symmetric: the weights are those of the target. The gradient is not 0 where the boxes do not overlap. Kinks: equal
    edges, and contact of the boxes.

    Parameters
    ----------
    scale : float
        The exponent s of the sides of the target, 0 or more; 0 makes both weights 1. The paper takes it from the sizes
        of the objects of a dataset.
    theta : float
        The power of the shape cost, 1 or more.

    Raises
    ------
    ValueError
        If `scale` is negative, `theta` is less than 1, or one is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 5, 3]])
    >>> bl.shape_iou(pred, target).round(4), bl.ShapeIoU(scale=1.0)(pred, target).round(4)
    (array([1.0681]), array([1.03]))
    """

    scale: float = 0.0
    theta: float = 4.0
    exponents = ("scale", "theta")
    relations = ("areas", "enclosing_diagonal", "center_offset", "sides")
    expression = "1 - I / U + (hh dx^2 + ww dy^2) / c^2 + Omega / 2"
    value_range = "[0, 4)"
    per_distance = 1.0
    paper = "Zhang and Zhang 2023"

    def __post_init__(self) -> None:
        check_not_negative("scale", self.scale)
        check_at_least("theta", self.theta, 1.0)
        super().__post_init__()

    @staticmethod
    def terms(
        xp: Namespace, areas: Areas, c2: Number, offset: Vector, sides: Sides, scale: float, theta: float
    ) -> tuple[Term, ...]:
        """Compute 1 - IoU, the weighted distance, and Omega / 2."""
        per_union, per_c2 = inverses(xp, areas.union, c2)
        _, distance, d_areas = iou_and_distance_by_inverse(xp, areas, per_union, 0.0)
        w, h = sides.other_w, sides.other_h
        per_w, per_h = (inverse(xp, safe_if_ordinary(xp, side * side)) * side for side in (w, h))
        wide = w >= h
        ratio = xp.where(w == h, 1.0, xp.where(wide, h * per_w, w * per_h))  # of a point too
        share = xp.pow(ratio, scale)
        of_longer = 2.0 / (1.0 + share)
        of_shorter = share * of_longer
        ww, hh = xp.where(wide, of_longer, of_shorter), xp.where(wide, of_shorter, of_longer)
        x2, y2 = offset.x * offset.x * per_c2, offset.y * offset.y * per_c2
        far = hh * x2 + ww * y2
        shape = shape_cost(xp, sides, per_longer(xp, sides), theta, (hh, ww), lambda xp, a: fall_of_half(xp, 0.5 * a))

        def of_target(by_ww: Number, by_hh: Number) -> tuple[Number, Number]:
            """Compute the derivatives with respect to the sides of the target, by way of the weights."""
            d = (by_ww - by_hh) * (0.5 * scale * ww * hh)
            return d * per_w, -(d * per_h)

        far_w, far_h = of_target(y2, x2)
        by_hh, by_ww = shape.by_weights
        shape_w, shape_h = of_target(by_ww, by_hh)
        d_offset = Vector(2.0 * hh * per_c2 * offset.x, 2.0 * ww * per_c2 * offset.y)
        d_shape = plus(shape.by_sides, Sides(0.0, 0.0, shape_w, shape_h))
        return (
            (distance, (d_areas, None, None, None)),
            (far, (None, -(far * per_c2), d_offset, Sides(0.0, 0.0, far_w, far_h))),
            (shape.value, (None, None, None, d_shape)),
        )


shape_iou: ShapeIoU = register("shape_iou", ShapeIoU())
