"""What the functions of other libraries share: the array library of two arrays, and differentiable matrices."""

from typing import Any, cast

from boxloss.check_arrays import array_namespace, plain_library
from boxloss.dispatch import is_traced
from boxloss.libraries.arrays import is_tracked
from boxloss.losses.loss import Loss
from boxloss.typing import ArrayT, Format


def library(boxes1: Any, boxes2: Any, names: tuple[str, str] = ("boxes1", "boxes2")) -> Any:
    """The array library; torch.compile would warn of the cached functions that find it out."""
    if is_traced(boxes1, boxes2):
        from array_api_compat import torch

        return torch
    return plain_library(boxes1, boxes2) or array_namespace(**dict(zip(names, (boxes1, boxes2), strict=True)))


def matrix(score: Loss, boxes1: ArrayT, boxes2: ArrayT, format: Format = "xyxy") -> ArrayT:
    """The pairwise kernel, or for a tensor that requires grad the elementwise one over columns and rows."""
    if is_traced(boxes1, boxes2) or is_tracked(boxes1, boxes2):
        one, two = cast(Any, boxes1), cast(Any, boxes2)
        return cast(ArrayT, score(one[..., :, None, :], two[..., None, :, :], format=format))
    return score.pairwise(boxes1, boxes2, format=format)
