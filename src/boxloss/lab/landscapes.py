"""A loss over a plane of predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from boxloss.lab.check import (
    Extent,
    check_angle,
    check_extent,
    check_loss,
    check_numbers,
    check_resolution,
    check_sides,
    check_target,
    check_vary,
)
from boxloss.losses.iou_score import iou_score
from boxloss.losses.loss import Loss

PARAMETERS = "xywha"


class Statistics(NamedTuple):
    """What a gradient field is like, by shares of the plane's area.

    Directions are those in the two parameters that vary: they depend on the choice of parameters and on their units.

    Attributes
    ----------
    zero_share : float
        Share of the plane where the gradient is exactly 0.
    away_share : float
        Share of the plane where descent points away from the target, at more than a right angle.
    mean_cosine : float
        Mean cosine of the angle between the direction of descent and the direction to the target, where there are
        both; NaN if there are nowhere.
    slope_min, slope_p5, slope_median, slope_p95, slope_max : float
        Quantiles over the plane of the norm of the gradient.
    """

    zero_share: float
    away_share: float
    mean_cosine: float
    slope_min: float
    slope_p5: float
    slope_median: float
    slope_p95: float
    slope_max: float


@dataclass(frozen=True, eq=False)
class Landscape:
    """A loss, its gradient and the IoU over a plane of predictions; see `landscape`.

    Attributes
    ----------
    loss : Loss
        The loss.
    target : ndarray, shape (4,) or (5,)
        The target (x, y, w, h), and its angle if the plane is one of boxes with an angle.
    pred : ndarray, shape (4,) or (5,)
        The prediction, likewise; its two parameters that vary are NaN.
    vary : (str, str)
        The parameter along the columns and the one along the rows: ``"x"``, ``"y"``, ``"w"``, ``"h"`` or ``"a"``.
    extent : ((float, float), (float, float))
        The lower and the upper edge of the plane along each of them, in the units of the boxes.
    x : ndarray, shape (columns,)
        The values of the first parameter, in the middle of each cell.
    y : ndarray, shape (rows,)
        Those of the second.
    value, iou : ndarray, shape (rows, columns)
        The loss and the IoU.
    grad : ndarray, shape (rows, columns, 2)
        The derivatives of the loss with respect to the first and the second parameter.
    """

    loss: Loss
    target: np.ndarray
    pred: np.ndarray
    vary: tuple[str, str]
    extent: Extent
    x: np.ndarray
    y: np.ndarray
    value: np.ndarray
    iou: np.ndarray
    grad: np.ndarray

    @cached_property
    def to_target(self) -> np.ndarray:
        """From each prediction to the target in the parameters that vary, shape (rows, columns, 2)."""
        x, y = (self.target[PARAMETERS.index(name)] for name in self.vary)
        return np.stack(np.meshgrid(x - self.x, y - self.y), axis=-1)

    @cached_property
    def statistics(self) -> Statistics:
        """What the gradient field is like."""
        slope, distance = (np.hypot(*np.moveaxis(v, -1, 0)) for v in (self.grad, self.to_target))
        along = -np.einsum("...k,...k", self.grad, self.to_target)
        both = (slope > 0.0) & (distance > 0.0)
        cosines = along[both] / (slope[both] * distance[both])
        quantiles = np.quantile(slope, [0.0, 0.05, 0.5, 0.95, 1.0])
        return Statistics(
            float(np.mean(slope == 0.0)),
            float(np.mean(along < 0.0)),
            float(np.mean(cosines)) if cosines.size else float("nan"),
            *quantiles.tolist(),
        )


def landscape(
    loss: Loss,
    target: Any,
    pred_size: tuple[float, float],
    extent: Any,
    resolution: int | tuple[int, int] = 200,
    vary: str = "xy",
    *,
    pred_center: Sequence[float] | None = None,
    pred_angle: float | None = None,
) -> Landscape:
    """Compute a loss, its gradient and the IoU with the prediction moved over a plane.

    The samples are the middles of equal cells, so that a mean over samples is a mean over the plane's area.

    Parameters
    ----------
    loss : Loss
        The loss.
    target : sequence of 4 or 5 numbers
        The target (x, y, w, h): centre and size; or with an angle in radians behind these.
    pred_size : (float, float)
        The width and height of the prediction, where they do not vary.
    extent : float or ((float, float), (float, float))
        The lower and the upper edge of the plane along each parameter. A number is the reach on both sides of the
        target's own parameters; then a size starts at 0 at the least.
    resolution : int or (int, int)
        The number of cells along each side, or along the first and the second parameter.
    vary : str
        The two parameters of the plane: ``"xy"``, ``"wh"``, ``"xw"``, ``"xa"`` with the angle, ... in any order, with
        or without a comma.
    pred_center : (float, float), optional
        The centre of the prediction, where it does not vary; that of the target by default.
    pred_angle : float, optional
        The angle of the prediction in radians, where it does not vary; that of the target by default. With a target
        of four numbers, whose angle is 0, it makes the boxes of the plane such with an angle, as ``"a"`` does.

    Returns
    -------
    Landscape

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    The IoU loss has no slope where the boxes do not overlap, that is outside of (w + W) (h + H) = 4 of 64:

    >>> import boxloss as bl
    >>> from boxloss import lab
    >>> plane = lab.landscape(bl.iou, (0, 0, 1, 1), pred_size=(1, 1), extent=4, resolution=64)
    >>> plane.statistics.zero_share
    0.9375
    """
    check_loss(loss)
    names = check_vary(vary)
    target = check_target(target, has_angle="a" in names or pred_angle is not None)
    columns, rows = check_resolution(resolution)
    edges = check_extent(extent, names, target)
    center = target[:2] if pred_center is None else check_numbers("pred_center", pred_center, "(x, y)")
    size = check_numbers("pred_size", pred_size, "(w, h)")
    angle = target[4:] if pred_angle is None else [check_angle("pred_angle", pred_angle)]
    check_sides("target", *target[2:4])
    check_sides("pred_size", *size)
    first, second = (PARAMETERS.index(name) for name in names)
    x, y = (middles(*edge, count) for edge, count in zip(edges, (columns, rows), strict=True))
    boxes = np.empty((rows, columns, len(target)))
    boxes[...] = pred = np.concatenate([center, size, angle])
    boxes[..., first], boxes[..., second] = x, y[:, None]
    box_format = "cxcywha" if len(target) == 5 else "cxcywh"
    value, grad = loss.value_and_grad(boxes, target, format=box_format)
    pred[[first, second]] = np.nan
    iou = iou_score(boxes, target, format=box_format)
    return Landscape(loss, target, pred, names, edges, x, y, value, iou, grad[..., [first, second]])


def middles(low: float, high: float, count: int) -> np.ndarray:
    """Find the middles of equal cells."""
    return low + (np.arange(count) + 0.5) * ((high - low) / count)
