"""The checked call, made once: what engines and adapters are given beside a program."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from boxloss.check import check_reduction
from boxloss.check_arrays import broadcast_shape, check_format_and_image, check_matrix, check_pair, number_of_pairs
from boxloss.check_options import (
    check_fits,
    check_numbers,
    check_out,
    check_target_mask,
    check_untracked,
    check_weight,
)
from boxloss.formulas.program import Program
from boxloss.libraries.arrays import is_tensor, is_tracked, whole_numpy
from boxloss.shapes.box import Image
from boxloss.shapes.formats import of_one_shape
from boxloss.shapes.shape import Format, Shape
from boxloss.strictness import look_at
from boxloss.typing import Array, Buffer


class Request(NamedTuple):
    """The arrays of a call, in one library, on one device and in the float type that it is computed in.

    Attributes
    ----------
    xp
        The namespace of the library.
    pred, target
        Boxes.
    pred_dtype, target_dtype
        The types of the gradients: those of the boxes as they came.
    formats
        The names of the formats of pred and target.
    image
        The size of the image.
    shape
        That of the values, or of the matrix.
    weight
        A weight a pair, or None.
    reduction, divisor
        What becomes of the values; the divisor of a mean, or None for the number of pairs.
    out
        The buffer of a matrix, or None.
    target_mask
        Which targets count, of a shape that broadcasts to (..., M); or None for all.
    """

    xp: ModuleType
    pred: Array
    target: Array
    pred_dtype: Any
    target_dtype: Any
    formats: tuple[str, str]
    image: Image
    shape: tuple[int, ...]
    weight: Array | None = None
    reduction: str = "none"
    divisor: float | None = None
    out: Buffer | None = None
    target_mask: Array | None = None

    @property
    def pred_format(self) -> Format:
        """The format of pred."""
        return of_one_shape(self.formats)[0]

    @property
    def target_format(self) -> Format:
        """The format of target."""
        return of_one_shape(self.formats)[1]

    @property
    def box_shape(self) -> Shape:
        """The kind of box that both are read as."""
        return self.pred_format.shape

    @property
    def is_tracked(self) -> bool:
        """Whether a torch tensor among the arrays wants a differentiable result."""
        return is_tracked(self.pred, self.target, self.weight)

    @property
    def gradient_factor(self) -> float:
        """What the reduction multiplies the gradient of each pair by."""
        if self.reduction != "mean":
            return 1.0
        divisor = number_of_pairs(self.shape) if self.divisor is None else self.divisor
        return 1.0 / divisor if divisor else 0.0

    def standard(self) -> "Request":
        """Return the request with all functions of the standard."""
        return self._replace(xp=whole_numpy()) if self.xp is np else self

    def constant(self) -> "Request":
        """Return the request without autograd's record of where tensors came from."""
        if type(self.pred) is np.ndarray or not is_tensor(self.pred):
            return self
        weight = self.weight.detach() if is_tensor(self.weight) else self.weight
        target: Any = self.target  # a tensor, as pred is
        return self._replace(pred=self.pred.detach(), target=target.detach(), weight=weight)


# What runs these verbs, as `dispatch.runner` gives it.
Elementwise = Callable[[Program, Request, tuple[str, ...]], tuple[Array, tuple[Array, ...]]]
Pairwise = Callable[[Program, Request], Array]

EACH_WITH_EACH = ". Each pred with each target is the pairwise of a loss"


def request_of(
    program: Program,
    pred: Array,
    target: Array,
    format: str | tuple[str, str],
    image_size: tuple[float, float] | None,
    weight: Array | float | None,
    reduction: str,
    avg_factor: float | None,
) -> Request:
    """Check a call for pairs of boxes."""
    divisor = check_reduction(reduction, avg_factor)
    formats, image = check_format_and_image(program, format, image_size)
    xp, pred, target, pred_dtype, target_dtype = check_pair(pred, target, formats)
    look_at(xp, pred, target, formats, image)
    if program.not_in_float32 is not None:
        check_numbers(program, xp, pred.dtype)
    if divisor is not None:
        check_fits("avg_factor", divisor, pred.dtype == xp.float32)
    shape = broadcast_shape(pred.shape[:-1], target.shape[:-1], EACH_WITH_EACH)
    if weight is not None:
        weight = check_weight(xp, weight, pred, shape)
    of_boxes = xp, pred, target, pred_dtype, target_dtype, formats, image, shape
    return Request._make((*of_boxes, weight, reduction, divisor, None, None))  # in half the time of Request(...)


def pairwise_request(
    program: Program,
    pred: Array,
    target: Array,
    format: str | tuple[str, str],
    image_size: tuple[float, float] | None,
    out: Array | None = None,
    target_mask: Array | None = None,
) -> Request:
    """Check a call for a matrix, or for what is kept of one."""
    formats, image = check_format_and_image(program, format, image_size)
    xp, pred, target, pred_dtype, target_dtype = check_pair(pred, target, formats)
    if program.not_in_float32 is not None:
        check_numbers(program, xp, pred.dtype)
    check_matrix(pred, target)
    batch = broadcast_shape(pred.shape[:-2], target.shape[:-2])
    shape = (*batch, pred.shape[-2], target.shape[-2])
    buffer: Buffer | None = None
    if out is not None:
        check_untracked(pred, target)
        buffer = check_out(out, pred, shape)
    if target_mask is not None:
        target_mask = check_target_mask(xp, target_mask, pred, (*batch, target.shape[-2]))
    look_at(xp, pred, target, formats, image, target_mask)
    found = Request(xp, pred, target, pred_dtype, target_dtype, formats, image, shape, out=buffer)
    return found if target_mask is None else found._replace(target_mask=target_mask)
