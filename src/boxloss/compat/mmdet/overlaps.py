"""The overlaps of ``mmdet.structures.bbox``."""

from typing import Literal

from boxloss.check import check_choice
from boxloss.check_arrays import check_last_axis
from boxloss.compat.arrays import check_as_many, library
from boxloss.compat.conventions import MMDET_OVERLAPS
from boxloss.typing import ArrayT


def bbox_overlaps(
    bboxes1: ArrayT,
    bboxes2: ArrayT,
    mode: Literal["iou", "iof", "giou"] = "iou",
    is_aligned: bool = False,
    eps: float = 1e-6,
) -> ArrayT:
    """Compute the IoU, IoF or GIoU of each box with each other, as ``mmdet.structures.bbox.bbox_overlaps`` has it.

    Parameters
    ----------
    bboxes1 : array, shape (..., M, 4)
        Corners (x1, y1, x2, y2) of any array library.
    bboxes2 : array, shape (..., N, 4)
        Corners; leading axes broadcast, which those of mmdet do not.
    mode : {"iou", "iof", "giou"}
        Which; ``"iof"`` is the share of each first box that the other covers.
    is_aligned : bool
        True compares pairs: the boxes are as many.
    eps : float
        The least that a union, an area of the first boxes under ``"iof"``, or an enclosing area counts.

    Returns
    -------
    array, shape (..., M, N), or (..., M) if aligned
        Scores; differentiable for tensors that require grad and for JAX.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.IoUScore, boxloss.GIoU : the scores without a floor.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.mmdet import bbox_overlaps
    >>> bbox_overlaps(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[0.0, 0, 2, 4], [1, 1, 2, 2]]), mode="iof")
    array([[1.  , 0.25]])
    """
    check_choice("mode", mode, MMDET_OVERLAPS)
    library(bboxes1, bboxes2, ("bboxes1", "bboxes2"))
    check_last_axis("bboxes1", bboxes1)
    check_last_axis("bboxes2", bboxes2)
    score = MMDET_OVERLAPS[mode]("score", eps)
    if not is_aligned:
        return score.pairwise(bboxes1, bboxes2)
    check_as_many(bboxes1, bboxes2, "is_aligned")
    return score(bboxes1, bboxes2)
