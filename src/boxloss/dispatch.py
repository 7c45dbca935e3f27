"""Where a call goes: to an adapter of its array library, or to an engine."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from boxloss.libraries.arrays import is_dask, is_jax, is_tensor
from boxloss.request import Request
from boxloss.verbs import select


def is_traced(pred: object, target: object, *others: object) -> bool:
    """Say whether torch's dispatcher takes a call: of a compiler, transform or trace, or with a subclass of tensors.

    A tensor that carries a derivative of forward mode is an error: the results would be without.
    """
    if type(pred) is np.ndarray or not is_tensor(pred):
        return False
    torch = sys.modules["torch"]
    if torch.compiler.is_compiling():
        return True
    from boxloss.adapters.torch import private

    if private.are_transforms_active() or private.is_recorded():
        return True
    given = (pred, target, *others)
    if private.is_forward_mode() and any(is_tensor(array) and private.has_tangent(array) for array in given):
        raise NotImplementedError(
            "losses have no derivative in forward mode: take one of reverse mode, as torch.func.vjp and jacrev do"
        )
    return is_subclass(pred) or is_subclass(target)


def is_subclass(array: object) -> bool:
    """Say whether an array is of a class of tensors that may do their operations in their own way."""
    torch = sys.modules["torch"]
    return is_tensor(array) and type(array) not in (torch.Tensor, torch.nn.Parameter)


def runner(verb: str, engine: str, request: Request) -> Callable[..., Any]:
    """Find what runs a verb: ``run(program, request, ...)``."""
    pred = request.pred
    if type(pred) is not np.ndarray:
        if is_dask(pred):
            from boxloss.adapters import dask

            select.engine(engine, dask.empty_chunk(pred))  # whether it can take the chunks
            return partial(getattr(dask, verb), engine=engine)
        if is_jax(pred) and engine in ("auto", "array"):
            from boxloss.adapters import jax

            run: Callable[..., Any] = getattr(jax, verb)
            return run
    return select.runner(verb, engine, pred)
