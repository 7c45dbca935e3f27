"""One file a loss; `catalogue` has an instance of each.

The rules of formula code, which runs on arrays and, compiled, on single numbers:

- functions of `xp` and numbers only; no array library is imported;
- no branch on a number: `xp.where`, with an array in at least one branch; `if` only on a field of the loss;
- float literals (``2.0 * x``), so that a float32 kernel stays float32;
- `min`, `max` and clamps live in `boxloss.geometry`, which differentiates them;
- every quotient is guarded by a function of `boxloss.guards`: `inverse`, `inverses`, `share` or `nonzero`.

`xp.minimum` and `xp.maximum` may lose a NaN of one operand when compiled; the sides of a box, which every loss of the
family depends on, carry it.
"""

from boxloss.losses.catalogue import (
    ciou,
    diou,
    eiou,
    get,
    giou,
    huber,
    iou,
    iou_score,
    l1,
    l2,
    log_iou,
    losses,
    smooth_l1,
    squared_iou,
)
from boxloss.losses.ciou import CIoU
from boxloss.losses.diou import DIoU
from boxloss.losses.eiou import EIoU
from boxloss.losses.giou import GIoU
from boxloss.losses.huber import Huber
from boxloss.losses.iou import IoU
from boxloss.losses.iou_score import IoUScore
from boxloss.losses.l1 import L1
from boxloss.losses.l2 import L2
from boxloss.losses.log_iou import LogIoU
from boxloss.losses.smooth_l1 import SmoothL1
from boxloss.losses.squared_iou import SquaredIoU
from boxloss.losses.weighted_sum import WeightedSum

__all__ = [
    "L1",
    "L2",
    "CIoU",
    "DIoU",
    "EIoU",
    "GIoU",
    "Huber",
    "IoU",
    "IoUScore",
    "LogIoU",
    "SmoothL1",
    "SquaredIoU",
    "WeightedSum",
    "ciou",
    "diou",
    "eiou",
    "get",
    "giou",
    "huber",
    "iou",
    "iou_score",
    "l1",
    "l2",
    "log_iou",
    "losses",
    "smooth_l1",
    "squared_iou",
]
