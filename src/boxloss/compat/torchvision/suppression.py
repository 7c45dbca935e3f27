"""The suppressions of ``torchvision.ops``."""

from typing import Any

from boxloss.check_arrays import array_namespace
from boxloss.check_options import check_one_a_box
from boxloss.suppression.hard import kept_of
from boxloss.typing import Array


def nms(boxes: Array, scores: Array, iou_threshold: float) -> Any:
    """Find the boxes that non-maximum suppression keeps, as ``torchvision.ops.nms`` has it.

    Parameters
    ----------
    boxes : array, shape (N, 4)
        Corners (x1, y1, x2, y2).
    scores : array, shape (N,)
        The higher the better.
    iou_threshold : float
        Boxes with a higher IoU with one that is kept are suppressed.

    Returns
    -------
    array of integers, shape (K,)
        Indices of the boxes that are kept, by falling score.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.nms : with classes, batches and other metrics.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.torchvision import nms
    >>> nms(np.asarray([[0.0, 0, 10, 10], [1, 0, 11, 10]]), np.asarray([0.8, 0.9]), 0.5)
    array([1])
    """
    return kept_of(boxes, scores, iou_threshold)


def batched_nms(boxes: Array, scores: Array, idxs: Array, iou_threshold: float) -> Any:
    """Find the same within classes, as ``torchvision.ops.batched_nms`` has it.

    Parameters
    ----------
    boxes, scores, iou_threshold
        As in `nms`.
    idxs : array, shape (N,)
        The class of each box, a number.

    Returns
    -------
    array of integers, shape (K,)
        As in `nms`.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Notes
    -----
    For some sizes torchvision moves each class away from the others and so rounds coordinates; here none is moved.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.torchvision import batched_nms
    >>> boxes = np.asarray([[0.0, 0, 10, 10], [1, 0, 11, 10]])
    >>> batched_nms(boxes, np.asarray([0.8, 0.9]), np.asarray([0, 1]), 0.5)
    array([1, 0])
    """
    xp = array_namespace(boxes=boxes, idxs=idxs)
    if xp.isdtype(idxs.dtype, "bool"):
        idxs = xp.astype(idxs, xp.uint8)
    if boxes.ndim == 2:  # else the boxes are what is wrong
        check_one_a_box(xp, "idxs", idxs, boxes, integral=False)
    if xp.isdtype(idxs.dtype, "real floating"):  # as a column of numbers has them
        idxs = xp.unique_inverse(idxs).inverse_indices
    return kept_of(boxes, scores, iou_threshold, labels=idxs)
