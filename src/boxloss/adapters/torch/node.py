"""The autograd node of torch."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from boxloss import reduce
from boxloss.adapters.torch.private import has_memory, is_graph_kept
from boxloss.formulas.program import Program
from boxloss.request import Request

DIFFERENTIATED_TWICE = "a loss of boxloss can be differentiated once; its gradient has no derivative"


class _Node(torch.autograd.Function):  # type: ignore[misc]
    """Reduced values of pairs; forward computes their gradients in the same pass, and backward multiplies."""

    @staticmethod
    def forward(ctx: Any, pred: Tensor, target: Tensor, call: tuple[Program, Request, Callable[..., Any]]) -> Any:
        program, request, run = call
        wrt = tuple(name for name, wanted in zip(("pred", "target"), ctx.needs_input_grad, strict=False) if wanted)
        # In the type of the computation: a half gradient that a mean made small is rounded after it was scaled up.
        request = request.constant()._replace(pred_dtype=pred.dtype, target_dtype=target.dtype)
        value, grads = run(program, request, wrt)
        boxes = {"pred": pred, "target": target}
        ctx.wrt = wrt
        ctx.save_for_backward(*grads, *(boxes[name] for name in wrt))
        return reduce.values(request, value)

    @staticmethod
    def backward(ctx: Any, d_value: Tensor) -> Any:
        saved, count = ctx.saved_tensors, len(ctx.wrt)  # a checkpoint gives them once
        grads, boxes = saved[:count], saved[count:]
        if torch.is_grad_enabled():  # by create_graph
            grads = [_Underivable.apply(grad, *boxes) for grad in grads]
        found = {name: _times(grad, d_value, of.shape) for name, grad, of in zip(ctx.wrt, grads, boxes, strict=True)}
        return found.get("pred"), found.get("target"), None


class _Underivable(torch.autograd.Function):  # type: ignore[misc]
    """A gradient that must not be taken for a constant: to differentiate it with respect to the boxes is an error."""

    @staticmethod
    def forward(ctx: Any, grad: Tensor, *boxes: Tensor) -> Tensor:
        return grad.view_as(grad)

    @staticmethod
    def backward(ctx: Any, d_grad: Tensor) -> Any:
        raise RuntimeError(DIFFERENTIATED_TWICE)


def _times(grad: Tensor, d_value: Tensor, shape: Any) -> Tensor:
    """A gradient by the derivative of the value, summed over the axes that its boxes were broadcast along."""
    if is_graph_kept() or torch.is_grad_enabled() or not has_memory(d_value):
        grad = grad * d_value[..., None]
    elif d_value.ndim or d_value.device.type != "cpu" or d_value.item() != 1.0:  # it is 1 where `backward` starts
        grad.mul_(d_value[..., None])  # nobody else uses this memory
    return grad if grad.shape == shape else grad.sum_to_size(shape)


def differentiable(program: Program, request: Request, run: Callable[..., Any]) -> Any:
    """The reduced values as a tensor whose backward is one multiplication."""
    weight = request.weight
    if weight is None or not weight.requires_grad:
        return _Node.apply(request.pred, request.target, (program, request, run))
    unweighted = request._replace(weight=None, reduction="none", divisor=None)
    value = _Node.apply(request.pred, request.target, (program, unweighted, run))
    return reduce.values(request, value * weight)
