"""The scores and the step of ``src/box.c`` of darknet (AlexeyAB/darknet), in float32, for any array library.

The step is what darknet trains with. It is **not a gradient**, neither of a score here nor of the formula that a score
stands for: see `dx_box_iou`.
"""

from collections import namedtuple
from typing import Any, cast

from boxloss.check import check_choice
from boxloss.check_arrays import check_last_axis
from boxloss.compat.arrays import library
from boxloss.engines.array import quiet
from boxloss.losses.ciou import FOUR_PER_PI_SQUARED
from boxloss.typing import ArrayT, Namespace, Number, Truth

__all__ = ["box_ciou", "box_diou", "box_giou", "box_iou", "dx_box_iou"]

KINDS = ("iou", "giou", "diou", "ciou")
Boxes = namedtuple("Boxes", "x y w h left top right bottom")  # of numbers


def box_iou(a: ArrayT, b: ArrayT) -> ArrayT:
    """Compute the IoU of each pair of boxes, as ``box_iou`` of darknet has it.

    Parameters
    ----------
    a, b : array, shape (..., 4)
        Centre, width and height, of any array library; computed in float32. Leading axes broadcast.

    Returns
    -------
    array
        Values of the leading shape, of float32; 0 where the boxes do not overlap or have no area.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.darknet import box_iou
    >>> box_iou(np.asarray([1.0, 1, 2, 2]), np.asarray([2.0, 2, 2, 2])).round(4)
    np.float32(0.1429)
    """
    xp, one, other = _read(a, b)
    return cast(ArrayT, _areas(xp, one, other)[0])


def box_giou(a: ArrayT, b: ArrayT) -> ArrayT:
    """Compute the GIoU of each pair of boxes, as ``box_giou`` of darknet has it.

    Parameters
    ----------
    a, b
        As in `box_iou`.

    Returns
    -------
    array
        Values of the leading shape, of float32; the IoU where the enclosing box has no area.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.darknet import box_giou
    >>> box_giou(np.asarray([1.0, 1, 2, 2]), np.asarray([2.0, 2, 2, 2])).round(4)
    np.float32(-0.0794)
    """
    xp, one, other = _read(a, b)
    iou, union = _areas(xp, one, other)
    w, h = _enclosing(xp, one, other)
    return cast(ArrayT, iou - _over(xp, w * h - union, w * h))


def box_diou(a: ArrayT, b: ArrayT) -> ArrayT:
    """Compute the DIoU of each pair of boxes, as ``box_diou`` of darknet has it: with its penalty to the power 0.6.

    Parameters
    ----------
    a, b
        As in `box_iou`.

    Returns
    -------
    array
        Values of the leading shape, of float32; the IoU where the enclosing box is a point.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Notes
    -----
    The step of `dx_box_iou` has the power 1 instead.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.darknet import box_diou
    >>> box_diou(np.asarray([1.0, 1, 2, 2]), np.asarray([2.0, 2, 2, 2])).round(4)
    np.float32(-0.1247)
    """
    xp, one, other = _read(a, b)
    w, h = _enclosing(xp, one, other)
    distance: Any = _over(xp, _distance(one, other), w * w + h * h)
    return cast(ArrayT, _areas(xp, one, other)[0] - distance**0.6)


def box_ciou(a: ArrayT, b: ArrayT) -> ArrayT:
    """Compute the CIoU of each pair of boxes, as ``box_ciou`` of darknet has it.

    Parameters
    ----------
    a, b
        As in `box_iou`.

    Returns
    -------
    array
        Values of the leading shape, of float32; the IoU where the enclosing box is a point. 1e-6 is added to the
        denominator of alpha.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.darknet import box_ciou
    >>> box_ciou(np.asarray([1.0, 1, 2, 2]), np.asarray([2.0, 2, 2, 2])).round(4)
    np.float32(0.0317)
    """
    xp, one, other = _read(a, b)
    iou, _ = _areas(xp, one, other)
    w, h = _enclosing(xp, one, other)
    v, _ = _aspect(xp, one, other)
    penalty = _over(xp, _distance(one, other), w * w + h * h) + v * v / (1.0 - iou + v + 1e-6)
    return cast(ArrayT, xp.where(w * w + h * h > 0.0, iou - penalty, iou))


def dx_box_iou(pred: ArrayT, truth: ArrayT, iou_loss: str) -> ArrayT:
    """Compute the step that darknet takes along the centre, width and height of each box: not a gradient.

    Parameters
    ----------
    pred, truth : array, shape (..., 4)
        Centre, width and height, of any array library; computed in float32. Leading axes broadcast.
    iou_loss : {"iou", "giou", "diou", "ciou"}
        Which.

    Returns
    -------
    array, shape (..., 4)
        What darknet adds to x, y, w and h, times its rate, of float32.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Notes
    -----
    Where it departs from minus the gradient of the loss with respect to `pred`:

    - The IoU and GIoU parts along w and h are twice what they should be.
    - The intersection is not clamped, so that boxes apart have a spurious one: negative, or positive where they are
      apart along both axes.
    - The part of DIoU and CIoU that grows the enclosing box has the sign reversed along x and y.
    - CIoU lacks the factor 1 / (w^2 + h^2) of the derivative of v, so that its step depends on the unit of boxes.
    - The score that goes with DIoU has its penalty to the power 0.6.

    Of two boxes without area the step of CIoU along w and h is NaN, as in darknet: its alpha has I / U, 0 / 0. Its
    layers take 0 for such a step.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.darknet import dx_box_iou
    >>> dx_box_iou(np.asarray([1.0, 1, 2, 2]), np.asarray([2.0, 2, 2, 2]), "giou").round(4)
    array([0.3114, 0.3114, 0.1557, 0.1557], dtype=float32)
    """
    check_choice("iou_loss", iou_loss, KINDS)
    xp, p, t = _read(pred, truth, ("pred", "truth"))
    left, right = xp.minimum(p.left, p.right), xp.maximum(p.left, p.right)
    top, bottom = xp.minimum(p.top, p.bottom), xp.maximum(p.top, p.bottom)
    zero = 0.0 * (left + t.left)
    w, h = right - left, bottom - top
    overlap_w = xp.minimum(right, t.right) - xp.maximum(left, t.left)
    overlap_h = xp.minimum(bottom, t.bottom) - xp.maximum(top, t.top)
    inter = overlap_w * overlap_h
    union = h * w + (t.bottom - t.top) * (t.right - t.left) - inter
    d_inter = (
        xp.where(left > t.left, -overlap_h, zero),
        xp.where(top > t.top, -overlap_w, zero),
        xp.where(right < t.right, overlap_h, zero),
        xp.where(bottom < t.bottom, overlap_w, zero),
    )
    d_union = tuple(area - d for area, d in zip((-h, -w, h, w), d_inter, strict=True))
    union2 = xp.where(union > 0.0, union * union, zero)
    of_iou = [_over(xp, union * d - inter * du, union2) for d, du in zip(d_inter, d_union, strict=True)]
    # Of a side that is inverted both corners get the second's.
    is_upright = p.left < p.right, p.top < p.bottom
    of_iou = [xp.where(is_upright[k % 2], of_iou[k], of_iou[k % 2 + 2]) for k in range(4)]
    is_apart = (overlap_w <= 0.0) | (overlap_h <= 0.0)
    if iou_loss == "giou":
        hull_w = xp.maximum(right, t.right) - xp.minimum(left, t.left)
        hull_h = xp.maximum(bottom, t.bottom) - xp.minimum(top, t.top)
        hull = hull_w * hull_h
        d_hull = (
            xp.where(left < t.left, -hull_h, zero),
            xp.where(top < t.top, -hull_w, zero),
            xp.where(right > t.right, hull_h, zero),
            xp.where(bottom > t.bottom, hull_w, zero),
        )
        of_hull = [_over(xp, hull * du - union * dc, hull * hull) for du, dc in zip(d_union, d_hull, strict=True)]
        of_iou = [xp.where(is_apart, dc, d + dc) for d, dc in zip(of_iou, of_hull, strict=True)]
    x1, y1, x2, y2 = of_iou
    step = [x1 + x2, y1 + y2, x2 - x1, y2 - y1]
    if iou_loss in ("diou", "ciou"):
        centre = _centre_step(xp, p, t, (left, top, right, bottom), zero)
        if iou_loss == "ciou":
            v, angle = _aspect(xp, p, t)
            with quiet(xp):  # 0 / 0 of two boxes without area
                scale = 2.0 * FOUR_PER_PI_SQUARED * angle * v / (1.0 - inter / union + v + 1e-6)
            centre[2], centre[3] = centre[2] + scale * p.h, centre[3] - scale * p.w
        step = [xp.where(is_apart, c, s + c) for s, c in zip(step, centre, strict=True)]
    return cast(ArrayT, xp.stack(step, axis=-1))


def _read(a: Any, b: Any, names: tuple[str, str] = ("a", "b")) -> tuple[Any, Boxes, Boxes]:
    xp = library(a, b, names)
    found = []
    for name, boxes in zip(names, (a, b), strict=True):
        check_last_axis(name, boxes)
        x, y, w, h = (xp.astype(boxes, xp.float32, copy=False)[..., k] for k in range(4))
        found.append(Boxes(x, y, w, h, x - w / 2, y - h / 2, x + w / 2, y + h / 2))
    return xp, found[0], found[1]


def _over(xp: Namespace, part: Number, whole: Number) -> Number:
    """Compute part / whole, and 0 where there is no whole."""
    return xp.where(whole > 0.0, part / xp.where(whole > 0.0, whole, 1.0 + 0.0 * whole), 0.0 * part)


def _areas(xp: Namespace, a: Boxes, b: Boxes) -> tuple[Number, Number]:
    """Compute the IoU and the union."""
    w = xp.minimum(a.right, b.right) - xp.maximum(a.left, b.left)
    h = xp.minimum(a.bottom, b.bottom) - xp.maximum(a.top, b.top)
    inter = xp.where((w < 0.0) | (h < 0.0), 0.0 * w, w * h)
    union = a.w * a.h + b.w * b.h - inter
    return _over(xp, inter, union), union


def _enclosing(xp: Namespace, a: Boxes, b: Boxes) -> tuple[Number, Number]:
    return (
        xp.maximum(a.right, b.right) - xp.minimum(a.left, b.left),
        xp.maximum(a.bottom, b.bottom) - xp.minimum(a.top, b.top),
    )


def _distance(a: Boxes, b: Boxes) -> Any:
    return (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)


def _aspect(xp: Namespace, a: Boxes, b: Boxes) -> tuple[Number, Number]:
    angle = xp.atan2(b.w, b.h) - xp.atan2(a.w, a.h)
    return FOUR_PER_PI_SQUARED * angle * angle, angle


def _centre_step(xp: Namespace, p: Boxes, t: Boxes, corners: tuple[Number, ...], zero: Number) -> list[Number]:
    """Compute what DIoU adds."""
    left, top, right, bottom = corners
    w, h = _enclosing(xp, p, t)
    c2, rho2 = w * w + h * h, _distance(p, t)

    def grown(beyond: Truth, by: float) -> Number:
        return xp.where(beyond, by + zero, zero)

    x = grown(right > t.right, 1.0) - grown(left < t.left, 1.0)
    y = grown(bottom > t.bottom, 1.0) - grown(top < t.top, 1.0)
    by_w = grown(right > t.right, 0.5) - grown(left < t.left, -0.5)
    by_h = grown(bottom > t.bottom, 0.5) - grown(top < t.top, -0.5)
    return [
        _over(xp, 2.0 * (t.x - p.x) * c2 - 2.0 * w * x * rho2, c2 * c2),
        _over(xp, 2.0 * (t.y - p.y) * c2 - 2.0 * h * y * rho2, c2 * c2),
        _over(xp, 2.0 * w * by_w * rho2, c2 * c2),
        _over(xp, 2.0 * h * by_h * rho2, c2 * c2),
    ]
