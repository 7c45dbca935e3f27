"""The text that stands for a structure in a graph, which may outlive the process and the formula that it was made of.

A loss of somebody's own is told by its name and a digest of its formula as it is written down. So a class that is
defined again is another loss, and a graph from disk that meets another formula is an error.
"""

import ast
import sys
from functools import cache
from typing import Any
from uuid import uuid4

import torch

from boxloss.engines.scalar import FUNCTIONS
from boxloss.engines.trace import trace
from boxloss.formulas.names import is_of_package
from boxloss.formulas.structure import Structure, told
from boxloss.formulas.text import entry_of, from_text, imported
from boxloss.verbs.elementwise.formula import Kind, of_a_pair

_structures: dict[str, Structure] = {}


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def text_of(text: str, formats: tuple[str, ...] = ("xyxy", "xyxy")) -> str:
    """Write the text of a structure for a graph, from its `text` here, with a digest of what formats make of it.

    What torch keeps of compiled graphs on disk may hold the formula: another formula is another text, and another
    version of this package too.
    """
    return _text_of(text, formats)


@cache
def _text_of(text: str, formats: tuple[str, ...]) -> str:
    structure = from_text(text)
    listed, _ = _told(structure)
    portable = f"{listed!r} {_digest(structure, formats)}"
    _structures[portable] = structure
    return portable


def structure_of(text: str) -> Structure:
    """Find the structure with this text, which `text_of` may have made in another process."""
    structure = _structures.get(text)
    if structure is None:
        structure = _structures[text] = _restored(text)
    return structure


def is_of_package_alone(structure: Structure) -> bool:
    """Say whether a structure holds no loss of somebody's own, and nothing else that only this process knows."""
    _, is_own = _told(structure)
    return not is_own


def _restored(text: str) -> Structure:
    listed, _, digest = text.rpartition("] ")
    if not listed:  # that of a structure of this process
        return from_text(text)
    structure: Structure = entry_of(ast.literal_eval(f"{listed}]"), _class_of, _no_value)
    formats = tuple(digest.split()[:2])
    if not is_of_package_alone(structure) and _text_of(structure.text, formats) != text:
        raise TypeError(
            f"a graph holds a loss {structure.kind.__name__} of another formula than {structure.kind.__module__}."
            f"{structure.kind.__qualname__} has now; make the graph again"
        )
    return structure


def _digest(structure: Structure, formats: tuple[str, ...]) -> str:
    """Write the formats and a digest of the formula; one good for this process alone, if it cannot be written down."""
    try:
        kind = Kind(structure, (formats[0], formats[1]), pred_grad=True, target_grad=True, weighted=False)
        digest = trace(of_a_pair(kind), kind.sizes, FUNCTIONS["float64"]).digest
    except Exception:
        digest = uuid4().hex
    return " ".join((*formats, sys.modules["boxloss"].__version__, digest))


def _told(structure: Structure) -> tuple[list[Any], bool]:
    """Write what text says of a structure in any process, and say whether some of it is not of this package."""
    own: list[Any] = []

    def of_class(kind: type) -> list[str]:
        if not is_of_package(kind):
            own.append(kind)
        return [kind.__module__, kind.__qualname__]

    def of_value(value: Any) -> str:
        own.append(value)
        return repr(value)

    return told(structure, of_class, of_value), bool(own)


def _class_of(name: list[str]) -> Any:
    try:
        return imported(*name)
    except (ImportError, AttributeError):
        raise TypeError(
            f"a graph of another process holds a loss of the class {'.'.join(name)}, which cannot be imported here"
        ) from None


def _no_value(text: str) -> Any:
    raise TypeError(f"a graph of another process holds a loss with the field {text}, known only there")
