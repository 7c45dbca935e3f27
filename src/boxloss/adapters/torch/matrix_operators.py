"""The operators of torch that stand for the matrix of a loss; see `boxloss.adapters.torch.operators`."""

from typing import Any

import torch
from torch import Tensor

from boxloss.adapters.torch import pullback
from boxloss.adapters.torch.node import DIFFERENTIATED_TWICE
from boxloss.adapters.torch.operators import OPTIONS, TAGS, batched, library, matrix_request
from boxloss.request import Request
from boxloss.verbs import select

# --- The matrix -----------------------------------------------------------------------------------------------------


def _run(pred: Tensor, target: Tensor, *rest: Any) -> Tensor:
    *options, engine = rest
    program, request = matrix_request(pred.detach(), target.detach(), *options)
    matrix: Tensor = select.runner("pairwise", engine, request.pred)(program, request)
    return matrix.contiguous()


def _fake(pred: Tensor, target: Tensor, *rest: Any) -> Tensor:
    *options, engine = rest
    _, request = matrix_request(pred, target, *options)
    like: Tensor = request.pred
    select.engine(engine, like)
    batch = torch.broadcast_shapes(pred.shape[:-2], target.shape[:-2])
    matrix: Tensor = like.new_empty((*batch, pred.shape[-2], target.shape[-2]))
    return matrix


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:3])
    ctx.options = inputs[3:]


def _vmap(info: Any, in_dims: tuple[int | None, ...], pred: Tensor, target: Tensor, *rest: Any) -> Any:
    return Matrix.apply(*batched(in_dims, pred, target), *rest), 0


def _vmap_in_a_graph(info: Any, in_dims: tuple[int | None, ...], pred: Tensor, target: Tensor, *rest: Any) -> Any:
    return pairwise(*batched(in_dims, pred, target), *rest), 0


library.define(f"pairwise({OPTIONS}) -> Tensor", tags=TAGS)
library.impl("pairwise", _run, "CompositeExplicitAutograd")
torch.library.register_fake("boxloss::pairwise", _fake, lib=library)
torch.library.register_vmap("boxloss::pairwise", _vmap_in_a_graph, lib=library)
pairwise = torch.ops.boxloss.pairwise.default


# --- Its gradients --------------------------------------------------------------------------------------------------


def _run_backward(pred: Tensor, target: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    *options, engine, d_matrix, pred_grad, target_grad = rest
    program, request = matrix_request(pred.detach(), target.detach(), *options)
    wrt = ("pred",) * pred_grad + ("target",) * target_grad
    run = select.runner("elementwise", engine, request.pred)
    found = pullback.of_matrix(program, request, run, d_matrix.detach(), wrt)
    return _results(request, found)


def _fake_backward(pred: Tensor, target: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    *options, _, _, pred_grad, target_grad = rest
    _, request = matrix_request(pred, target, *options)
    found = {"pred": request.pred} if pred_grad else {}
    return _results(request, found | {"target": request.target} if target_grad else found)


def _results(request: Request, found: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Make two tensors, as the schema has it; an empty one stands for a gradient that was not asked for."""
    boxes: dict[str, Tensor] = {"pred": request.pred, "target": request.target}
    nothing = boxes["pred"].new_empty(0)
    d_pred, d_target = (
        found[name].new_empty(boxes[name].shape) if found.get(name) is boxes[name] else found.get(name, nothing)
        for name in boxes
    )
    return d_pred, nothing.clone() if d_target is d_pred else d_target


def _refuse(ctx: Any, *d_grads: Tensor | None) -> Any:
    raise RuntimeError(DIFFERENTIATED_TWICE)


def _vmap_backward(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
    """Give each sample gradients of its own, though its boxes may be those of all."""
    pred, target, *options, d_matrix, pred_grad, target_grad = arguments
    dims = in_dims[0], in_dims[1]
    size = info.batch_size
    samples = [
        boxes.movedim(dim, 0) if dim is not None else boxes.expand(size, *boxes.shape)
        for boxes, dim in zip((pred, target, d_matrix), (*dims, in_dims[-3]), strict=True)
    ]
    wide = [*batched((0, 0), *samples[:2]), samples[2]]
    d_pred, d_target = MatrixGradients.apply(*wide[:2], *options, wide[2], pred_grad, target_grad)
    d_pred = d_pred.reshape(samples[0].shape) if pred_grad else d_pred.expand(size, 0)
    d_target = d_target.reshape(samples[1].shape) if target_grad else d_target.expand(size, 0)
    return (d_pred, d_target), (0, 0)


library.define(
    f"pairwise_backward({OPTIONS}, Tensor d_matrix, bool pred_grad, bool target_grad) "
    "-> (Tensor d_pred, Tensor d_target)",
    tags=TAGS,
)
library.impl("pairwise_backward", _run_backward, "CompositeExplicitAutograd")
torch.library.register_fake("boxloss::pairwise_backward", _fake_backward, lib=library)
torch.library.register_autograd("boxloss::pairwise_backward", _refuse, lib=library)
pairwise_backward = torch.ops.boxloss.pairwise_backward.default


class MatrixGradients(torch.autograd.Function):  # type: ignore[misc]
    """Their operator for torch.func; see `boxloss.adapters.torch.operators.Transformed`."""

    @staticmethod
    def forward(*arguments: Any) -> tuple[Tensor, Tensor]:
        """Call the operator."""
        gradients: tuple[Tensor, Tensor] = pairwise_backward(*arguments)
        return gradients

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep nothing."""

    backward = staticmethod(_refuse)
    vmap = staticmethod(_vmap_backward)


# --- The derivative of the one is the other -------------------------------------------------------------------------


def _backward_by(gradients: Any) -> Any:
    def backward(ctx: Any, d_matrix: Tensor) -> tuple[Any, ...]:
        boxes = pred, target, numbers = ctx.saved_tensors
        wanted = tuple(ctx.needs_input_grad[:2])
        found = gradients(pred, target, numbers, *ctx.options, d_matrix, *wanted)
        d_boxes = (d.to(of.dtype) if asked else None for d, of, asked in zip(found, boxes, wanted, strict=False))
        return *d_boxes, *(None,) * 7

    return backward


torch.library.register_autograd("boxloss::pairwise", _backward_by(pairwise_backward), setup_context=_keep, lib=library)


class Matrix(torch.autograd.Function):  # type: ignore[misc]
    """The operator of matrices for torch.func."""

    @staticmethod
    def forward(*arguments: Any) -> Tensor:
        """Call the operator."""
        matrix: Tensor = pairwise(*arguments)
        return matrix

    setup_context = staticmethod(_keep)
    backward = staticmethod(_backward_by(MatrixGradients.apply))
    vmap = staticmethod(_vmap)
