"""Structures from text, for where only text can go: the argument of an operator in a graph of another library."""

import ast
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from operator import attrgetter
from typing import Any

from boxloss.formulas.names import kept
from boxloss.formulas.structure import NUMBER, Structure


@lru_cache(maxsize=1024)
def from_text(text: str) -> Structure:
    """Find the structure with this `text`, which this process has made."""
    structure: Structure = entry_of(ast.literal_eval(text), _class_of, kept)
    return structure


def entry_of(told: list[Any], class_of: Callable[[Any], Any], value_of: Callable[[Any], Any]) -> Any:
    """Read what `boxloss.formulas.structure.told` told; ``class_of`` and ``value_of`` undo its functions."""
    what, *rest = told
    if what == "number":
        return NUMBER
    if what == "value":
        return rest[0]
    if what == "kept":
        return value_of(rest[0])
    name, entries, *powers = rest
    parts = tuple(entry_of(entry, class_of, value_of) for entry in entries)
    if what == "loss":
        return Structure(class_of(name), parts, None, *powers)
    return parts if name is None else class_of(name)._make(parts)


def _class_of(name: Any) -> Any:
    return imported(*name) if isinstance(name, list) else kept(name)


def imported(module: str, name: str) -> Any:
    """Import a class by its name."""
    return attrgetter(name)(import_module(module))
