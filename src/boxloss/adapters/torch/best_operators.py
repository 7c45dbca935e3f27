"""The operators of torch that stand for the best of a matrix; see `boxloss.adapters.torch.operators`."""

from typing import Any

import torch
from torch import Tensor

from boxloss.adapters.torch.operators import OPTIONS, TAGS, batched, library, matrix_request
from boxloss.verbs import select


def _run_best(pred: Tensor, target: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    *options, engine, mask, k = rest
    program, request = matrix_request(pred, target, *options, mask=mask)
    # Found here and not in the graph, which would be of one value of each number that these depend on.
    largest, without_overlap = program.structure.direction(program.numbers)
    verb, own = ("topk", k) if k else ("nearest", without_overlap)
    value, index = select.runner(verb, engine, request.pred)(program, request, largest, own)
    return value.contiguous(), index.contiguous()


def _fake_best(pred: Tensor, target: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    *options, engine, mask, k = rest
    _, request = matrix_request(pred, target, *options, mask=mask)
    like: Tensor = request.pred
    select.engine(engine, like)
    batch = torch.broadcast_shapes(pred.shape[:-2], target.shape[:-2])
    value = like.new_empty((*batch, pred.shape[-2], *((k,) if k else ())))
    return value, value.new_empty(value.shape, dtype=torch.int64)


def _vmap_best(info: Any, in_dims: tuple[int | None, ...], pred: Tensor, target: Tensor, *rest: Any) -> Any:
    *options, mask, k = rest
    pred, target = batched(in_dims, pred, target)
    if mask is not None:
        place = in_dims[-2]
        mask = mask if place is None else mask.movedim(place, 0)
        if place is not None:
            mask = mask.reshape(mask.shape[0], *(1,) * (max(pred.ndim, target.ndim) - 1 - mask.ndim), *mask.shape[1:])
    return best(pred, target, *options, mask, k), (0, 0)


library.define(f"best({OPTIONS}, Tensor? target_mask, int k) -> (Tensor value, Tensor index)", tags=TAGS)
library.impl("best", _run_best, "CompositeExplicitAutograd")
torch.library.register_fake("boxloss::best", _fake_best, lib=library)
torch.library.register_vmap("boxloss::best", _vmap_best, lib=library)
best = torch.ops.boxloss.best.default
