"""Structures from text, for where only text can go: the argument of an operator in a graph of another library."""

import ast
from functools import lru_cache
from importlib import import_module
from operator import attrgetter
from typing import Any

from boxloss.formulas.names import kept
from boxloss.formulas.structure import NUMBER, Structure


@lru_cache(maxsize=1024)
def from_text(text: str) -> Structure:
    """Find the structure with this `text`, which this process has made."""
    structure: Structure = _entry(ast.literal_eval(text))
    return structure


def _entry(told: list[Any]) -> Any:
    what, *rest = told
    if what == "number":
        return NUMBER
    if what == "value":
        return rest[0]
    if what == "kept":
        return kept(rest[0])
    name, entries = rest[0], tuple(map(_entry, rest[1]))
    if what == "loss":
        return Structure(imported(*name) if isinstance(name, list) else kept(name), entries, None, rest[2])
    return entries if name is None else kept(name)._make(entries)


def imported(module: str, name: str) -> Any:
    """A class by its name."""
    return attrgetter(name)(import_module(module))
