"""Losses as engines know them: a structure, which kernels are compiled for, and run-time numbers.

A loss is a dataclass with a method ``evaluate(xp, pair)``. Its structure is the class with the values of its fields,
losses among them included, but for those that are floats: these are its numbers. So another number compiles nothing.
To compute, the structure is bound to numbers: the result is like the loss, with arrays or symbols for floats.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar, Protocol, Self
from weakref import WeakValueDictionary

import numpy as np

from boxloss.formulas.names import LITERALS, is_of_package, keep, typed
from boxloss.libraries.arrays import is_compiling
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.shapes.shape import Pair, Relation, Shape

SMALLEST, LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


def in_float32(number: float) -> bool:
    """Whether float32 makes neither 0 nor infinity of a number."""
    return number == 0.0 or SMALLEST <= abs(number) <= LARGEST


class Formula(Protocol):
    """What the fields of a loss make of a pair of boxes."""

    relations: ClassVar[tuple[str | Relation, ...]]
    shapes: ClassVar[tuple[str, ...]]

    def evaluate(self, xp: Any, pair: Pair) -> tuple[Any, Any]:
        """The value, and ``gradient(exchanged) -> Gradient`` for either box."""


class _Number:
    """The place of a float in a structure."""

    def __repr__(self) -> str:
        return "#"

    def __reduce__(self) -> str:
        return "NUMBER"


NUMBER = _Number()


class Structure:
    """What a kernel is compiled for: everything of a loss but its floats. Equal structures are one object.

    Attributes
    ----------
    kind : type
        The class of the loss.
    entries : tuple
        For each field `NUMBER`, a structure, a tuple of such entries, or the value.
    names : tuple of str
        The names of the fields.
    number_names : tuple of str
        For each number the field that it stands in, in order.
    text : str
        The structure where only text can go, in this process; see `boxloss.formulas.text`.
    """

    _known: ClassVar[dict[Hashable, "Structure"]] = {}
    kind: type[Formula]
    entries: tuple[Any, ...]
    names: tuple[str, ...]
    number_names: tuple[str, ...]
    text: str

    def __new__(cls, kind: Any, entries: tuple[Any, ...], names: tuple[str, ...] | None = None) -> Self:
        """Find the structure, or make it. Those who know the names of the fields may tell."""
        key = (kind, typed(entries))
        try:
            found = cls._known.get(key)
        except TypeError:
            raise _not_hashable(kind, entries) from None
        if found is None:
            found = super().__new__(cls)
            found.kind, found.entries = kind, entries
            # At once: torch.compile, which may make a loss in a graph, takes no cached property.
            found.names = tuple(f.name for f in fields(kind)) if names is None else names
            found.number_names = tuple(_number_names(found))
            found.text = repr(_told(found))
            found = cls._known.setdefault(key, found)
        return found  # type: ignore[return-value]

    def __repr__(self) -> str:
        told = (f"{name}={entry!r}" for name, entry in zip(self.names, self.entries, strict=True))
        return f"{self.kind.__name__}({', '.join(told)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Structure, (self.kind, self.entries)

    @cached_property
    def eps_places(self) -> tuple[int, ...]:
        """Which numbers are called eps."""
        return tuple(k for k, name in enumerate(self.number_names) if name == "eps")

    @cached_property
    def relations(self) -> tuple[str | Relation, ...]:
        """The relations of the two boxes of a call that the formula reads, each once."""
        return tuple(dict.fromkeys(self.bind([0.0] * len(self.number_names)).relations))

    def parts(self, shape: Shape) -> tuple[Relation, ...]:
        """Those relations that a matrix prepares a part of for each box."""
        if shape not in self._parts:
            self._parts[shape] = tuple(r for r in map(shape.relation, self.relations) if r.part is not None)
        return self._parts[shape]

    @cached_property
    def _parts(self) -> dict[Shape, tuple[Relation, ...]]:
        return {}

    def check_shape(self, shape: Shape) -> None:
        """Raise a ValueError if the loss, or one that it is made of, is not defined for a kind of box."""
        if shape in self._checked_shapes:
            return
        for loss in _losses(self.bind([0.0] * len(self.number_names))):
            missing = [repr(name) for name in loss.relations if isinstance(name, str) and name not in shape.relations]
            known = (*shape.relations.values(),)
            has_own = any(isinstance(which, Relation) and which not in known for which in loss.relations)
            if missing or (shape.name not in loss.shapes if loss.shapes else has_own):
                needs = f": it is stated over {', '.join(missing)}" if missing else ""
                raise ValueError(f"{type(loss).__name__} is not defined for {shape.name} boxes{needs}")
        self._checked_shapes.add(shape)

    @cached_property
    def _checked_shapes(self) -> set[Shape]:
        return {AXIS_ALIGNED}

    @cached_property
    def reads_image(self) -> bool:
        """Whether a call has to give the size of the image."""
        return any(AXIS_ALIGNED.relation(which).reads_image for which in self.relations)

    def bind(self, numbers: Iterable[Any]) -> Formula:
        """The loss with these numbers, whatever they are: none of its checks runs."""
        rest = iter(numbers)
        bound: Formula = _bind(self, rest)
        if next(rest, NUMBER) is not NUMBER:
            raise ValueError(f"{self!r} has {len(self.number_names)} numbers; got more")
        return bound

    def evaluate(self, numbers: Iterable[Any], xp: Any, pair: Pair) -> tuple[Any, Any]:
        """The value for a pair of boxes, and ``gradient(exchanged) -> Gradient``, of the loss with these numbers."""
        bound = self.bind(numbers)
        try:
            return bound.evaluate(xp, pair)
        except AttributeError as error:
            kind, name = type(error.obj), error.name
            if not (name and hasattr(kind, "evaluate") and hasattr(kind, "__dataclass_fields__")):
                raise
            raise AttributeError(
                f"a formula knows the fields of its loss only, and {kind.__name__} has no field {name!r}: make a field "
                "or a property of it, since what __post_init__ sets beside the fields is not there"
            ) from error


def _losses(value: Any) -> Iterator[Formula]:
    """The losses that a value is made of, and itself at last."""
    if _is_sequence(value):
        for item in value:
            yield from _losses(item)
    elif hasattr(value, "evaluate") and hasattr(value, "__dataclass_fields__"):
        for each in fields(value):
            yield from _losses(getattr(value, each.name))
        yield value


def _not_hashable(kind: type, entries: tuple[Any, ...]) -> TypeError:
    """The error of a field that cannot be part of a structure."""
    for each, entry in zip(fields(kind), entries, strict=True):
        try:
            hash(entry)
        except TypeError:
            told = f"{each.name} of {kind.__name__} must be hashable, as a tuple is; got {type(entry).__name__}"
            return TypeError(told)
    return TypeError(f"the fields of {kind.__name__} must be hashable")


def _told(entry: Any) -> list[Any]:
    if entry is NUMBER:
        return ["number"]
    if isinstance(entry, Structure):
        kind = entry.kind
        name = [kind.__module__, kind.__qualname__] if is_of_package(kind) else keep(kind)
        return ["loss", name, [_told(part) for part in entry.entries]]
    if _is_sequence(entry):
        return ["tuple", None if type(entry) is tuple else keep(type(entry)), [_told(part) for part in entry]]
    return ["value", entry] if type(entry) in LITERALS else ["kept", keep(entry)]


def _is_sequence(value: Any) -> bool:
    """Whether a value is a tuple or a named tuple, whose items may be numbers and losses."""
    return type(value) is tuple or (isinstance(value, tuple) and hasattr(value, "_fields"))


def tuple_like(value: Any, items: Iterable[Any]) -> Any:
    """A tuple of the type of another, with items of its own."""
    return type(value)._make(items) if hasattr(value, "_fields") else tuple(items)


def _number_names(entry: Any, name: str = "") -> Iterator[str]:
    if entry is NUMBER:
        yield name
    elif isinstance(entry, Structure):
        for own, part in zip(entry.names, entry.entries, strict=True):
            yield from _number_names(part, own)
    elif _is_sequence(entry):
        for part in entry:
            yield from _number_names(part, name)


def _bind(entry: Any, numbers: Iterator[Any]) -> Any:
    if entry is NUMBER:
        return next(numbers)
    if isinstance(entry, Structure):
        bound = object.__new__(entry.kind)
        for name, part in zip(entry.names, entry.entries, strict=True):
            object.__setattr__(bound, name, _bind(part, numbers))
        return bound
    return tuple_like(entry, [_bind(part, numbers) for part in entry]) if _is_sequence(entry) else entry


@dataclass(frozen=True)
class Program:
    """A structure and the numbers of one loss.

    Attributes
    ----------
    structure : Structure
        What kernels are compiled for.
    numbers : tuple of float
        What they are given at run time.
    tensor : Tensor or None
        The numbers where torch is used, which torch.compile takes for an input of its graph and not for constants.
    not_in_float32 : str or None
        The name of a number that float32 makes 0 or infinite.
    """

    structure: Structure
    numbers: tuple[float, ...]
    tensor: Any = field(init=False, repr=False, compare=False, default=None)
    not_in_float32: str | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        named = zip(self.structure.number_names, self.numbers, strict=True)
        unfit = (name for name, number in named if not in_float32(number))
        object.__setattr__(self, "not_in_float32", next(unfit, None))

    def __reduce__(self) -> tuple[Any, ...]:
        return _program, (self.structure, self.numbers)  # without what an adapter keeps beside it

    def with_eps(self, eps: float) -> "Program":
        """The program with this number for each eps."""
        places = self.structure.eps_places
        if not places:
            raise ValueError(f"eps pads a denominator and {self.structure.kind.__name__} has none; got eps={eps!r}")
        return Program(self.structure, tuple(eps if k in places else n for k, n in enumerate(self.numbers)))


def program_of(loss: Any) -> Program:
    """Take a loss apart into its structure and its numbers."""
    numbers: list[float] = []
    names = tuple(f.name for f in fields(loss))
    structure = Structure(type(loss), tuple(_entry(getattr(loss, name), numbers) for name in names), names)
    return _program(structure, tuple(numbers))


def _program(structure: Structure, numbers: tuple[float, ...]) -> Program:
    program = Program(structure, numbers)
    if not is_compiling():  # a loss that a graph makes is no more than the graph
        _programs[id(program)] = program
        for keep in _keepers:
            keep(program)
    return program


_programs: WeakValueDictionary[int, Program] = WeakValueDictionary()
_keepers: list[Callable[[Program], None]] = []


def keep_beside(keep: Callable[[Program], None]) -> None:
    """Call a function with the program of each loss, of those to come too: with what an adapter keeps beside it."""
    _keepers.append(keep)
    for program in list(_programs.values()):
        keep(program)


def _entry(value: Any, numbers: list[float]) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        numbers.append(float(value))
        return NUMBER
    program = getattr(value, "program", None)
    if isinstance(program, Program):
        numbers += program.numbers
        return program.structure
    return tuple_like(value, [_entry(item, numbers) for item in value]) if _is_sequence(value) else value
