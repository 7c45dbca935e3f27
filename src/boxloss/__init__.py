"""Bounding-box regression losses with closed-form gradients, on any array library, at memory speed."""

from boxloss.engines.threads import get_num_threads, set_num_threads
from boxloss.functions import area, clip_to_image, convert, validate
from boxloss.losses import named
from boxloss.losses.loss import Loss, WeightedSum
from boxloss.losses.modifiers import MODIFIERS as MODIFIERS
from boxloss.losses.modifiers import Alpha, Focal, Focaler, Inner, Interpolated, Scaled, Wise, WiseState
from boxloss.losses.mpdiou import MPDIoU
from boxloss.losses.named import *  # noqa: F403
from boxloss.losses.registry import get, losses

__version__ = "0.1.0"

__all__ = [
    "Alpha",
    "Focal",
    "Focaler",
    "Inner",
    "Interpolated",
    "Loss",
    "MPDIoU",
    "Scaled",
    "WeightedSum",
    "Wise",
    "WiseState",
    "area",
    "clip_to_image",
    "convert",
    "get",
    "get_num_threads",
    "losses",
    "set_num_threads",
    "validate",
]
__all__ += named.__all__
