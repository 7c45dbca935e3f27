"""One file a loss, and the table of them.

The rules of formula code, which runs on arrays and, compiled, on single numbers:

- functions of `xp` and numbers only; no array library is imported;
- no branch on a number: `xp.where`, with an array in at least one branch; `if` only on a field of the loss;
- float literals (``2.0 * x``), so that a float32 kernel stays float32;
- `min`, `max` and clamps live in `boxloss.geometry`, which differentiates them;
- every quotient is guarded by a function of `boxloss.guards`: `inverse`, `inverses`, `share` or `nonzero`.

`xp.minimum` and `xp.maximum` may lose a NaN of one operand when compiled; the sides of a box, which every loss of the
family depends on, carry it.
"""

from boxloss.loss import Loss
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

l1: L1 = L1()
smooth_l1: SmoothL1 = SmoothL1()
huber: Huber = Huber()
l2: L2 = L2()
iou: IoU = IoU()
log_iou: LogIoU = LogIoU()
squared_iou: SquaredIoU = SquaredIoU()
giou: GIoU = GIoU()
diou: DIoU = DIoU()
ciou: CIoU = CIoU()
eiou: EIoU = EIoU()
iou_score: IoUScore = IoUScore()

_BY_NAME: dict[str, Loss] = {
    "l1": l1,
    "smooth_l1": smooth_l1,
    "huber": huber,
    "l2": l2,
    "iou": iou,
    "log_iou": log_iou,
    "squared_iou": squared_iou,
    "giou": giou,
    "diou": diou,
    "ciou": ciou,
    "eiou": eiou,
}


def losses() -> tuple[str, ...]:
    """The names of the losses.

    Returns
    -------
    tuple of str
        In the order from coordinate losses to the youngest of the IoU family.

    Examples
    --------
    >>> import boxloss as bl
    >>> bl.losses()[-4:]
    ('giou', 'diou', 'ciou', 'eiou')
    """
    return tuple(_BY_NAME)


def get(name: str) -> Loss:
    """The loss of a name, with default parameters.

    Parameters
    ----------
    name : str
        One of `losses`.

    Returns
    -------
    Loss

    Raises
    ------
    ValueError
        If there is no loss of this name; the message lists the names.

    Examples
    --------
    >>> import boxloss as bl
    >>> bl.get("ciou")
    CIoU(full_gradient=False, eps=0.0)
    """
    try:
        return _BY_NAME[name]
    except (KeyError, TypeError):
        raise ValueError(f"name must be one of {', '.join(map(repr, _BY_NAME))}; got {name!r}") from None


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
