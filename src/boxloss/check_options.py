"""Checks of what comes beside boxes: numbers in the float type of the boxes, weights, and buffers.

An error says which argument was wrong, what came and what was wanted.
"""

import sys
from types import ModuleType
from typing import Any

import numpy as np

from boxloss.check import check_finite, check_not_negative
from boxloss.check_arrays import adopt, array_namespace, broadcast
from boxloss.formulas.program import Program, in_float32
from boxloss.libraries.arrays import is_jax, is_tensor, is_tracked, on_device
from boxloss.typing import Array


def check_numbers(program: Program, xp: ModuleType, dtype: Any) -> None:
    """Check that the parameters of a loss keep their meaning in the float type that it is computed in."""
    if program.not_in_float32 is not None:
        check_fits(*program.not_in_float32, dtype == xp.float32)


def check_eps(program: Program, eps: float | None) -> Program:
    """Give the program the eps of a call, if that has one."""
    return program if eps is None else program.with_eps(check_not_negative("eps", eps))


def check_fits(name: str, number: float, is_float32: bool) -> None:
    """Check that a number keeps its meaning in the float type of a computation."""
    if is_float32 and not in_float32(number):
        raise ValueError(
            f"{name} must be 0 or a number from 1.2e-38 to 3.4e38 for boxes that are computed in float32; "
            f"got {number!r}. Give boxes of float64, or another {name}"
        )


def check_weight(xp: ModuleType, weight: Any, pred: Array, shape: tuple[int, ...]) -> Any:
    """Make a weight a pair, in the float type of the computation."""
    if isinstance(weight, int | float | np.generic):
        # A truth is a weight as those of an array of truths are.
        number = float(weight) if isinstance(weight, bool | np.bool_) else check_finite("weight", weight)
        check_fits("weight", number, pred.dtype == xp.float32)
        device = None if is_jax(pred) else getattr(pred, "device", None)  # JAX brings a number to where it is wanted
        with on_device(pred):  # CuPy goes by the current device
            weight = xp.full((), number, dtype=pred.dtype, device=device)
    weight = adopt("weight", weight)
    array_namespace(pred=pred, weight=weight)
    weight_shape = tuple(weight.shape)
    try:
        fits = broadcast(weight_shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise wrong_weight(shape, weight_shape)
    if not xp.isdtype(weight.dtype, ("bool", "integral", "real floating")):
        raise wrong_type_of_weight(weight.dtype)
    if weight.dtype is pred.dtype:
        return weight
    _check_narrowing(weight, pred.dtype)
    with on_device(weight):
        return xp.astype(weight, pred.dtype, copy=False)


def _check_narrowing(weight: Array, dtype: Any) -> None:
    """Check that weights of float64 fit into float32, where NumPy can look without waiting for a device or a graph."""
    if is_tensor(weight) and weight.device.type == "cpu":
        weight, dtype = weight.detach().resolve_neg().numpy(), np.float32 if dtype.itemsize == 4 else np.float64
    if isinstance(weight, np.ndarray) and weight.dtype.kind == "f" and dtype == np.float32:
        try:
            with np.errstate(over="raise"):
                weight.astype(np.float32)
        except FloatingPointError:
            raise ValueError(
                "weight must hold no number beyond 3.4e38 for boxes that are computed in float32; "
                f"got {np.abs(weight[np.isfinite(weight)]).max()!r}"
            ) from None


def wrong_type_of_weight(dtype: Any) -> TypeError:
    """Make the error of a weight that is complex, say."""
    return TypeError(f"weight must be of a real or boolean type; got {dtype}")


def wrong_weight(shape: tuple[int, ...], got: tuple[int, ...]) -> ValueError:
    """Make the error of a weight that does not fit."""
    told = f"weight must be one number a pair, of a shape that broadcasts to {tuple(shape)}; got {tuple(got)}"
    return ValueError(f"{told}. Give weight[..., 0]" if tuple(got) == (*shape, 1) else told)


def check_out(out: Array, like: Array, shape: tuple[int, ...]) -> Any:
    """Check a caller's buffer for a pairwise matrix, and make it an array of a library."""
    if type(out) is not np.ndarray or type(like) is not np.ndarray:
        out = adopt("out", out)
        array_namespace(pred=like, out=out)
    check_buffer(out, like, shape)
    if is_tensor(out) and not out.is_inference():
        # Engines write to its memory, of which autograd would not know: a gradient that needs the old values would be
        # computed from the new ones.
        sys.modules["torch"].autograd.graph.increment_version(out)
    return out


def check_buffer(out: Array, like: Array, shape: tuple[int, ...]) -> None:
    """Check that a buffer of the right library has the shape and the type of the result."""
    if isinstance(out, np.ndarray):
        if not out.flags.writeable:
            raise ValueError("out must be writeable; got a read-only array")
        if _may_overlap_itself(out):
            raise ValueError("out must have a place for each value; got an array whose places may overlap")
    if tuple(out.shape) != shape or out.dtype != like.dtype:
        raise ValueError(f"out must have shape {shape} and dtype {like.dtype}; got {tuple(out.shape)} and {out.dtype}")
    if is_tensor(out) and out.requires_grad and sys.modules["torch"].is_grad_enabled():
        raise ValueError("out must not require a gradient: what is written to it has no history. Give out.detach()")


def _may_overlap_itself(array: np.ndarray) -> bool:
    """Say whether two entries of an array of NumPy may share memory."""
    span = array.itemsize if array.size else 0  # of the axes with shorter steps
    for step, length in sorted((abs(step), n) for step, n in zip(array.strides, array.shape, strict=True) if n > 1):
        if step < span:
            return True
        span += step * (length - 1)
    return False


def check_untracked(pred: Array, target: Array) -> None:
    """Check that boxes whose matrix goes to a buffer want no gradient of it."""
    if is_tracked(pred, target):
        raise ValueError(
            "out must be None where pred or target requires grad: a matrix that is written to it has no history. "
            "Give pred.detach() and target.detach(), or call under torch.no_grad()"
        )


def check_target_mask(xp: ModuleType, mask: Array, pred: Array, shape: tuple[int, ...]) -> Array:
    """Check which targets count: a truth for each, of a shape that broadcasts to theirs in all batches."""
    mask = adopt("target_mask", mask)
    array_namespace(pred=pred, target_mask=mask)
    if not xp.isdtype(mask.dtype, "bool"):
        raise TypeError(f"target_mask must be of a boolean type; got {mask.dtype}")
    try:
        fits = broadcast(tuple(mask.shape), shape) == shape and mask.shape[-1:] == shape[-1:]
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"target_mask must have a truth for each target, of a shape that broadcasts to {shape}; "
            f"got {tuple(mask.shape)}"
        )
    return mask


def check_one_a_box(xp: ModuleType, name: str, array: Array, boxes: Array, *, integral: bool) -> None:
    """Check that there is a number for each box: a real one, or an integer."""
    is_numpy = type(array) is np.ndarray and type(boxes) is np.ndarray
    if not is_numpy:
        array_namespace(**{"boxes": boxes, name: array})
    if tuple(array.shape) != (boxes.shape[0],):
        raise ValueError(f"{name} must have one number a box, shape ({boxes.shape[0]},); got {tuple(array.shape)}")
    if is_numpy:
        fits = array.dtype.kind in ("iu" if integral else "iuf")
    else:
        fits = xp.isdtype(array.dtype, "integral" if integral else ("integral", "real floating"))
    if not fits:
        raise TypeError(f"{name} must be of {'an integer' if integral else 'a real'} type; got {array.dtype}")


def check_two_axes(pred: Array, target: Array) -> None:
    """Check that boxes have no batches: pairs are numbered by one pred and one target."""
    for name, boxes in (("pred", pred), ("target", target)):
        if boxes.ndim != 2:
            wanted = f"(N, {boxes.shape[-1]})"
            raise ValueError(f"{name} of below and above must have shape {wanted}; got {tuple(boxes.shape)}")
