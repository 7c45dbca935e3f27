"""Bounding-box regression losses with closed-form gradients, on any array library, at memory speed."""

from boxloss.engines.threads import get_num_threads, set_num_threads
from boxloss.functions import area, clip_to_image, convert, validate
from boxloss.losses import named
from boxloss.losses.loss import Loss, WeightedSum
from boxloss.losses.named import *  # noqa: F403
from boxloss.losses.registry import get, losses
from boxloss.suppression import nms, soft_nms

__version__ = "0.1.0"

__all__ = [
    "Loss",
    "WeightedSum",
    "area",
    "clip_to_image",
    "convert",
    "get",
    "get_num_threads",
    "losses",
    "nms",
    "set_num_threads",
    "soft_nms",
    "validate",
]
__all__ += named.__all__
