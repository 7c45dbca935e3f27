"""Structures from text, for where only text can go: the argument of an operator in a graph of another library."""

import ast
from functools import lru_cache
from importlib import import_module
from operator import attrgetter
from typing import Any

from boxloss.formulas.program import NUMBER, Structure


@lru_cache(maxsize=1024)
def from_text(text: str) -> Structure:
    """Find the structure with this `text`."""
    structure: Structure = _entry(ast.literal_eval(text))
    return structure


def _entry(told: list[Any]) -> Any:
    what, *rest = told
    if what == "number":
        return NUMBER
    if what == "value":
        return rest[0]
    if what == "tuple":
        return tuple(map(_entry, rest[0]))
    module, name, entries = rest
    try:
        kind = attrgetter(name)(import_module(module))
    except (ImportError, AttributeError):
        raise TypeError(f"a loss in a graph must be of a class that can be imported; got {module}.{name}") from None
    return Structure(kind, tuple(map(_entry, entries)))
