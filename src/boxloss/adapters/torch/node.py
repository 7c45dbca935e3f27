"""The autograd nodes of torch."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from boxloss import reduce
from boxloss.adapters.torch import pullback
from boxloss.adapters.torch.private import has_memory, is_graph_kept
from boxloss.adapters.torch.pullback import RunPairs
from boxloss.formulas.program import Program
from boxloss.request import Request

DIFFERENTIATED_TWICE = "a loss of boxloss can be differentiated once; its gradient has no derivative"

RunMatrix = Callable[[Program, Request], Tensor]


class _Node(torch.autograd.Function):  # type: ignore[misc]
    """Reduced values of pairs; forward computes their gradients in the same pass, and backward multiplies.

    Gradients are all that is kept: the boxes may be written to meanwhile. The second result is empty. It leads a
    gradient that is differentiated again back to the boxes.
    """

    @staticmethod
    def forward(
        ctx: Any, pred: Tensor, target: Tensor, call: tuple[Program, Request, RunPairs]
    ) -> tuple[Tensor, Tensor]:
        program, request, run = call
        # In the type of the computation: a half gradient that a mean made small is rounded after it was scaled up.
        request = request.constant()._replace(pred_dtype=pred.dtype, target_dtype=target.dtype)
        ctx.wrt = _wanted(ctx)
        ctx.shapes = {"pred": pred.shape, "target": target.shape}
        value, grads = run(program, request, ctx.wrt)
        origin = pred.new_empty(0)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*grads, origin)
        return reduce.values(request, value), origin

    @staticmethod
    def backward(ctx: Any, d_value: Tensor | None, d_origin: Tensor | None) -> Any:
        *grads, origin = ctx.saved_tensors  # a checkpoint gives them once
        if d_value is None:
            return None, None, None
        if torch.is_grad_enabled():  # by create_graph
            grads = [_Underivable.apply(grad, origin) for grad in grads]
        found = {name: _times(grad, d_value, ctx.shapes[name]) for name, grad in zip(ctx.wrt, grads, strict=True)}
        return found.get("pred"), found.get("target"), None


class _Matrix(torch.autograd.Function):  # type: ignore[misc]
    """A matrix; backward computes the gradients of its pairs, which would take several times its memory."""

    @staticmethod
    def forward(ctx: Any, pred: Tensor, target: Tensor, call: tuple[Program, Request, RunMatrix, RunPairs]) -> Tensor:
        program, request, run, run_pairs = call
        ctx.wrt = _wanted(ctx)
        nothing: Any = None  # until backward, which has them of autograd
        ctx.call = program, request._replace(pred=nothing, target=nothing), run_pairs
        ctx.save_for_backward(pred, target)
        return run(program, request.constant())

    @staticmethod
    def backward(ctx: Any, d_matrix: Tensor) -> Any:
        program, request, run_pairs = ctx.call
        boxes = ctx.saved_tensors
        request = request._replace(pred=boxes[0], target=boxes[1]).constant()
        found = pullback.of_matrix(program, request, run_pairs, d_matrix.detach(), ctx.wrt)
        if torch.is_grad_enabled():  # by create_graph
            found = {name: _Underivable.apply(grad, d_matrix, *boxes) for name, grad in found.items()}
        return found.get("pred"), found.get("target"), None


class _Underivable(torch.autograd.Function):  # type: ignore[misc]
    """A gradient that must not be taken for a constant: to differentiate it with respect to its origins is an error."""

    @staticmethod
    def forward(ctx: Any, grad: Tensor, *origins: Tensor) -> Tensor:
        return grad.view_as(grad)

    @staticmethod
    def backward(ctx: Any, d_grad: Tensor) -> Any:
        raise RuntimeError(DIFFERENTIATED_TWICE)


def _wanted(ctx: Any) -> tuple[str, ...]:
    return tuple(name for name, wanted in zip(("pred", "target"), ctx.needs_input_grad, strict=False) if wanted)


def _times(grad: Tensor, d_value: Tensor, shape: Any) -> Tensor:
    """Multiply a gradient by the derivative of the value; sum it over the axes that its boxes were broadcast along."""
    if is_graph_kept() or torch.is_grad_enabled() or not has_memory(d_value):
        grad = grad * d_value[..., None]
    elif d_value.ndim or d_value.device.type != "cpu" or d_value.item() != 1.0:  # it is 1 where `backward` starts
        grad.mul_(d_value[..., None])  # nobody else uses this memory
    return grad if grad.shape == shape else grad.sum_to_size(shape)


def differentiable(program: Program, request: Request, run: RunPairs) -> Tensor:
    """Compute the reduced values as a tensor whose backward is one multiplication."""
    weight: Tensor | None = request.weight
    if weight is None or not weight.requires_grad:
        return _Node.apply(request.pred, request.target, (program, request, run))[0]
    unweighted = request._replace(weight=None, reduction="none", divisor=None)
    value, _ = _Node.apply(request.pred, request.target, (program, unweighted, run))
    return reduce.values(request, value * weight)


def differentiable_matrix(program: Program, request: Request, run: RunMatrix, run_pairs: RunPairs) -> Tensor:
    """Compute the matrix as a tensor; `run_pairs` is what runs the elementwise verb."""
    return _Matrix.apply(request.pred, request.target, (program, request, run, run_pairs))
