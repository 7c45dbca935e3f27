"""Bounding-box regression losses with closed-form gradients, on any array library, at memory speed."""

from typing import TYPE_CHECKING, Any

from boxloss.conversion import convert
from boxloss.engines.threads import get_num_threads, set_num_threads
from boxloss.functions import area, clip_to_image, validate
from boxloss.losses import named
from boxloss.losses.loss import Loss, WeightedSum
from boxloss.losses.modifiers import MODIFIERS as MODIFIERS
from boxloss.losses.modifiers import Alpha, AxisEnclosing, Focal, Focaler, Inner, Interpolated, Scaled, Wise, WiseState
from boxloss.losses.mpdiou import MPDIoU
from boxloss.losses.named import *  # noqa: F403
from boxloss.losses.registry import get, losses
from boxloss.suppression import nms, soft_nms

if TYPE_CHECKING:
    from boxloss.evaluation import Comparison, Evaluation
    from boxloss.evaluation.evaluate import evaluate

__version__ = "0.1.0"

__all__ = [
    "Alpha",
    "AxisEnclosing",
    "Comparison",
    "Evaluation",
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
    "evaluate",
    "get",
    "get_num_threads",
    "losses",
    "nms",
    "set_num_threads",
    "soft_nms",
    "validate",
]
__all__ += named.__all__


def __getattr__(name: str) -> Any:
    """Import what reads files when it is asked for."""
    if name in ("Comparison", "Evaluation", "evaluate"):
        from boxloss import evaluation

        return getattr(evaluation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
