"""Suppression that removes boxes."""

from typing import Any

from boxloss.check import check_finite
from boxloss.losses.iou_score import iou_score
from boxloss.losses.loss import Loss
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.suppression.call import (
    QUOTIENT,
    check_metric,
    check_most,
    check_threshold,
    checked,
    criterion,
    returned,
    rounded_limit,
)
from boxloss.typing import Array
from boxloss.verbs import select


def nms(
    boxes: Array,
    scores: Array,
    *,
    labels: Array | None = None,
    threshold: float = 0.5,
    metric: Loss = iou_score,
    max_kept: int | None = None,
    format: str = "xyxy",
    image_size: tuple[float, float] | None = None,
    batch: Array | None = None,
) -> Any:
    """Find the boxes that non-maximum suppression keeps.

    By falling score, each box that is left suppresses those after it that are more than `threshold` like it.

    Parameters
    ----------
    boxes : array, shape (N, 4), or as many as numbers of the format
        Boxes of any array library but Dask's.
    scores : array, shape (N,)
        The higher the better; a NaN comes last. They are compared in float64: integers beyond 2**53 may tie.
    labels : array of integers, shape (N,), optional
        Classes: a box suppresses those of its own only. Coordinates stay as they are, so nothing is lost of them.
    threshold : float
        How much alike boxes may be: from 0 to 1 for `iou_score`.
    metric : Loss
        What says how much alike: a score such as `iou_score`, or a loss, which counts as 1 minus it. ``bl.diou`` makes
        it the DIoU-NMS of Zheng et al. (AAAI 2020). Of a loss that has no end, as `L1`, that is no overlap: boxes that
        differ by less than d are too much alike with ``threshold=1 - d``, and the default means a d of 1/2.
    max_kept : int, optional
        Keep at most so many, of each batch.
    format, image_size
        As in the call of a loss: with ``"cxcywha"`` boxes are rotated.
    batch : array of integers, shape (N,), optional
        Which image a box is of: boxes of different ones are not compared.

    Returns
    -------
    array of integers, shape (K,)
        Indices of the boxes that are kept, by falling score; of equal scores the first index first.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which. A threshold out of the range of the metric is an error:
        above it all boxes would be kept, below it one would suppress all others.

    See Also
    --------
    soft_nms : lowers scores instead.
    boxloss.compat.torchvision.nms : with the arguments of torchvision.

    Notes
    -----
    For `iou_score` without eps the quotient I / (A + B - I) is computed, of axis-aligned boxes as torchvision does, so
    survivors are the same to the last bit at the threshold. Two boxes without area have none, and keep each other; so
    does one with a NaN.

    The work is done on the CPU, one box after the other, by one thread: arrays of other devices are copied, 16 bytes
    a box. Only boxes near each other are compared where the metric allows it; see `Loss.below`. ``jax.jit`` can't trace
    it.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> boxes = np.asarray([[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]])
    >>> bl.nms(boxes, np.asarray([0.8, 0.9, 0.7]))
    array([1, 2])
    >>> bl.nms(boxes, np.asarray([0.8, 0.9, 0.7]), labels=np.asarray([0, 1, 0]))
    array([1, 0, 2])
    """
    return kept_of(
        boxes,
        scores,
        check_threshold(check_metric(metric), threshold),
        labels=labels,
        metric=metric,
        max_kept=max_kept,
        format=format,
        image_size=image_size,
        batch=batch,
    )


def kept_of(
    boxes: Array,
    scores: Array,
    threshold: float,
    *,
    labels: Array | None = None,
    metric: Loss = iou_score,
    max_kept: int | None = None,
    format: str = "xyxy",
    image_size: tuple[float, float] | None = None,
    batch: Array | None = None,
) -> Any:
    """Find what `nms` keeps, with any finite threshold, as other libraries take it."""
    threshold = check_finite("threshold", threshold)
    metric, limit = criterion(check_metric(metric), threshold)
    given = checked(boxes, scores, labels, batch, metric, format, image_size)
    request, most = given.request, check_most(max_kept, len(given.scores))
    limit = rounded_limit(metric, limit, request.pred.dtype)
    call = metric.program, request, limit, metric.is_score, metric.needed_overlap(limit, metric.is_score)
    kept = select.runner("nms", "auto", request.pred)(
        *call,
        given.scores,
        given.group,
        given.batch,
        most,
        metric is QUOTIENT and request.box_shape is AXIS_ALIGNED,
    )
    return returned(given, kept, are_indices=True)
