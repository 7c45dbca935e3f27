"""Who pads, floors, gates and clamps what: one row a library, over the fields of `boxloss.compat.profile.Profile`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from boxloss.check import check_not_negative
from boxloss.compat.profile import Profile
from boxloss.losses.ciou import FOUR_PER_PI_SQUARED

EVERYWHERE = ("union_eps", "hull_eps", "diagonal_eps", "alpha_eps")


@dataclass(frozen=True, eq=False)
class Convention:
    """How a library computes one kind of score.

    Attributes
    ----------
    kind : str
        See `Profile`.
    eps : float
        Its default.
    padded : tuple of str
        The fields of `Profile` that are its `eps`.
    fixed : mapping
        Its other fields.
    default : dict
        The profiles of the default `eps` by their output.
    """

    kind: str
    eps: float
    padded: tuple[str, ...] = EVERYWHERE
    fixed: Mapping[str, Any] = field(default_factory=dict)
    default: dict[str, Profile] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "default", {output: self.made(output, self.eps) for output in ("score", "linear")})

    def made(self, output: str, eps: Any, **others: Any) -> Profile:
        """Make the profile of another `eps`."""
        eps = check_not_negative("eps", eps)
        return Profile(self.kind, output, **dict.fromkeys(self.padded, eps), **self.fixed, **others)

    def __call__(self, output: str = "score", eps: float | None = None) -> Profile:
        """Return the profile with this `eps`; that of the default is made once."""
        if eps is None or eps == self.eps:
            return self.default[output]
        return self.made(output, eps)


def family(eps: float, padded: tuple[str, ...], kinds: tuple[str, ...], **fixed: Any) -> Mapping[str, Convention]:
    """Make several kinds by one convention."""
    return MappingProxyType({kind: Convention(kind, eps, padded, fixed) for kind in kinds})


IOU_TO_CIOU = ("iou", "giou", "diou", "ciou")
PADDED_HEIGHT = (*EVERYWHERE, "height_eps")

# Corners have padded heights, in the areas too; centres and sizes have not.
ULTRALYTICS = family(1e-7, PADDED_HEIGHT, IOU_TO_CIOU, pads_areas=True)
ULTRALYTICS_CENTRES = family(1e-7, EVERYWHERE, IOU_TO_CIOU)
# Heights of corners are clamped instead.
YOLOV5 = family(1e-7, (*EVERYWHERE, "height_floor"), IOU_TO_CIOU, pads_areas=True)
YOLOV6 = family(1e-7, (*PADDED_HEIGHT, "offset_eps"), (*IOU_TO_CIOU, "siou"), pads_areas=True)

# Of detectron2, all but giou.
FVCORE = family(1e-7, EVERYWHERE, ("giou", "diou", "ciou"))

# The floors of `bbox_overlaps`, which never sees the `eps` of `iou_loss`; the other losses add.
MMDET_OVERLAPS = family(1e-6, ("union_floor", "hull_floor"), ("iou", "iof", "giou"))
MMCV_IOF = Convention("iof", 0.0, ())
MMDET_GIOU = Convention("giou", 1e-7, ("union_floor", "hull_floor"))
MMDET_DIOU = Convention("diou", 1e-7, ("union_eps", "diagonal_eps"))
MMDET_CIOU = Convention("ciou", 1e-7, ("union_eps", "diagonal_eps", "height_eps"), {"gated": True, "clamped": True})
_MMDET_SIOU = ("union_eps", "height_eps", "offset_eps", "enclosing_floor")
MMDET_SIOU = Convention("siou", 1e-7, _MMDET_SIOU, {"clamped": True})
MMDET_REPELLING_SIOU = Convention("siou", 1e-7, _MMDET_SIOU, {"clamped": True, "repels": True})
MMYOLO = family(1e-7, (*PADDED_HEIGHT, "offset_eps"), ("iou", "giou", "ciou", "siou"), clamped=True)

# backend.epsilon() is twice in the union of compute_ciou.
_KERAS_CIOU = {"union_eps": 2e-7, "pads_areas": True, "full_gradient": True}
_KERAS_PADDED = ("height_eps", "diagonal_eps", "alpha_eps")
KERAS_IOU = Convention("iou", 1e-7, ("union_eps",))
KERAS_CIOU = Convention("ciou", 1e-7, _KERAS_PADDED, _KERAS_CIOU)
# The factor 4 / pi^2 is squared with the difference.
KERAS_CV_CIOU = Convention("ciou", 1e-7, _KERAS_PADDED, {**_KERAS_CIOU, "aspect_scale": FOUR_PER_PI_SQUARED**2})
KERAS_CV_GIOU = Convention("giou", 1e-7, ("union_eps", "hull_eps"))

PADDLE = family(1e-9, PADDED_HEIGHT, IOU_TO_CIOU)
PADDLE_GIOU = Convention("giou", 1e-10, ("union_eps", "hull_eps"))
_PADDLE_DIOU = ("union_eps", "diagonal_eps", "distance_eps", "alpha_eps")
PADDLE_DIOU = Convention("diou", 1e-10, _PADDLE_DIOU)
PADDLE_CIOU = Convention("ciou", 1e-10, _PADDLE_DIOU)
# Its IoU is that of bbox_iou, whose eps stays 1e-9.
PADDLE_SIOU = Convention("siou", 1e-10, ("width_eps", "height_eps"), {"union_eps": 1e-9})
