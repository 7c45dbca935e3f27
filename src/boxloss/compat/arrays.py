"""What the functions of other libraries share: the array library of two arrays, and their reductions."""

import math
from typing import Any, cast

from boxloss.check_arrays import array_namespace, check_last_axis, float_of_integers, plain_library
from boxloss.dispatch import is_traced
from boxloss.losses.loss import Loss
from boxloss.typing import ArrayT, Format

YOLO_FORMATS = {"xywh": "cxcywh", "xyxy": "xyxy"}  # as mmyolo and YOLOv6 call them


def library(boxes1: Any, boxes2: Any, names: tuple[str, str] = ("boxes1", "boxes2")) -> Any:
    """Find the array library; torch.compile would warn of the cached functions that find it out."""
    if is_traced(boxes1, boxes2):
        from array_api_compat import torch

        return torch
    return plain_library(boxes1, boxes2) or array_namespace(**dict(zip(names, (boxes1, boxes2), strict=True)))


def column(score: Loss, boxes1: ArrayT, boxes2: ArrayT, format: Format = "xyxy") -> ArrayT:
    """Compute the score of each pair with a last axis of 1, as the YOLO family returns it."""
    names = ("box1", "box2")
    library(boxes1, boxes2, names)
    for name, boxes in zip(names, (boxes1, boxes2), strict=True):
        check_last_axis(name, boxes)
    values: Any = score(boxes1, boxes2, format=format)
    return cast(ArrayT, values[..., None])


def check_as_many(bboxes1: Any, bboxes2: Any, option: str) -> None:
    """Check that boxes that an option of that name makes pairs of are as many."""
    if bboxes1.shape[-2:-1] != bboxes2.shape[-2:-1]:
        counts = " and ".join(str(boxes.shape[-2]) for boxes in (bboxes1, bboxes2))
        raise ValueError(f"bboxes1 and bboxes2 must hold as many boxes if {option}=True; got {counts}")


def kind_of_flags(GIoU: bool, DIoU: bool, CIoU: bool) -> str:
    """Name the kind of score that the flags of the YOLO family ask for: the last of those that are set."""
    return "ciou" if CIoU else "diou" if DIoU else "giou" if GIoU else "iou"


def distance(xp: Any, one: Any, other: Any) -> Any:
    """Compute the absolute difference of each number, of integers as floats: of unsigned ones it would wrap around."""
    one, other = (
        a if xp.isdtype(a.dtype, "real floating") else xp.astype(a, float_of_integers(xp, a)) for a in (one, other)
    )
    return xp.abs(one - other)


def reduced(xp: Any, values: Any, reduction: str) -> Any:
    """Reduce values by one of the reductions; the mean of nothing is 0."""
    if reduction == "none":
        return values
    total = xp.sum(values)
    return total if reduction == "sum" else total / max(math.prod(values.shape), 1)
