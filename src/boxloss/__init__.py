"""Bounding-box regression losses with closed-form gradients, on any array library, at memory speed."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from boxloss.conversion import convert
from boxloss.engines.threads import get_num_threads, set_num_threads
from boxloss.functions import area, clip_to_image, validate
from boxloss.losses.lookup import get, losses
from boxloss.losses.loss import Loss, WeightedSum
from boxloss.losses.names import NAMES

if TYPE_CHECKING:
    from boxloss.evaluation import Comparison, Evaluation
    from boxloss.evaluation.evaluate import evaluate
    from boxloss.losses import named
    from boxloss.losses.modifiers import MODIFIERS as MODIFIERS
    from boxloss.losses.modifiers import Alpha, AxisEnclosing, Focal, Focaler, Inner, Interpolated, Scaled, Wise
    from boxloss.losses.modifiers import WiseState as WiseState
    from boxloss.losses.mpdiou import MPDIoU
    from boxloss.losses.named import *  # noqa: F403
    from boxloss.suppression import nms, soft_nms

__version__ = "0.1.0"

__all__: list[str] = [
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
if TYPE_CHECKING:
    __all__ += named.__all__
else:
    __all__ += [public for name, kind in NAMES.items() for public in (kind, name)]

# The module of each name that is imported when it is asked for. All losses together take a third of what NumPy takes.
_MODULES = {
    **{public: f"losses.{name}" for name, kind in NAMES.items() for public in (kind, name)},
    **dict.fromkeys(["MODIFIERS", "Alpha", "AxisEnclosing", "Focal", "Focaler", "Inner"], "losses.modifiers"),
    **dict.fromkeys(["Interpolated", "Scaled", "Wise", "WiseState"], "losses.modifiers"),
    "MPDIoU": "losses.mpdiou",
    **dict.fromkeys(["nms", "soft_nms"], "suppression"),
    **dict.fromkeys(["Comparison", "Evaluation", "evaluate"], "evaluation"),
}
_PACKAGES = ("coco", "compat", "lab", "plot", "testing", "torch")

if not TYPE_CHECKING:  # which would take every name for one of these

    def __getattr__(name: str) -> Any:
        if name in _PACKAGES:
            return import_module(f"boxloss.{name}")
        if name not in _MODULES:  # with what Python wants for a "Did you mean"
            message = f"module {__name__!r} has no attribute {name!r}"
            if name == "mpdiou":  # Python would ask whether diou was meant
                raise AttributeError(f"{message}: MPDIoU needs the size of the image, MPDIoU(image_size=(480, 640))")
            raise AttributeError(message, name=name, obj=sys.modules[__name__])
        value = globals()[name] = getattr(import_module(f"boxloss.{_MODULES[name]}"), name)
        return value


def __dir__() -> list[str]:
    return sorted([*__all__, *_PACKAGES, "__version__"])
