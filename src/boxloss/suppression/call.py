"""The checked call of a suppression, and what is computed of two boxes in it."""

import re
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxloss.check import check_count, check_finite, check_format, kind_of_object
from boxloss.check_arrays import check_boxes
from boxloss.check_options import check_one_a_box
from boxloss.libraries.arrays import is_dask, to_host
from boxloss.losses.iou_score import IoUScore
from boxloss.losses.loss import Loss
from boxloss.request import Request, pairwise_request
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.shapes.relations import height, positive_part, width
from boxloss.shapes.shape import Pair
from boxloss.typing import Array, Namespace, Number
from boxloss.verbs.pairwise.tiles import index_type
from boxloss.verbs.within.strips import numbered

FAR_APART = 2.0**62  # of ids: their differences are numbers of int64


@dataclass(frozen=True)
class Quotient(Loss):
    """I / (A + B - I), which is NaN for two boxes without area.

    Of axis-aligned boxes by the operations of other libraries: to the last bit theirs.
    """

    is_score = True
    relations = ("areas",)
    expression = "I / (A + B - I)"
    value_range = "[0, 1]"

    def evaluate(self, xp: Namespace, pair: Pair) -> tuple[Number, Any]:
        """Compute the value; nobody asks for a gradient."""
        if pair.shape is not AXIS_ALIGNED:
            areas = pair.quantity(pair.shape.relation("areas"))
            return areas.intersection / areas.union, None
        a, b = pair.given, pair.given_other
        w = positive_part(xp, xp.minimum(a.x2, b.x2) - xp.maximum(a.x1, b.x1))
        h = positive_part(xp, xp.minimum(a.y2, b.y2) - xp.maximum(a.y1, b.y1))
        intersection = w * h
        return intersection / (width(a) * height(a) + width(b) * height(b) - intersection), None

    needed_overlap = IoUScore.needed_overlap


QUOTIENT = Quotient()


class Boxes(NamedTuple):
    """A checked call, in NumPy arrays.

    `xp` and `like` are the library and the boxes as they came, `request` is for a matrix of the boxes with themselves,
    and `group` has a number for each class of each `batch`; both are None if there is one only.
    """

    xp: ModuleType
    request: Request
    scores: NDArray[np.float64]
    group: NDArray[np.int64] | None
    batch: NDArray[np.int64] | None
    like: Array


def check_most(max_kept: Any, count: int) -> int | None:
    """Find how many of so many boxes may be kept, or None for all of them."""
    most = count if max_kept is None else check_count("max_kept", max_kept)
    return most if most < count else None


def check_metric(metric: object) -> Loss:
    """Check that the metric, which says how much alike two boxes are, is a loss or a score."""
    if not isinstance(metric, Loss):
        raise TypeError(f"metric must be a score or a loss of boxloss, such as iou_score; got {kind_of_object(metric)}")
    return metric


def criterion(metric: Loss, threshold: float) -> tuple[Loss, float]:
    """Find what is computed of two boxes, and what it is more than, or less, where they are too much alike."""
    if type(metric) is IoUScore and metric.eps == 0.0:
        metric = QUOTIENT
    return metric, threshold if metric.is_score else 1.0 - threshold


def check_threshold(metric: Loss, value: Any) -> float:
    """Check how much alike boxes may be, which is no number that all boxes are below, or above.

    A score has a range. A loss counts as 1 minus it, and one that ends at 1 makes a score from 0 to 1; another one may
    be larger of other kinds of boxes than its range is of boxes in a plane, so there its end says nothing.
    """
    threshold = check_finite("threshold", value)
    low, high = ends_of(metric.value_range)
    if not metric.is_score:
        low, high = (0.0 if high <= 1.0 else -np.inf), 1.0 - low
    if low <= threshold <= high:
        return threshold
    name = type(metric).__name__
    whose = name if metric.is_score else f"1 - {name}"
    kept = "no box is removed" if threshold > high else "all but the first box are removed"
    wanted = f"at most {high:g}" if np.isinf(low) else f"from {low:g} to {high:g}"
    raise ValueError(f"threshold must be {wanted}, as {whose} is; got {threshold!r}, with which {kept}")


@cache
def ends_of(value_range: str) -> tuple[float, float]:
    """Read from where to where values are, as far as the text says so in numbers."""
    known = re.fullmatch(r"[\[(]([^,]+),(.+)[\])]", value_range)
    low, high = known.groups() if known else ("-inf", "inf")
    return _number(low, -np.inf), _number(high, np.inf)


def _number(text: str, otherwise: float) -> float:
    try:
        return float(text)
    except ValueError:
        return otherwise


def checked(
    boxes: Array,
    scores: Array,
    labels: Array | None,
    batch: Array | None,
    metric: Loss,
    format: str,
    image_size: tuple[float, float] | None,
) -> Boxes:
    """Check the arguments of a suppression, and put them in NumPy arrays."""
    if is_dask(boxes):
        raise TypeError("boxes must be all there for a suppression; got an array of Dask. Call compute() first")
    check_format(format)
    xp, boxes = check_boxes(boxes, format)
    if boxes.ndim != 2:
        raise ValueError(f"boxes must have shape (N, {boxes.shape[-1]}); got {tuple(boxes.shape)}")
    check_one_a_box(xp, "scores", scores, boxes, integral=False)
    for name, array in {"labels": labels, "batch": batch}.items():
        if array is not None:
            check_one_a_box(xp, name, array, boxes, integral=True)
    host = to_host(boxes)
    request = pairwise_request(metric.program, host, host, format, image_size)
    of_label, of_batch = (None if ids is None else _numbered(ids) for ids in (labels, batch))
    group = of_batch if of_label is None else of_label
    if of_label is not None and of_batch is not None:
        group = numbered(of_batch * (int(of_label.max(initial=0)) + 1) + of_label)[1]
    return Boxes(xp, request, to_host(scores).astype(np.float64, copy=False), group, of_batch, boxes)


def _numbered(ids: Array) -> NDArray[np.int64]:
    """Number the class or batch of each box."""
    host: NDArray[np.int64] = to_host(ids).astype(np.int64)
    if host.size and float(host.max()) - float(host.min()) > FAR_APART:
        return np.unique(host, return_inverse=True)[1]
    return numbered(host - host.min(initial=0))[1]


def rounded_limit(metric: Loss, limit: float, dtype: Any) -> float:
    """Round the limit to the type of the values, so that just as many are beyond it."""
    if dtype == np.float64:
        return limit
    with np.errstate(over="ignore"):  # infinity is a limit too
        rounded = dtype.type(limit)
    if metric.is_score and float(rounded) > limit:
        return float(np.nextafter(rounded, dtype.type(-np.inf)))
    if not metric.is_score and float(rounded) < limit:
        return float(np.nextafter(rounded, dtype.type(np.inf)))
    return float(rounded)


def returned(given: Boxes, found: NDArray[Any], *, are_indices: bool = False) -> Any:
    """Put a result in the library and on the device of the boxes."""
    if isinstance(given.like, np.ndarray):
        return found
    import array_api_compat

    dtype = index_type(given.xp) if are_indices else None
    return given.xp.asarray(found, dtype=dtype, device=array_api_compat.device(given.like))
