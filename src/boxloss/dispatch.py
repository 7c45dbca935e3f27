"""Where a call goes: to an adapter of its array library, or to an engine."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from boxloss.libraries.arrays import is_dask, is_jax, is_tensor
from boxloss.request import Request
from boxloss.verbs import select


def is_traced(pred: object, target: object) -> bool:
    """Say whether torch's dispatcher takes a call: of a compiler, transform or trace, or with a subclass of tensors."""
    if type(pred) is np.ndarray or not is_tensor(pred):
        return False
    if is_in_graph(sys.modules["torch"]):
        return True
    _check_no_tangent(pred, target)
    return subclass_of_tensors(pred, target) is not None


def is_in_graph(torch: Any) -> bool:
    """Say whether a compiler, a transform or a trace of torch runs."""
    if torch.compiler.is_compiling():
        return True
    from boxloss.adapters.torch.private import are_transforms_active, is_recorded

    return are_transforms_active() or is_recorded()


def subclass_of_tensors(*arrays: object) -> type | None:
    """Find the class of a tensor that may do its operations in its own way, if one does."""
    torch = sys.modules["torch"]
    plain = (torch.Tensor, torch.nn.Parameter)
    return next((type(array) for array in arrays if is_tensor(array) and type(array) not in plain), None)


def _check_no_tangent(*arrays: object) -> None:
    """Check that no tensor carries a derivative of forward mode, which the results would be without."""
    from boxloss.adapters.torch.private import has_tangent

    if any(is_tensor(array) and has_tangent(array) for array in arrays):
        raise NotImplementedError(
            "losses have no derivative in forward mode: take one of reverse mode, as torch.func.vjp and jacrev do"
        )


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
