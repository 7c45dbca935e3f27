"""The verbs as Dynamo traces them and as the transforms of torch.func run them: an operator and simple Python."""

import math
from typing import Any

import torch
from torch import Tensor

from boxloss.adapters.torch import best_operators, inlined, matrix_operators, operators
from boxloss.adapters.torch.private import are_transforms_active, is_recorded
from boxloss.adapters.torch.texts import text_of
from boxloss.check import check_image_size, check_reduction, check_wrt
from boxloss.check_arrays import array_namespace, both_as_boxes, check_own_format
from boxloss.check_options import (
    check_buffer,
    check_fits,
    check_untracked,
    check_weight,
    wrong_type_of_weight,
    wrong_weight,
)
from boxloss.formulas.program import Program
from boxloss.typing import Array


def values(
    program: Program,
    pred: Tensor,
    target: Tensor,
    format: str | tuple[str, str],
    image_size: tuple[float, float] | None,
    weight: Array | float | None,
    reduction: str,
    avg_factor: Any,
    eps: float | None,
    engine: str,
) -> Tensor:
    """Run the call of a loss."""
    if are_transforms_active():  # each level of transforms has its own answer to what is tracked
        wanted = True, True
    else:
        tracks = torch.is_grad_enabled()
        wanted = tracks and pred.requires_grad, tracks and target.requires_grad
    value, _, _ = _elementwise(*_arguments(program, pred, target, format, image_size, eps, engine), *wanted)
    return _reduced(_weighted(value, weight), reduction, avg_factor)


def value_and_grad(
    program: Program,
    pred: Tensor,
    target: Tensor,
    wrt: str,
    format: str | tuple[str, str],
    image_size: tuple[float, float] | None,
    weight: Array | float | None,
    reduction: str,
    avg_factor: Any,
    eps: float | None,
    engine: str,
) -> tuple[Tensor, Any]:
    """Run the verb `value_and_grad`."""
    check_wrt(wrt)
    wanted = wrt != "target", wrt != "pred"
    arguments = _arguments(program, pred.detach(), target.detach(), format, image_size, eps, engine)
    value, *grads = _elementwise(*arguments, *wanted)
    factor = _weighted(torch.ones_like(value), weight)
    if reduction == "mean":
        factor = factor / _divisor(value, avg_factor)
    d_pred, d_target = (
        (grad * factor[..., None]).to(boxes.dtype if boxes.is_floating_point() else grad.dtype) if asked else None
        for grad, boxes, asked in zip(grads, (pred, target), wanted, strict=True)
    )
    value = _reduced(_weighted(value, weight), reduction, avg_factor)
    return value, (d_pred, d_target) if wrt == "both" else d_pred if wrt == "pred" else d_target


def pairwise(
    program: Program,
    pred: Tensor,
    target: Tensor,
    format: str | tuple[str, str],
    image_size: tuple[float, float] | None,
    eps: float | None,
    engine: str,
    out: Tensor | None,
) -> Tensor:
    """Run the verb `pairwise`."""
    if out is not None:
        check_untracked(pred, target)
    # Of the transforms, a graph knows vmap of a matrix.
    transformed = are_transforms_active() and not torch.compiler.is_compiling()
    run = matrix_operators.Matrix.apply if transformed else matrix_operators.pairwise
    matrix: Tensor = run(*_arguments(program, pred, target, format, image_size, eps, engine))
    if out is None:
        return matrix
    check_buffer(out, matrix, tuple(matrix.shape))
    copied: Tensor = out.copy_(matrix)
    return copied


def best(
    program: Program,
    pred: Tensor,
    target: Tensor,
    format: str | tuple[str, str],
    image_size: tuple[float, float] | None,
    eps: float | None,
    engine: str,
    target_mask: Tensor | None,
    k: int = 0,
) -> tuple[Tensor, Tensor]:
    """Run the verbs `nearest`, and `topk` for a `k`, as constants."""
    *arguments, engine = _arguments(program, pred.detach(), target.detach(), format, image_size, eps, engine)
    found: tuple[Tensor, Tensor] = best_operators.best(*arguments, engine, target_mask, k)
    return found


def _arguments(
    program: Program,
    pred: Tensor,
    target: Tensor,
    format: str | tuple[str, str],
    image_size: tuple[float, float] | None,
    eps: float | None,
    engine: str,
) -> tuple[Any, ...]:
    """Make what both operators take."""
    formats = format if isinstance(format, tuple) else (format, format)
    for name, boxes, own in zip(("pred", "target"), (pred, target), formats, strict=False):
        check_own_format(name, boxes, own)
    if tuple(pred.shape) == (0,) or tuple(target.shape) == (0,):
        pred, target = both_as_boxes(array_namespace(pred=pred, target=target), pred, target, formats)
    if image_size is not None and not torch.compiler.is_compiling():
        check_image_size(image_size)
    size = None if image_size is None else [float(side) for side in image_size]
    # In a graph it has to be there already, to be an input; elsewhere it is made, to be as fake as the boxes are.
    numbers = program.tensor if torch.compiler.is_compiling() else None
    if numbers is None:
        numbers = torch.tensor(program.numbers, dtype=torch.float64)
    return pred, target, numbers, text_of(program.structure.of_any().text, formats), eps, *formats, size, engine


def _is_transformed() -> bool:
    transformed = are_transforms_active()
    if transformed and torch.compiler.is_compiling():
        raise NotImplementedError("a loss inside of a transform of torch.func cannot be compiled by torch.compile")
    return transformed


def _elementwise(*arguments: Any) -> tuple[Tensor, ...]:
    if torch.compiler.is_compiling():
        inlined.offer()
    run = operators.Transformed.apply if _is_transformed() else operators.elementwise
    results: tuple[Tensor, ...] = run(*arguments)
    return results


def _weighted(value: Tensor, weight: Array | float | None) -> Tensor:
    if weight is None:
        return value
    if not isinstance(weight, Tensor):
        if not torch.compiler.is_compiling():  # a graph does not look at a number that varies
            weight = check_weight(array_namespace(pred=value), weight, value, tuple(value.shape))
        return value * weight
    if weight.is_complex():
        raise wrong_type_of_weight(weight.dtype)
    weighted = value * weight.to(value.dtype)
    if weighted.shape != value.shape:
        raise wrong_weight(value.shape, weight.shape)
    return weighted


def _reduced(value: Tensor, reduction: str, avg_factor: Any) -> Tensor:
    # What varies in a graph, a tensor or a number, is not looked at.
    in_graph = torch.compiler.is_compiling()
    if isinstance(avg_factor, Tensor):
        if avg_factor.numel() != 1:
            raise TypeError(f"avg_factor must be a number; got shape {tuple(avg_factor.shape)}")
        avg_factor = avg_factor.reshape(())
        varies = in_graph or are_transforms_active() or is_recorded()
    else:
        varies = in_graph and type(avg_factor) in (int, float)
    divisor = check_reduction(reduction, 1.0 if varies else avg_factor)
    if divisor is not None and not varies:
        check_fits("avg_factor", divisor, value.dtype == torch.float32)
    if reduction == "none":
        return value
    return value.sum() if reduction == "sum" else value.sum() / _divisor(value, avg_factor)


def _divisor(value: Tensor, avg_factor: Any) -> Any:
    """Find the divisor of the mean, infinite in place of 0: then the mean is 0, and so is its gradient."""
    if isinstance(avg_factor, Tensor):
        return torch.where(avg_factor == 0, math.inf, avg_factor)
    return (value.numel() if avg_factor is None else avg_factor) or math.inf
