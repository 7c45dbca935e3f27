"""Losses as text, for where only text can go: the argument of an operator in a graph of another library."""

import ast
from dataclasses import fields
from functools import lru_cache
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from boxloss.loss import Loss


def to_text(loss: "Loss") -> str:
    """The class of a loss and its parameters; of a sum, the terms and their weights."""
    if isinstance(loss.structure, tuple):
        return repr([(w, to_text(term)) for w, term in zip(loss.weights, loss.structure, strict=True)])
    kind = type(loss)
    return repr((kind.__module__, kind.__qualname__, {field.name: getattr(loss, field.name) for field in fields(loss)}))


@lru_cache(maxsize=1024)
def from_text(text: str, eps: float | None = None) -> "Loss":
    """The loss of a text, with another `eps` if that is given."""
    from boxloss.losses.weighted_sum import WeightedSum

    if eps is not None:
        return from_text(text).with_eps(eps)
    told = ast.literal_eval(text)
    if isinstance(told, list):
        return WeightedSum(tuple((weight, from_text(term)) for weight, term in told))
    module, name, parameters = told
    try:
        kind = attrgetter(name)(import_module(module))
    except (ImportError, AttributeError):
        raise TypeError(f"a loss in a graph must be of a class that can be imported; got {module}.{name}") from None
    loss: Loss = kind(**parameters)
    return loss
