"""The operators of torch that stand for a loss in graphs of torch.compile and under transforms of torch.func.

Torch does not look into an operator. It is told the shapes of its results (the fake implementation), its derivative and
its batching rule. Its arguments are tensors, numbers and text: so the structure of a loss comes as text, and its
numbers as a tensor, for which another value compiles nothing.
"""

from typing import Any

import torch
from torch import Tensor

from boxloss.adapters.torch.node import DIFFERENTIATED_TWICE
from boxloss.adapters.torch.private import without_modes
from boxloss.check import check_not_negative
from boxloss.formulas.program import Program, keep_beside
from boxloss.formulas.text import from_text
from boxloss.request import Request, pairwise_request, request_of
from boxloss.verbs import select

if not hasattr(torch.library, "register_vmap"):
    raise RuntimeError(f"boxloss in torch.compile and torch.func needs torch 2.6 or later; found {torch.__version__}")


def _keep_tensor(program: Program) -> None:
    """Give a program its numbers as a tensor, the same whatever mode a loss is made in."""
    with without_modes(), torch.inference_mode(False):
        object.__setattr__(program, "tensor", torch.tensor(program.numbers, dtype=torch.float64))


keep_beside(_keep_tensor)

_library = torch.library.Library("boxloss", "DEF")
_OPTIONS = (
    "Tensor pred, Tensor target, Tensor numbers, str structure, float? eps, "
    "str pred_format, str target_format, float[]? image_size, str engine"
)
_TAGS = (torch.Tag.pt2_compliant_tag,)


def _program(numbers: Tensor, structure: str, eps: float | None) -> Program:
    """The program of a call; a fake tensor has no numbers, and needs none."""
    known = from_text(structure)
    is_fake = isinstance(numbers, torch._subclasses.FakeTensor)
    program = Program(known, (1.0,) * len(known.number_names) if is_fake else tuple(numbers.tolist()))
    return program if eps is None else program.with_eps(check_not_negative("eps", eps))


def _request(pred: Tensor, target: Tensor, *options: Any) -> tuple[Program, Request]:
    """What an engine is given, with gradients in the type of the computation: they are rounded after the chain rule."""
    numbers, structure, eps, *formats, image_size = options
    program = _program(numbers, structure, eps)
    request = request_of(program, pred, target, tuple(formats), image_size, None, "none", None)
    return program, request._replace(pred_dtype=request.pred.dtype, target_dtype=request.target.dtype)


def _matrix_request(pred: Tensor, target: Tensor, *options: Any) -> tuple[Program, Request]:
    numbers, structure, eps, *formats, image_size = options
    program = _program(numbers, structure, eps)
    return program, pairwise_request(program, pred, target, tuple(formats), image_size, None)


def _batched(in_dims: tuple[int | None, ...], pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The boxes with the axis of a vmap first, and after it as many axes in both: it is one more leading axis."""
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
    program, request = _request(pred, target, *options)
    wrt = ("pred",) * pred_grad + ("target",) * target_grad
    value, grads = select.runner("elementwise", engine, request.pred)(program, request, wrt)
    return _results(value, grads, pred_grad, target_grad)


def _fake(pred: Tensor, target: Tensor, *rest: Any) -> tuple[Tensor, ...]:
    *options, engine, pred_grad, target_grad = rest
    _, request = _request(pred, target, *options)
    select.engine(engine, request.pred)
    shape = torch.broadcast_shapes(pred.shape[:-1], target.shape[:-1])
    value = request.pred.new_empty(shape)
    sizes = (request.pred_format.shape.size,) * pred_grad + (request.target_format.shape.size,) * target_grad
    return _results(value, tuple(value.new_empty((*shape, size)) for size in sizes), pred_grad, target_grad)


def _results(value: Tensor, grads: tuple[Tensor, ...], pred_grad: bool, target_grad: bool) -> tuple[Tensor, ...]:
    """Three tensors, as the schema has it; an empty one stands for a gradient that was not asked for."""
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


_library.define(
    f"elementwise({_OPTIONS}, bool pred_grad, bool target_grad) -> (Tensor value, Tensor d_pred, Tensor d_target)",
    tags=_TAGS,
)
_library.impl("elementwise", _run, "CompositeExplicitAutograd")
torch.library.register_fake("boxloss::elementwise", _fake, lib=_library)
torch.library.register_autograd("boxloss::elementwise", _backward, setup_context=_keep, lib=_library)
elementwise = torch.ops.boxloss.elementwise.default


class Transformed(torch.autograd.Function):  # type: ignore[misc]
    """The operator for torch.func, whose transforms know derivatives of such classes but not those of operators."""

    @staticmethod
    def forward(*arguments: Any) -> tuple[Tensor, ...]:
        """The operator."""
        results: tuple[Tensor, ...] = elementwise(*arguments)
        return results

    setup_context = staticmethod(_keep)
    backward = staticmethod(_backward)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], pred: Tensor, target: Tensor, *rest: Any) -> Any:
        """One more leading axis."""
        return Transformed.apply(*_batched(in_dims, pred, target), *rest), (0, 0, 0)


# --- Matrices -------------------------------------------------------------------------------------------------------


def _run_pairwise(pred: Tensor, target: Tensor, *rest: Any) -> Tensor:
    *options, engine = rest
    program, request = _matrix_request(pred, target, *options)
    matrix: Tensor = select.runner("pairwise", engine, request.pred)(program, request)
    return matrix.contiguous()


def _fake_pairwise(pred: Tensor, target: Tensor, *rest: Any) -> Tensor:
    *options, engine = rest
    _, request = _matrix_request(pred, target, *options)
    select.engine(engine, request.pred)
    batch = torch.broadcast_shapes(pred.shape[:-2], target.shape[:-2])
    matrix: Tensor = request.pred.new_empty((*batch, pred.shape[-2], target.shape[-2]))
    return matrix


def _vmap_pairwise(info: Any, in_dims: tuple[int | None, ...], pred: Tensor, target: Tensor, *rest: Any) -> Any:
    return pairwise(*_batched(in_dims, pred, target), *rest), 0


_library.define(f"pairwise({_OPTIONS}) -> Tensor", tags=_TAGS)
_library.impl("pairwise", _run_pairwise, "CompositeExplicitAutograd")
torch.library.register_fake("boxloss::pairwise", _fake_pairwise, lib=_library)
torch.library.register_vmap("boxloss::pairwise", _vmap_pairwise, lib=_library)
pairwise = torch.ops.boxloss.pairwise.default


# --- The best of a matrix ---------------------------------------------------------------------------------------------


def _best_request(pred: Tensor, target: Tensor, *options: Any) -> tuple[Program, Request]:
    numbers, structure, eps, *formats, image_size, mask = options
    program = _program(numbers, structure, eps)
    return program, pairwise_request(program, pred, target, tuple(formats), image_size, target_mask=mask)


def _run_best(pred: Tensor, target: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    *options, engine, mask, largest, k = rest
    program, request = _best_request(pred, target, *options, mask)
    verb, own = ("topk", (largest, k)) if k else ("nearest", (largest,))
    value, index = select.runner(verb, engine, request.pred)(program, request, *own)
    return value.contiguous(), index.contiguous()


def _fake_best(pred: Tensor, target: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    *options, engine, mask, _, k = rest
    _, request = _best_request(pred, target, *options, mask)
    select.engine(engine, request.pred)
    batch = torch.broadcast_shapes(pred.shape[:-2], target.shape[:-2])
    value = request.pred.new_empty((*batch, pred.shape[-2], *((k,) if k else ())))
    return value, value.new_empty(value.shape, dtype=torch.int64)


def _vmap_best(info: Any, in_dims: tuple[int | None, ...], pred: Tensor, target: Tensor, *rest: Any) -> Any:
    *options, mask, largest, k = rest
    pred, target = _batched(in_dims, pred, target)
    if mask is not None:
        place = in_dims[-3]
        mask = mask if place is None else mask.movedim(place, 0)
        if place is not None:
            mask = mask.reshape(mask.shape[0], *(1,) * (max(pred.ndim, target.ndim) - 1 - mask.ndim), *mask.shape[1:])
    return best(pred, target, *options, mask, largest, k), (0, 0)


_library.define(
    f"best({_OPTIONS}, Tensor? target_mask, bool largest, int k) -> (Tensor value, Tensor index)", tags=_TAGS
)
_library.impl("best", _run_best, "CompositeExplicitAutograd")
torch.library.register_fake("boxloss::best", _fake_best, lib=_library)
torch.library.register_vmap("boxloss::best", _vmap_best, lib=_library)
best = torch.ops.boxloss.best.default
