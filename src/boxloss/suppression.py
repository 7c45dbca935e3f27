"""Non-maximum suppression: of boxes that are much alike the one with the highest score."""

import heapq
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from boxloss.check import check_choice, check_count, check_finite, check_positive
from boxloss.check_arrays import check_boxes
from boxloss.check_options import check_one_a_box
from boxloss.libraries.arrays import is_dask, to_host
from boxloss.losses.iou_score import IoUScore, iou_score
from boxloss.losses.loss import Loss
from boxloss.request import Request, pairwise_request
from boxloss.shapes.relations import height, positive_part, width
from boxloss.shapes.shape import Pair
from boxloss.typing import Array, ArrayT
from boxloss.verbs import select
from boxloss.verbs.pairwise.tiles import index_type
from boxloss.verbs.within.strips import numbered

METHODS = ("gaussian", "linear")
FAR_APART = 2.0**62  # of ids: their differences are numbers of int64


@dataclass(frozen=True)
class Quotient(Loss):
    """I / (A + B - I), by the operations of other libraries: to the last bit theirs, and NaN for boxes without area."""

    is_score = True
    relations = ()
    expression = "I / (A + B - I)"
    value_range = "[0, 1]"

    def evaluate(self, xp: Any, pair: Pair) -> tuple[Any, Any]:
        """The value; nobody asks for a gradient."""
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
    `turns` are the boxes by falling score, and `group` has a number for each class of each `batch`.
    """

    xp: Any
    request: Request
    scores: Any
    turns: Any
    group: Any
    batch: Any
    like: Any

    def room(self, max_kept: Any) -> Any:
        """How many boxes may be kept of each batch."""
        most = len(self.turns) if max_kept is None else check_count("max_kept", max_kept)
        return np.full(int(self.batch.max(initial=0)) + 1, most)


def nms(
    boxes: ArrayT,
    scores: Array,
    *,
    labels: Array | None = None,
    threshold: float = 0.5,
    metric: Loss = iou_score,
    max_kept: int | None = None,
    format: str = "xyxy",
    image_size: tuple[float, float] | None = None,
    batch: Array | None = None,
) -> ArrayT:
    """The boxes that non-maximum suppression keeps.

    By falling score, each box that is left suppresses those after it that are more than `threshold` like it.

    Parameters
    ----------
    boxes : array, shape (N, 4)
        Boxes of any array library but Dask's.
    scores : array, shape (N,)
        The higher the better; a NaN comes last.
    labels : array of integers, shape (N,), optional
        Classes: a box suppresses those of its own only. Coordinates stay as they are, so nothing is lost of them.
    threshold : float
        How much alike boxes may be.
    metric : Loss
        What says how much alike: a score such as `iou_score`, or a loss, which counts as 1 minus it. ``bl.diou`` makes
        it the DIoU-NMS of Zheng et al. (AAAI 2020).
    max_kept : int, optional
        Keep at most so many, of each batch.
    format, image_size
        As in the call of a loss.
    batch : array of integers, shape (N,), optional
        Which image a box is of: boxes of different ones are not compared.

    Returns
    -------
    array of integers, shape (K,)
        Indices of the boxes that are kept, by falling score; of equal scores the first index first.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    soft_nms : lowers scores instead.
    boxloss.compat.torchvision.nms : with the arguments of torchvision.

    Notes
    -----
    For `iou_score` without eps the quotient I / (A + B - I) is computed as torchvision does, so survivors are the same
    to the last bit at the threshold. Two boxes without area have none, and keep each other; so does one with a NaN.
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
    threshold = check_finite("threshold", threshold)
    metric, limit = _criterion(metric, threshold)
    given = _checked(boxes, scores, labels, batch, metric, format, image_size)
    left, request = given.room(max_kept), given.request
    limit = _limit(metric, limit, request.pred.dtype)
    call = metric.program, request, limit, metric.is_score, metric.needed_overlap(limit, metric.is_score)
    kept = select.runner("nms", "auto", request.pred)(*call, given.turns, given.group, given.batch, left)
    return _returned(given, kept, index_type(given.xp))  # type: ignore[no-any-return]


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
) -> tuple[ArrayT, ArrayT]:
    """Non-maximum suppression that lowers scores instead of removing boxes (Bodla et al., ICCV 2017).

    The box with the highest score is kept, and lowers the scores of all that are left and like it; then the next.

    Parameters
    ----------
    boxes, scores, labels, metric, max_kept, format, image_size, batch
        As in `nms`; scores are 0 or more.
    method : {"gaussian", "linear"}
        A score is multiplied by exp(-s^2 / sigma), or by 1 - s where s is `threshold` or more, with s of the metric.
    sigma : float
        Of the Gaussian.
    threshold : float
        Of the linear method.
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
    sigma, threshold = check_positive("sigma", sigma), check_finite("threshold", threshold)
    min_score = check_finite("min_score", min_score)
    metric, limit = _criterion(metric, 0.0)
    given = _checked(boxes, scores, labels, batch, metric, format, image_size)
    if given.scores.min(initial=0.0) < 0.0:
        raise ValueError(f"scores of soft_nms must be 0 or more, to be lowered by a factor; got {given.scores.min()}")
    call = metric.program, given.request, limit, metric.is_score, metric.needed_overlap(limit, metric.is_score)
    i, j, value = select.runner("within", "auto", given.request.pred)(*call)
    alike = value.astype(np.float64) if metric.is_score else 1.0 - value.astype(np.float64)
    factor = np.exp(-alike * alike / sigma) if method == "gaussian" else np.where(alike >= threshold, 1.0 - alike, 1.0)
    begin = np.searchsorted(i, np.arange(len(given.turns) + 1))
    now, is_kept, left = given.scores.copy(), np.zeros(len(given.turns), bool), given.room(max_kept)
    heap = [(-now[k], int(k)) for k in given.turns if now[k] > min_score]  # a sorted list is a heap
    kept: list[int] = []
    while heap:
        negative, k = heapq.heappop(heap)
        if -negative > now[k]:  # it was lowered since
            if now[k] > min_score:
                heapq.heappush(heap, (-now[k], k))
        elif left[given.batch[k]]:
            left[given.batch[k]] -= 1
            is_kept[k] = True
            kept.append(k)
            own = slice(begin[k], begin[k + 1])
            partners = j[own]
            is_lowered = (given.group[partners] == given.group[k]) & ~is_kept[partners]
            now[partners[is_lowered]] *= factor[own][is_lowered]
    order = np.asarray(kept, np.int64)
    return _returned(given, order, index_type(given.xp)), _returned(given, now[order])


def _criterion(metric: Any, threshold: float) -> tuple[Loss, float]:
    """What is computed of two boxes, and what it is more than, or less, where they are too much alike."""
    if not isinstance(metric, Loss):
        raise TypeError(f"metric must be a score or a loss of boxloss, such as iou_score; got {type(metric).__name__}")
    if type(metric) is IoUScore and metric.eps == 0.0:
        metric = QUOTIENT
    return metric, threshold if metric.is_score else 1.0 - threshold


def _checked(boxes: Any, scores: Any, labels: Any, batch: Any, metric: Loss, format: str, image_size: Any) -> Boxes:
    if is_dask(boxes):
        raise TypeError("boxes must be all there for a suppression; got an array of Dask. Call compute() first")
    xp, _ = check_boxes(boxes)
    if boxes.ndim != 2:
        raise ValueError(f"boxes must have shape (N, 4); got {tuple(boxes.shape)}")
    given = {"scores": scores, "labels": labels, "batch": batch}
    for name, array in given.items():
        if array is not None:
            check_one_a_box(xp, name, array, boxes, integral=name != "scores")
    host = to_host(boxes)
    request = pairwise_request(metric.program, host, host, format, image_size)
    numbers = {name: _numbered(given[name], len(host)) for name in ("labels", "batch")}
    group = numbers["batch"] * (int(numbers["labels"].max(initial=0)) + 1) + numbers["labels"]
    own = to_host(scores).astype(np.float64)
    turns = np.argsort(-own)
    in_turn = own[turns]
    if (in_turn[1:] == in_turn[:-1]).any() or np.isnan(own).any():  # a stable sort takes three times as long
        turns = np.argsort(-own, kind="stable")
    return Boxes(xp, request, own, turns, numbered(group)[1], numbers["batch"], boxes)


def _numbered(ids: Any, count: int) -> Any:
    """For each box the number of its class or batch."""
    if ids is None:
        return np.zeros(count, np.int64)
    ids = to_host(ids).astype(np.int64)
    if ids.size and float(ids.max()) - float(ids.min()) > FAR_APART:
        return np.unique(ids, return_inverse=True)[1]
    return numbered(ids - ids.min(initial=0))[1]


def _limit(metric: Loss, limit: float, dtype: Any) -> float:
    """The limit in the type of the values, rounded so that just as many are beyond it."""
    with np.errstate(over="ignore"):  # infinity is a limit too
        rounded = dtype.type(limit)
    if metric.is_score and float(rounded) > limit:
        return float(np.nextafter(rounded, dtype.type(-np.inf)))
    if not metric.is_score and float(rounded) < limit:
        return float(np.nextafter(rounded, dtype.type(np.inf)))
    return float(rounded)


def _returned(given: Boxes, found: Any, dtype: Any = None) -> Any:
    """A result in the library and on the device of the boxes."""
    if isinstance(given.like, np.ndarray):
        return found
    import array_api_compat

    return given.xp.asarray(found, dtype=dtype, device=array_api_compat.device(given.like))
