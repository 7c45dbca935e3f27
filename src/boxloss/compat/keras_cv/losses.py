"""The box losses of ``keras_cv.losses``, version 0.9."""

from typing import Any, cast

from boxloss.check import check_choice, check_finite
from boxloss.check_arrays import check_last_axis
from boxloss.compat.arrays import distance, library
from boxloss.compat.conventions import KERAS_CV_CIOU, KERAS_CV_GIOU, KERAS_IOU
from boxloss.compat.keras import format_of
from boxloss.compat.keras_cv.box_loss import NAMES, BoxLoss
from boxloss.compat.keras_cv.scores import CV_FORMATS
from boxloss.losses.loss import Loss
from boxloss.typing import ArrayT

MODES = ("linear", "quadratic", "log")
NO_REDUCTION = "no_reduction"


class _ScoreLoss(BoxLoss):
    """A loss of the mean of a score over an axis."""

    def __init__(self, score: Loss, bounding_box_format: str, axis: int | str, **options: Any) -> None:
        super().__init__(**options)
        if axis != NO_REDUCTION and (isinstance(axis, bool) or not isinstance(axis, int)):
            raise ValueError(f"axis must be an integer or {NO_REDUCTION!r}; got {axis!r}")
        self._score, self._format = score, format_of(bounding_box_format, CV_FORMATS)
        self.bounding_box_format, self.axis = bounding_box_format, axis

    def _mean(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        """Find the array library, and compute the mean score; that of no boxes is 1, of which the loss is 0."""
        xp = library(y_true, y_pred, NAMES)
        _check_as_many(y_true, y_pred)
        for name, boxes in zip(NAMES, (y_true, y_pred), strict=True):
            if boxes.ndim > 3:
                raise ValueError(f"{name} must have shape (N, 4) or (B, N, 4); got {tuple(boxes.shape)}")
        if y_true.ndim == y_pred.ndim == 2:
            scores: Any = self._score(y_true, y_pred, format=self._format)
        else:
            scores = self._diagonal(xp, y_true, y_pred)
        if self.axis == NO_REDUCTION:
            return xp, scores
        if 0 in scores.shape:
            return xp, 1.0 - xp.sum(scores, axis=self.axis)
        return xp, xp.mean(scores, axis=self.axis)

    def _diagonal(self, xp: Any, y_true: Any, y_pred: Any) -> Any:
        """Compute the diagonal, over batch and true boxes, of each image's matrix: all predictions of a few boxes."""
        y_true, y_pred = xp.broadcast_arrays(y_true, y_pred)
        batch, count = y_true.shape[:2]
        few = min(batch, count)
        diagonal = xp.reshape(y_true, (-1, 4))[:: count + 1, :][:few, None, :]
        return xp.permute_dims(self._score(diagonal, y_pred[:few, ...], format=self._format), (1, 0))


def _check_as_many(y_true: Any, y_pred: Any) -> None:
    for name, boxes in zip(NAMES, (y_true, y_pred), strict=True):
        check_last_axis(name, boxes)
        if boxes.ndim < 2:
            raise ValueError(f"{name} must have shape (..., N, 4); got {tuple(boxes.shape)}")
    if y_true.shape[-2] != y_pred.shape[-2]:
        raise ValueError(f"y_true and y_pred must hold as many boxes; got {y_true.shape[-2]} and {y_pred.shape[-2]}")


class IoULoss(_ScoreLoss):
    """A loss of the mean IoU of pairs of boxes, as ``keras_cv.losses.IoULoss`` has it.

    Parameters
    ----------
    bounding_box_format : str
        ``"xyxy"``, ``"yxyx"``, ``"xywh"``, ``"center_xywh"``, or ``"rel_xyxy"``, ``"rel_yxyx"`` or
        ``"rel_xywh"``, in letters of any case.
    mode : {"log", "linear", "quadratic"}
        -ln IoU, 1 - IoU, or 1 - IoU^2, of the mean IoU.
    axis : int or "no_reduction"
        The axis of the mean, or none: then a loss for each pair.
    **kwargs
        `reduction`: ``"sum_over_batch_size"`` by default, its other name ``"mean"``, ``"mean_with_sample_weight"``,
        which divides by the sum of the weights, ``"sum"``, or ``"none"`` or None; and `name` and `dtype`, which are
        kept and change nothing.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.LogIoU, boxloss.IoU, boxloss.SquaredIoU : the losses of each pair.

    Notes
    -----
    1e-7 is added to the union. With an `axis` the result is that of all pairs together, whatever `reduction` says:
    -ln of the mean IoU, which is not the mean of -ln IoU. ``"no_reduction"`` warns there, and does not here.

    Of batches, shape (B, N, 4), pairs are not what is compared: keras_cv takes the diagonal of the matrices over images
    and true boxes, that is the k-th true box of image k with each predicted box of that image, for k below B and N, and
    ``values[j, k]`` is that of predicted box j; so does this. ``reshape(-1, 4)`` makes pairs of them.

    It computes in the float type of the boxes, where keras_cv has float32. It is no ``keras.losses.Loss``, but a
    function that ``compile`` takes where Keras runs on torch or JAX. A mean IoU of 0 has an infinite -ln, and here 0 as
    its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.keras_cv import IoULoss
    >>> true, pred = np.asarray([[1.0, 1, 3, 3], [0, 0, 2, 2]]), np.asarray([[0.0, 0, 2, 2], [0, 0, 2, 2]])
    >>> IoULoss("xyxy")(true, pred).round(4)
    np.float64(0.5596)
    >>> IoULoss("xyxy", mode="linear", axis="no_reduction", reduction="none")(true, pred).round(4)
    array([0.8571, 0.    ])
    """

    def __init__(self, bounding_box_format: str, mode: str = "log", axis: int | str = -1, **kwargs: Any) -> None:
        super().__init__(KERAS_IOU(), bounding_box_format, axis, **kwargs)
        self.mode = check_choice("mode", mode, MODES)

    def call(self, y_true: ArrayT, y_pred: ArrayT) -> ArrayT:
        """Compute the loss before weights and reduction."""
        xp, iou = self._mean(y_true, y_pred)
        if self.mode == "linear":
            return cast(ArrayT, 1.0 - iou)
        if self.mode == "quadratic":
            return cast(ArrayT, 1.0 - iou * iou)
        is_zero = iou == 0.0
        return cast(ArrayT, xp.where(is_zero, float("inf"), -xp.log(xp.where(is_zero, 1.0, iou))))


class GIoULoss(_ScoreLoss):
    """1 minus the mean GIoU of pairs of boxes, as ``keras_cv.losses.GIoULoss`` has it.

    Parameters
    ----------
    bounding_box_format, axis, **kwargs
        As in `IoULoss`.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.GIoU : the loss itself, and its paper.

    Notes
    -----
    1e-7 is added to the union and to the enclosing area. What is said of `IoULoss` holds of this too: batches are not
    compared in pairs.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.keras_cv import GIoULoss
    >>> GIoULoss("xyxy")(np.asarray([[1.0, 1, 3, 3]]), np.asarray([[0.0, 0, 2, 2]])).round(4)
    np.float64(1.0794)
    """

    def __init__(self, bounding_box_format: str, axis: int | str = -1, **kwargs: Any) -> None:
        super().__init__(KERAS_CV_GIOU(), bounding_box_format, axis, **kwargs)

    def call(self, y_true: ArrayT, y_pred: ArrayT) -> ArrayT:
        """Compute the loss before weights and reduction."""
        return cast(ArrayT, 1.0 - self._mean(y_true, y_pred)[1])


class CIoULoss(BoxLoss):
    """1 minus `compute_ciou` of each pair of boxes, as ``keras_cv.losses.CIoULoss`` has it.

    Parameters
    ----------
    bounding_box_format : str
        As in `IoULoss`.
    eps : float
        Not used, as there: 1e-7 is added.
    **kwargs
        `reduction`, `name` and `dtype`, as in `IoULoss`.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.compat.keras_cv.compute_ciou : its notes, of the factor of v too.
    boxloss.CIoU : the loss itself, and its paper.

    Notes
    -----
    Batches of shape (..., N, 4) are compared in pairs. It computes in the float type of the boxes, where keras_cv has
    float32.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.keras_cv import CIoULoss
    >>> CIoULoss("xyxy", reduction="sum")(np.asarray([[0.0, 0, 4, 4]]), np.asarray([[1.0, 1, 2, 3]])).round(6)
    np.float64(0.883137)
    """

    def __init__(self, bounding_box_format: str, eps: float = 1e-7, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._format = format_of(bounding_box_format, CV_FORMATS)
        self.bounding_box_format, self.eps = bounding_box_format, eps

    def call(self, y_true: ArrayT, y_pred: ArrayT) -> ArrayT:
        """Compute the loss of each pair."""
        library(y_true, y_pred, NAMES)
        _check_as_many(y_true, y_pred)
        return KERAS_CV_CIOU("linear")(y_true, y_pred, format=self._format)


class SmoothL1Loss(BoxLoss):
    """The mean smooth L1 loss of the numbers of each box, as ``keras_cv.losses.SmoothL1Loss`` has it.

    Parameters
    ----------
    l1_cutoff : float
        Where the quadratic part ends.
    **kwargs
        `reduction`, `name` and `dtype`, as in `IoULoss`.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.SmoothL1 : the loss of each pair of boxes, in one kernel with its gradient.

    Notes
    -----
    The quadratic part is d^2 / 2 and the other abs(d) - 1/2 whatever the cutoff is: with any but 1 there is a step
    between them. The array library computes and differentiates it.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.keras_cv import SmoothL1Loss
    >>> SmoothL1Loss()(np.asarray([[1.0, 1, 3, 3]]), np.asarray([[0.0, 0.5, 3, 1]]))
    np.float64(0.53125)
    """

    def __init__(self, l1_cutoff: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.l1_cutoff = check_finite("l1_cutoff", l1_cutoff)

    def call(self, y_true: ArrayT, y_pred: ArrayT) -> ArrayT:
        """Compute the mean over the last axis."""
        xp = library(y_true, y_pred, NAMES)
        _check_as_many(y_true, y_pred)
        size = distance(xp, y_true, y_pred)
        return cast(ArrayT, xp.mean(xp.where(size < self.l1_cutoff, 0.5 * size * size, size - 0.5), axis=-1))
