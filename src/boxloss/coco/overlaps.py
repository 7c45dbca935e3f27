"""The IoU of rotated boxes as evaluation takes it: COCO's knows none, so it is that of `boxloss.iou_score`."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from boxloss.losses.iou_score import iou_score

# Boxes up to which plain steps take less of a process's time than kernels, which have to be loaded.
FEW = 2000
FORMAT = "cxcywha"

Floats = NDArray[np.float64]


def engine_for(size: int) -> Literal["array", "numba"]:
    """Choose the engine for so many boxes. Engines may differ in the last bit: the size alone decides."""
    return "array" if size <= FEW else "numba"


def rotated_iou(box: Floats, truth: Floats, crowd: NDArray[np.bool_], engine: Literal["array", "numba"]) -> Floats:
    """Compute the IoU of boxes (cx, cy, width, height, angle); of a crowd the share of the detection inside."""
    iou: Floats = np.asarray(iou_score(box, truth, format=FORMAT, engine=engine))
    if crowd.any():
        own, other = box[:, 2] * box[:, 3], truth[:, 2] * truth[:, 3]
        with np.errstate(all="ignore"):
            share = np.where(own > 0.0, iou * (own + other) / ((1.0 + iou) * own), 0.0)
        iou = np.where(crowd, share, iou)
    return iou
