"""The losses by name: an instance of each with default parameters.

Not in ``losses/__init__.py``, where ``boxloss.losses.ciou`` is the module of that name too: what mypy reads from its
cache is by full name, and it would take one for the other.
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
