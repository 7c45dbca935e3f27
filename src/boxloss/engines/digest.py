"""A digest of what a kernel is compiled from: its code, its constants and all that these name, methods included.

A kernel on disk is found by it. So whatever changes the machine code changes the name: an edit, an upgrade, another
parameter, a loss of somebody's own.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from boxloss.formulas.names import PACKAGE

# Packages whose functions are told apart by version, which is in the name of the folder.
FOREIGN = ("numba", "llvmlite", "numpy", "cuda", "builtins", "functools", "itertools", "math", "typing")


def digest_of(*values: Any, inner: Callable[[Any], Any] = lambda value: None) -> str:
    """Make the digest of values.

    Parameters
    ----------
    values
        Functions, numbers, text, tuples and mappings of these, classes and modules.
    inner
        ``inner(value)``: what a compiler's object is made of; None if it is no such object.
    """
    walk = _Walk(inner)
    for value in values:
        walk.visit(value)
    return walk.digest.hexdigest()


class _Walk:
    """Feeds a digest with what values hold."""

    def __init__(self, inner: Callable[[Any], Any]) -> None:
        self.digest, self.inner = hashlib.sha256(), inner
        self.seen: dict[int, int] = {}
        self.classes: set[int] = set()
        self.kept: list[Any] = []  # what was seen lives on, so that no other has its id

    def feed(self, *words: object) -> None:
        self.digest.update(repr(words).encode())

    def visit(self, value: Any) -> None:
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            self.feed(type(value).__name__, value)
        elif isinstance(value, tuple | list | frozenset):
            items = sorted(value, key=repr) if isinstance(value, frozenset) else value
            self.feed(type(value).__name__, len(items))
            self.visit_class(type(value))
            for item in items:
                self.visit(item)
        elif isinstance(value, Mapping):
            self.feed("mapping", len(value))
            for key, item in value.items():
                self.visit(key)
                self.visit(item)
        elif id(value) in self.seen:
            self.feed("seen", self.seen[id(value)])
        else:
            self.seen[id(value)] = len(self.seen)
            self.kept.append(value)
            self.visit_object(value)

    def visit_object(self, value: Any) -> None:
        if (made_of := self.inner(value)) is not None:
            self.visit(made_of)
        elif isinstance(value, CodeType):
            self.feed("code", value.co_name, value.co_code, value.co_names, value.co_varnames, value.co_freevars)
            self.visit(value.co_consts)
        elif isinstance(value, FunctionType):
            self.visit_function(value)
        elif isinstance(value, type | BuiltinFunctionType):
            self.feed("named", value.__module__, value.__qualname__)
            if isinstance(value, type):
                self.visit_class(value)
        elif isinstance(value, ModuleType):
            if value.__name__.partition(".")[0] == PACKAGE:
                raise TypeError(f"a kernel takes functions by name, which tells them; got the module {value.__name__}")
            self.feed("module", value.__name__)
        elif type(value).__module__ in ("typing", "collections.abc", "types"):  # of annotations
            self.feed("type", repr(value))
        else:
            raise TypeError(f"a kernel is compiled from functions, numbers and text; got {type(value).__qualname__}")

    def visit_class(self, kind: type) -> None:
        """Visit functions and constants in the body of a class of this package, and in those of its bases.

        Functions that came in otherwise, as those that `NamedTuple` makes, are left out.
        """
        if kind.__module__.partition(".")[0] != PACKAGE or id(kind) in self.classes:
            return
        self.classes.add(id(kind))
        for base in kind.__bases__:
            self.visit_class(base)
        for name, member in vars(kind).items():
            part = _inside(member)
            is_own = isinstance(part, FunctionType) and part.__module__ == kind.__module__
            if is_own or (isinstance(part, bool | int | float | str) and not name.startswith("__")):
                self.feed(name)
                self.visit(part)

    def visit_function(self, function: FunctionType) -> None:
        self.feed("function", function.__module__, function.__qualname__)
        if (function.__module__ or "").split(".")[0] in FOREIGN:
            return
        self.visit(function.__code__)
        self.visit(function.__defaults__)
        for cell in function.__closure__ or ():
            self.visit(cell.cell_contents)
        for name in _names(function.__code__):
            if name in function.__globals__:
                self.feed(name)
                self.visit(function.__globals__[name])


def _inside(member: Any) -> Any:
    """Find the function inside of a property or a static method, say; anything else as it is."""
    if isinstance(member, property):
        return member.fget
    if isinstance(member, staticmethod | classmethod):
        return member.__func__
    return member.func if isinstance(member, cached_property) else member


def _names(code: CodeType) -> list[str]:
    """List the global names of a function and of those inside it."""
    inner = (name for constant in code.co_consts if isinstance(constant, CodeType) for name in _names(constant))
    return list(dict.fromkeys((*code.co_names, *inner)))
