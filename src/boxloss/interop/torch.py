"""The autograd node of torch."""

from types import ModuleType
from typing import Any

import torch

from boxloss.check import Inputs
from boxloss.engines.select import constant
from boxloss.loss import Loss


class _Elementwise(torch.autograd.Function):  # type: ignore[misc]
    """Values of pairs, with the gradients of both boxes that forward computes in the same pass."""

    @staticmethod
    def forward(ctx: Any, pred: torch.Tensor, target: torch.Tensor, loss: Loss, inputs: Inputs, run: ModuleType) -> Any:
        shape = torch.broadcast_shapes(pred.shape[:-1], target.shape[:-1])
        wrt = tuple(n for n, wanted in zip(("pred", "target"), ctx.needs_input_grad, strict=False) if wanted)
        value, grads = run.elementwise(loss, constant(inputs), tuple(shape), None, 1.0, wrt)
        ctx.wrt, ctx.shapes = wrt, {"pred": pred.shape, "target": target.shape}
        ctx.save_for_backward(*grads)
        return value

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, d_value: torch.Tensor) -> Any:
        grads = {
            name: (d_value[..., None] * grad).sum_to_size(ctx.shapes[name])
            for name, grad in zip(ctx.wrt, ctx.saved_tensors, strict=True)
        }
        return grads.get("pred"), grads.get("target"), None, None, None


def differentiable(loss: Loss, inputs: Inputs, run: ModuleType) -> Any:
    """The values of pairs as a tensor whose backward is one multiplication."""
    return _Elementwise.apply(inputs.pred, inputs.target, loss, inputs, run)
