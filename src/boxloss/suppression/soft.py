"""Suppression that lowers scores."""

import heapq
from typing import Any

import numpy as np

from boxloss.check import check_choice, check_finite, check_positive
from boxloss.losses.iou_score import iou_score
from boxloss.losses.loss import Loss
from boxloss.suppression.call import check_metric, check_most, check_threshold, checked, criterion, returned
from boxloss.typing import Array, ArrayT
from boxloss.verbs import select

METHODS = ("gaussian", "linear")


def soft_nms(
    boxes: ArrayT,
    scores: Array,
    *,
    labels: Array | None = None,
    method: str = "gaussian",
    sigma: float = 0.5,
    threshold: float = 0.3,
    min_score: float = 0.001,
    metric: Loss = iou_score,
    max_kept: int | None = None,
    format: str = "xyxy",
    image_size: tuple[float, float] | None = None,
    batch: Array | None = None,
) -> tuple[Any, ArrayT]:
    """Run non-maximum suppression that lowers scores instead of removing boxes (Bodla et al., ICCV 2017).

    The box with the highest score is kept, and lowers the scores of the others by how much they are like it; then the
    next.

    Parameters
    ----------
    boxes, scores, labels, metric, max_kept, format, image_size, batch
        As in `nms`; scores are finite, and 0 or more.
    method : {"gaussian", "linear"}
        A score is multiplied by exp(-s^2 / sigma), or by 1 - s where s is `threshold` or more, with s of the metric.
    sigma : float
        Of the Gaussian.
    threshold : float
        Of the linear method; it is in the range of the metric, as in `nms`.
    min_score : float
        Boxes whose score is not above it at their turn are not kept.

    Returns
    -------
    indices : array of integers, shape (K,)
        The boxes that are kept, by falling lowered score; of equal ones the first index first.
    scores : array, shape (K,)
        Their lowered scores, in float64 where the library has it.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Notes
    -----
    All pairs of boxes that overlap are held at once: 24 bytes a pair.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> boxes = np.asarray([[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]])
    >>> indices, scores = bl.soft_nms(boxes, np.asarray([0.8, 0.9, 0.7]))
    >>> indices, scores.round(3)
    (array([1, 2, 0]), array([0.9 , 0.7 , 0.21]))
    """
    check_choice("method", method, METHODS)
    sigma, threshold = check_positive("sigma", sigma), check_threshold(check_metric(metric), threshold)
    min_score = check_finite("min_score", min_score)
    metric, limit = criterion(metric, 0.0)
    given = checked(boxes, scores, labels, batch, metric, format, image_size)
    if (wrong := (given.scores < 0.0) | np.isinf(given.scores)).any():
        raise ValueError(
            f"scores of soft_nms must be 0 or more and finite, to be lowered by a factor; got {given.scores[wrong][0]}"
        )
    most = check_most(max_kept, len(given.scores))
    call = metric.program, given.request, limit, metric.is_score, metric.needed_overlap(limit, metric.is_score)
    i, j, value = select.runner("within", "auto", given.request.pred)(*call)
    alike = value.astype(np.float64) if metric.is_score else 1.0 - value.astype(np.float64)
    factor = (
        np.exp(-alike * alike / sigma)
        if method == "gaussian"
        else np.where(alike >= threshold, np.maximum(1.0 - alike, 0.0), 1.0)
    )
    count, now = len(given.scores), given.scores.copy()
    group, batch = (np.zeros(count, np.int64) if ids is None else ids for ids in (given.group, given.batch))
    begin, is_kept = np.searchsorted(i, np.arange(count + 1)), np.zeros(count, bool)
    left = np.full(int(batch.max(initial=0)) + 1, count if most is None else most)
    heap = [(-now[k], int(k)) for k in np.argsort(-now, kind="stable") if now[k] > min_score]  # a sorted list is a heap
    kept: list[int] = []
    while heap:
        negative, k = heapq.heappop(heap)
        if -negative > now[k]:  # it was lowered since
            if now[k] > min_score:
                heapq.heappush(heap, (-now[k], k))
        elif left[batch[k]]:
            left[batch[k]] -= 1
            is_kept[k] = True
            kept.append(k)
            own = slice(begin[k], begin[k + 1])
            partners = j[own]
            is_lowered = (group[partners] == group[k]) & ~is_kept[partners]
            now[partners[is_lowered]] *= factor[own][is_lowered]
    order = np.asarray(kept, np.int64)
    return returned(given, order, are_indices=True), returned(given, now[order])
