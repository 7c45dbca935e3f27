"""The functions of rotated boxes of ``mmcv.ops``, for any array library."""

from typing import Any, Literal, cast

import numpy as np

from boxloss.check import check_bool, check_choice
from boxloss.check_arrays import array_namespace, check_last_axis
from boxloss.compat.arrays import check_as_many, library
from boxloss.compat.conventions import MMCV_IOF
from boxloss.libraries.arrays import to_host
from boxloss.losses.iou_score import iou_score
from boxloss.suppression.hard import kept_of
from boxloss.typing import Array, ArrayT

FORMAT = "cxcywha"
MODES = ("iou", "iof")


def box_iou_rotated(
    bboxes1: ArrayT,
    bboxes2: ArrayT,
    mode: Literal["iou", "iof"] = "iou",
    aligned: bool = False,
    clockwise: bool = True,
) -> ArrayT:
    """Compute the IoU or IoF of each rotated box with each other, as ``mmcv.ops.box_iou_rotated`` has it.

    Parameters
    ----------
    bboxes1 : array, shape (N, 5)
        Boxes (cx, cy, w, h, angle in radians) of any array library.
    bboxes2 : array, shape (M, 5)
        Boxes.
    mode : {"iou", "iof"}
        Which; ``"iof"`` is the share of each first box that the other covers.
    aligned : bool
        True compares pairs: the boxes are as many.
    clockwise : bool
        Whether angles go from +x towards +y, which is clockwise on an image.

    Returns
    -------
    array, shape (N, M), or (N,) if aligned
        Scores; differentiable for tensors that require grad and for JAX, which those of mmcv are not.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.IoUScore : the metric itself, in other formats.

    Notes
    -----
    Two equal boxes without area have an IoU of 1; mmcv says 0.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmcv import box_iou_rotated
    >>> box_iou_rotated(np.asarray([[0.0, 0, 2, 2, 0]]), np.asarray([[0.0, 0, 2, 2, np.pi / 4]])).round(4)
    array([[0.7071]])
    """
    check_choice("mode", mode, MODES)
    names = ("bboxes1", "bboxes2")
    xp = library(bboxes1, bboxes2, names)
    for name, boxes in zip(names, (bboxes1, bboxes2), strict=True):
        check_last_axis(name, boxes, FORMAT)
    one, other = (_clockwise(xp, boxes, clockwise) for boxes in (bboxes1, bboxes2))
    score = iou_score if mode == "iou" else MMCV_IOF()
    if not check_bool("aligned", aligned):
        return cast(ArrayT, score.pairwise(one, other, format=FORMAT))
    check_as_many(bboxes1, bboxes2, "aligned")
    return cast(ArrayT, score(one, other, format=FORMAT))


def nms_rotated(
    dets: ArrayT, scores: ArrayT, iou_threshold: float, labels: Array | None = None, clockwise: bool = True
) -> tuple[ArrayT, Any]:
    """Find the rotated boxes that non-maximum suppression keeps, as ``mmcv.ops.nms_rotated`` has it.

    Parameters
    ----------
    dets : array, shape (N, 5)
        Boxes (cx, cy, w, h, angle in radians) of any array library but Dask's.
    scores : array, shape (N,)
        The higher the better.
    iou_threshold : float
        Boxes with a higher IoU with one that is kept are suppressed.
    labels : array, shape (N,), optional
        Classes, as integers or floats: a box suppresses those of its own only.
    clockwise : bool
        Whether angles go from +x towards +y, which is clockwise on an image.

    Returns
    -------
    dets : array, shape (K, 6)
        The boxes that are kept and their scores, by falling score; of no boxes `dets` as it came.
    keep : array of integers, shape (K,)
        Their indices; None of no boxes.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.nms : with batches, other metrics and formats.

    Notes
    -----
    A box whose IoU is just the threshold is kept, as mmcv documents it; its kernel for CPUs removes it. Its kernels
    take `labels` and never read them; here they count, with the results of its ``batched_nms``.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmcv import nms_rotated
    >>> dets = np.asarray([[0.0, 0, 8, 2, 0.5], [0.0, 0, 8, 2, 0.6], [0, 0, 8, 2, 2]])
    >>> nms_rotated(dets, np.asarray([0.8, 0.9, 0.7]), 0.5)[1]
    array([1, 2])
    """
    xp = array_namespace(dets=dets)
    if dets.shape[0] == 0:
        return dets, None
    check_last_axis("dets", dets, FORMAT)
    boxes = _clockwise(xp, dets, clockwise)
    if labels is not None and xp.isdtype(labels.dtype, "real floating"):
        labels = xp.asarray(np.unique(to_host(labels), return_inverse=True)[1], device=getattr(labels, "device", None))
    keep = kept_of(boxes, cast(Any, scores), iou_threshold, labels=labels, format=FORMAT)
    kept, score = (xp.take(array, keep, axis=0) for array in (dets, scores))
    return xp.concat([kept, xp.astype(score, kept.dtype)[:, None]], axis=1), keep


def _clockwise(xp: Any, boxes: Any, clockwise: bool) -> Any:
    """Make the angles of boxes run from +x towards +y."""
    if check_bool("clockwise", clockwise):
        return boxes
    return xp.concat([boxes[..., :4], -boxes[..., 4:]], axis=-1)
