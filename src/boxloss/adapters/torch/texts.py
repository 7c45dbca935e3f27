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
from boxloss.formulas.names import LITERALS, is_of_package
from boxloss.formulas.structure import NUMBER, Structure
from boxloss.formulas.text import from_text, imported
from boxloss.verbs.elementwise.formula import Kind, of_a_pair

_structures: dict[str, Structure] = {}


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def text_of(text: str, formats: tuple[str, ...] = ("xyxy", "xyxy")) -> str:
    """The text of a structure for a graph, from its `text` in this process, with a digest of what formats make of it.

    What torch keeps of compiled graphs on disk may hold the formula: another formula is another text, and another
    version of this package too.
    """
    return _text_of(text, formats)


@cache
def _text_of(text: str, formats: tuple[str, ...]) -> str:
    structure = from_text(text)
    told, _ = _told(structure)
    portable = f"{told!r} {_digest(structure, formats)}"
    _structures[portable] = structure
    return portable


def structure_of(text: str) -> Structure:
    """The structure with this text, which `text_of` may have made in another process."""
    structure = _structures.get(text)
    if structure is None:
        structure = _structures[text] = _restored(text)
    return structure


def is_of_package_alone(structure: Structure) -> bool:
    """Whether a structure holds no loss of somebody's own, and nothing else that only this process knows."""
    _, is_own = _told(structure)
    return not is_own


def _restored(text: str) -> Structure:
    told, _, digest = text.rpartition("] ")
    if not told:  # that of a structure of this process
        return from_text(text)
    structure: Structure = _entry(ast.literal_eval(f"{told}]"))
    formats = tuple(digest.split()[:2])
    if not is_of_package_alone(structure) and _text_of(structure.text, formats) != text:
        raise TypeError(
            f"a graph holds a loss {structure.kind.__name__} of another formula than {structure.kind.__module__}."
            f"{structure.kind.__qualname__} has now; make the graph again"
        )
    return structure


def _digest(structure: Structure, formats: tuple[str, ...]) -> str:
    """The formats and a digest of the formula; one of its own, good for this process, if it cannot be written down."""
    try:
        kind = Kind(structure, (formats[0], formats[1]), pred_grad=True, target_grad=True, weighted=False)
        digest = trace(of_a_pair(kind), kind.sizes, FUNCTIONS["float64"]).digest
    except Exception:
        digest = uuid4().hex
    return " ".join((*formats, sys.modules["boxloss"].__version__, digest))


def _told(entry: Any) -> tuple[list[Any], bool]:
    """What text says of a structure in any process, and whether some of it is not of this package."""
    if entry is NUMBER:
        return ["number"], False
    if isinstance(entry, Structure):
        kind = entry.kind
        parts = [_told(part) for part in entry.entries]
        is_own = not is_of_package(kind) or any(own for _, own in parts)
        return ["loss", [kind.__module__, kind.__qualname__], [part for part, _ in parts], entry.powers], is_own
    if type(entry) is tuple:
        parts = [_told(part) for part in entry]
        return ["tuple", None, [part for part, _ in parts]], any(own for _, own in parts)
    return (["value", entry], False) if type(entry) in LITERALS else (["kept", repr(entry)], True)


def _entry(told: list[Any]) -> Any:
    what, *rest = told
    if what == "number":
        return NUMBER
    if what == "value":
        return rest[0]
    if what == "tuple":
        return tuple(map(_entry, rest[1]))
    if what == "kept":
        raise TypeError(f"a graph of another process holds a loss with the field {rest[0]}, known only there")
    (module, name), entries, powers = rest
    try:
        kind = imported(module, name)
    except (ImportError, AttributeError):
        raise TypeError(
            f"a graph of another process holds a loss of the class {module}.{name}, which cannot be imported here"
        ) from None
    return Structure(kind, tuple(map(_entry, entries)), None, powers)
