"""The operators of torch that stand for a loss in graphs of torch.compile and under transforms of torch.func.

Torch does not look into an operator. It is told the shapes of its results (the fake implementation), its derivative and
its batching rule. Its arguments are tensors, numbers and text: so the structure of a loss comes as text, and its
numbers as a tensor, for which another value compiles nothing.
"""

from typing import Any

import torch
from torch import Tensor

from boxloss.adapters.torch.node import DIFFERENTIATED_TWICE
from boxloss.adapters.torch.private import is_fake, unwrapped, without_modes
from boxloss.adapters.torch.pullback import RunPairs
from boxloss.adapters.torch.texts import structure_of
from boxloss.check_options import check_eps
from boxloss.formulas.program import Program, keep_beside
from boxloss.request import Request, pairwise_request, request_of
from boxloss.verbs import select

if not hasattr(torch.library, "register_vmap"):
    raise RuntimeError(f"boxloss in torch.compile and torch.func needs torch 2.6 or later; found {torch.__version__}")


def _keep_tensor(program: Program) -> None:
    """Give a program its numbers as a tensor, the same whatever mode a loss is made in."""
    with without_modes(), torch.inference_mode(False):
        object.__setattr__(program, "tensor", unwrapped(torch.tensor(program.numbers, dtype=torch.float64)))


keep_beside(_keep_tensor)

library = torch.library.Library("boxloss", "DEF")
OPTIONS = (
    "Tensor pred, Tensor target, Tensor numbers, str structure, float? eps, "
    "str pred_format, str target_format, float[]? image_size, str engine"
)
TAGS = (torch.Tag.pt2_compliant_tag,)


def program_of_call(numbers: Tensor, structure: str, eps: float | None) -> Program:
    """Make the program of a call; a fake tensor has no numbers, and needs none."""
    known = structure_of(structure)
    if is_fake(numbers):
        return check_eps(Program(known, (1.0,) * len(known.number_names)), eps)
    given = tuple(numbers.tolist())
    # A graph knows nothing of exponents.
    return check_eps(Program(known.of(given), given), eps)


def request_of_call(pred: Tensor, target: Tensor, *options: Any) -> tuple[Program, Request]:
    """Make what an engine is given; gradients are of the type of the computation, and rounded after the chain rule."""
    numbers, structure, eps, *formats, image_size = options
    program = program_of_call(numbers, structure, eps)
    request = request_of(program, pred, target, tuple(formats), image_size, None, "none", None)
    return program, request._replace(pred_dtype=request.pred.dtype, target_dtype=request.target.dtype)


def matrix_request(pred: Tensor, target: Tensor, *options: Any, mask: Tensor | None = None) -> tuple[Program, Request]:
    """Make what an engine is given for a matrix, or for what is kept of one."""
    numbers, structure, eps, *formats, image_size = options
    program = program_of_call(numbers, structure, eps)
    return program, pairwise_request(program, pred, target, tuple(formats), image_size, target_mask=mask)


def batched(in_dims: tuple[int | None, ...], pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Move the axis of a vmap to the front, with as many axes after it in both boxes: it is one more leading axis."""
    ndim = max(boxes.ndim - (dim is not None) for boxes, dim in zip((pred, target), in_dims, strict=False))

    def lead(boxes: Tensor, dim: int | None) -> Tensor:
        if dim is None:
            return boxes
        boxes = boxes.movedim(dim, 0)
        return boxes.reshape(boxes.shape[0], *(1,) * (ndim + 1 - boxes.ndim), *boxes.shape[1:])

    return lead(pred, in_dims[0]), lead(target, in_dims[1])


# --- Values and gradients of pairs ----------------------------------------------------------------------------------


def _run(pred: Tensor, target: Tensor, *rest: Any) -> tuple[Tensor, ...]:
    *options, engine, pred_grad, target_grad = rest
    program, request = request_of_call(pred, target, *options)
    wrt = ("pred",) * pred_grad + ("target",) * target_grad
    run: RunPairs = select.runner("elementwise", engine, request.pred)
    value, grads = run(program, request, wrt)
    return results(value, grads, pred_grad, target_grad)


def _fake(pred: Tensor, target: Tensor, *rest: Any) -> tuple[Tensor, ...]:
    *options, engine, pred_grad, target_grad = rest
    _, request = request_of_call(pred, target, *options)
    like: Tensor = request.pred
    select.engine(engine, like)
    shape = torch.broadcast_shapes(pred.shape[:-1], target.shape[:-1])
    value = like.new_empty(shape)
    sizes = (request.pred_format.size,) * pred_grad + (request.target_format.size,) * target_grad
    return results(value, tuple(value.new_empty((*shape, size)) for size in sizes), pred_grad, target_grad)


def results(value: Tensor, grads: tuple[Tensor, ...], pred_grad: bool, target_grad: bool) -> tuple[Tensor, ...]:
    """Make three tensors, as the schema has it; an empty one stands for a gradient that was not asked for."""
    d_pred = grads[0] if pred_grad else value.new_empty(0)
    d_target = grads[-1] if target_grad else value.new_empty(0)
    return value.contiguous(), d_pred.contiguous(), d_target.contiguous()


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*output[1:])
    ctx.boxes = [(boxes.shape, boxes.dtype, wanted) for boxes, wanted in zip(inputs[:2], inputs[-2:], strict=True)]


def _backward(ctx: Any, d_value: Tensor | None, *d_grads: Tensor | None) -> tuple[Any, ...]:
    if any(d is not None for d in d_grads):
        raise RuntimeError(DIFFERENTIATED_TWICE)
    rest = (None,) * 9
    if d_value is None:
        return None, None, *rest
    d_boxes = (
        (d_value[..., None] * grad).sum_to_size(shape).to(dtype) if wanted else None
        for grad, (shape, dtype, wanted) in zip(ctx.saved_tensors, ctx.boxes, strict=True)
    )
    return *d_boxes, *rest


for name in ("elementwise", "kernel"):  # the second is what the first becomes in graphs of Inductor, see `inlined`
    schema = f"{OPTIONS}, bool pred_grad, bool target_grad) -> (Tensor value, Tensor d_pred, Tensor d_target"
    library.define(f"{name}({schema})", tags=TAGS)
    library.impl(name, _run, "CompositeExplicitAutograd")
    torch.library.register_fake(f"boxloss::{name}", _fake, lib=library)
torch.library.register_autograd("boxloss::elementwise", _backward, setup_context=_keep, lib=library)
elementwise, kernel = torch.ops.boxloss.elementwise.default, torch.ops.boxloss.kernel.default


class Transformed(torch.autograd.Function):  # type: ignore[misc]
    """The operator for torch.func, whose transforms know derivatives of such classes but not those of operators."""

    @staticmethod
    def forward(*arguments: Any) -> tuple[Tensor, ...]:
        """Call the operator."""
        found: tuple[Tensor, ...] = elementwise(*arguments)
        return found

    setup_context = staticmethod(_keep)
    backward = staticmethod(_backward)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], pred: Tensor, target: Tensor, *rest: Any) -> Any:
        """Take the axis of a vmap as one more leading axis."""
        return Transformed.apply(*batched(in_dims, pred, target), *rest), (0, 0, 0)
