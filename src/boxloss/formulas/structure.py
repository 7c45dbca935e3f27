"""The structure of a loss: what kernels are compiled for, all of the loss but its numbers."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import fields
from functools import cached_property
from typing import Any, ClassVar, Protocol, Self

from boxloss.formulas.checked import check_evaluation
from boxloss.formulas.defined import is_sequence, losses_in, told_losses, why_refused
from boxloss.formulas.names import LITERALS, is_of_package, keep, typed
from boxloss.libraries.arrays import is_written_into_graph
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.shapes.shape import GradientOf, Pair, Relation, Shape
from boxloss.typing import Namespace, Number

# Exponents to which powers are products that stay within 2 ulp; that to 7/2 would not.
HALVES = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
# What a structure may know of those of its numbers that are exponents: nothing, that all are among the halves, or that
# they are those that their classes have by default.
ANY, SOME_HALVES, USUAL = "any", "halves", "usual"


class Formula(Protocol):
    """What the fields of a loss make of a pair of boxes."""

    relations: ClassVar[tuple[str | Relation, ...]]
    shapes: ClassVar[tuple[str, ...]]
    exponents: ClassVar[tuple[str, ...]]

    def evaluate(self, xp: Namespace, pair: Pair) -> tuple[Number, GradientOf]:
        """Compute the value, and ``gradient(exchanged) -> Gradient`` for either box."""


class _Number:
    """The place of a float in a structure."""

    def __repr__(self) -> str:
        return "#"

    def __reduce__(self) -> str:
        return "NUMBER"


NUMBER = _Number()


class Structure:
    """What a kernel is compiled for: everything of a loss but its floats. Equal structures are one object.

    Of its numbers it may know that those which are exponents are among `HALVES`, so that powers are products, or that
    they are the usual ones, so that these are products of just so many.

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
    exponent_places : tuple of int
        Which numbers are exponents, by what their losses say.
    usual : tuple
        What these are by default.
    powers : str
        What is known of them: ``"any"`` for nothing, ``"halves"``, or ``"usual"``.
    text : str
        The structure where only text can go, in this process; see `boxloss.formulas.text`.
    """

    _known: ClassVar[dict[Hashable, "Structure"]] = {}
    kind: type[Formula]
    entries: tuple[Any, ...]
    names: tuple[str, ...]
    number_names: tuple[str, ...]
    exponent_places: tuple[int, ...]
    usual: tuple[Any, ...]
    powers: str
    text: str

    def __new__(
        cls, kind: Any, entries: tuple[Any, ...], names: tuple[str, ...] | None = None, powers: str = ANY
    ) -> Self:
        """Find the structure, or make it. Those who know the names of the fields may tell."""
        key = (kind, typed(entries), powers)
        # Not in a graph: it depends on what it looks up, so its own first call, which adds a structure, would end it.
        in_graph = is_written_into_graph()
        try:
            found = None if in_graph else cls._known.get(key)
        except TypeError:
            raise _not_hashable(kind, entries) from None
        if found is None:
            found = super().__new__(cls)
            found.kind, found.entries, found.powers = kind, entries, powers
            # At once: torch.compile, which may make a loss in a graph, takes no cached property.
            found.names = tuple(f.name for f in fields(kind)) if names is None else names
            places = tuple(_number_places(found))
            found.number_names = tuple(name for _, name in places)
            found.exponent_places = tuple(k for k, (of, name) in enumerate(places) if name in _exponents(of))
            found.usual = tuple(_default(*places[k]) for k in found.exponent_places)
            found.text = repr(told(found, _name_of, keep))
            found = found if in_graph else cls._known.setdefault(key, found)
        return found  # type: ignore[return-value]

    def __repr__(self) -> str:
        told = (f"{name}={entry!r}" for name, entry in zip(self.names, self.entries, strict=True))
        return f"{self.kind.__name__}({', '.join(told)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Structure, (self.kind, self.entries, None, self.powers)

    def of(self, numbers: tuple[float, ...]) -> "Structure":
        """Make the structure that knows of its exponents what they are."""
        exponents = tuple(numbers[k] for k in self.exponent_places)
        halves = SOME_HALVES if all(exponent in HALVES for exponent in exponents) else ANY
        powers = ANY if not exponents else USUAL if exponents == self.usual else halves
        return self if powers == self.powers else Structure(self.kind, self.entries, self.names, powers)

    def of_any(self) -> "Structure":
        """Make the structure that knows nothing of its exponents, as parts of others and graphs have it."""
        return self if self.powers == ANY else Structure(self.kind, self.entries, self.names)

    def _told_exponents(self, numbers: tuple[Number, ...], xp: Namespace) -> tuple[Number, ...]:
        """Return the numbers as a formula that is written down takes them, with what is known of exponents."""
        if not hasattr(xp, "mark_halves"):
            return numbers
        if self.powers == SOME_HALVES:
            xp.mark_halves(*(numbers[k] for k in self.exponent_places))
            return numbers
        usual = dict(zip(self.exponent_places, self.usual, strict=True)) if self.powers == USUAL else {}
        return tuple(usual.get(k, number) for k, number in enumerate(numbers))

    @cached_property
    def eps_places(self) -> tuple[int, ...]:
        """Which numbers are called eps."""
        return tuple(k for k, name in enumerate(self.number_names) if name == "eps")

    @cached_property
    def relations(self) -> tuple[str | Relation, ...]:
        """The relations of the two boxes of a call that the formula reads, each once."""
        return tuple(dict.fromkeys(self.bind([0.0] * len(self.number_names)).relations))

    def parts(self, shape: Shape) -> tuple[Relation, ...]:
        """List those relations that a matrix prepares a part of for each box."""
        if shape not in self._parts:
            self._parts[shape] = tuple(r for r in map(shape.relation, self.relations) if r.part is not None)
        return self._parts[shape]

    @cached_property
    def _parts(self) -> dict[Shape, tuple[Relation, ...]]:
        return {}

    def refusal(self, shape: Shape) -> str:
        """Say why the loss, or one that it is made of, is not defined for a kind of box; nothing if it is."""
        if shape not in self._refusals:
            self._refusals[shape] = why_refused(self.bind([0.0] * len(self.number_names)), shape)
        return self._refusals[shape]

    @cached_property
    def _refusals(self) -> dict[Shape, str]:
        return {AXIS_ALIGNED: ""}

    def check_shape(self, shape: Shape) -> None:
        """Raise a ValueError if the loss is not defined for a kind of box; it names some that are."""
        if why := self.refusal(shape):
            raise ValueError(f"{why}{told_losses(shape, self.relations)}")

    def direction(self, numbers: Iterable[Number]) -> tuple[bool, float | None]:
        """Say whether a larger value is a better match, and find the best value that boxes without overlap may have."""
        bound: Any = self.bind(numbers)
        return bound.is_score, bound.without_overlap()

    @cached_property
    def image_reader(self) -> str:
        """The name of the class that reads the size of the image, of this loss or of one that it is made of.

        Nothing if there is none.
        """
        for loss in losses_in(self.bind([0.0] * len(self.number_names))):
            if any(AXIS_ALIGNED.relation(which).reads_image for which in loss.relations):
                return type(loss).__name__
        return ""

    @cached_property
    def reads_image(self) -> bool:
        """Whether a call has to give the size of the image."""
        return bool(self.image_reader)

    def bind(self, numbers: Iterable[Number]) -> Formula:
        """Make the loss with these numbers, whatever they are: none of its checks runs."""
        rest = iter(numbers)
        bound: Formula = _bind(self, rest)
        if next(rest, NUMBER) is not NUMBER:
            raise ValueError(f"{self!r} has {len(self.number_names)} numbers; got more")
        return bound

    def evaluate(self, numbers: Iterable[Number], xp: Namespace, pair: Pair) -> tuple[Number, GradientOf]:
        """Compute the value for a pair, and ``gradient(exchanged) -> Gradient``, of the loss with these numbers."""
        bound = self.bind(numbers if self.powers == ANY else self._told_exponents(tuple(numbers), xp))
        try:
            found = bound.evaluate(xp, pair)
        except AttributeError as error:
            kind, name = type(error.obj), error.name
            if not (name and hasattr(kind, "evaluate") and hasattr(kind, "__dataclass_fields__")):
                raise
            raise AttributeError(
                f"a formula knows the fields of its loss only, and {kind.__name__} has no field {name!r}: make a field "
                "or a property of it, since what __post_init__ sets beside the fields is not there"
            ) from error
        if not is_of_package(self.kind):
            check_evaluation(self.kind.__name__, found)
        return found


def _not_hashable(kind: type, entries: tuple[Any, ...]) -> TypeError:
    """Make the error of a field that cannot be part of a structure."""
    for each, entry in zip(fields(kind), entries, strict=True):
        try:
            hash(entry)
        except TypeError:
            told = f"{each.name} of {kind.__name__} must be hashable, as a tuple is; got {type(entry).__name__}"
            return TypeError(told)
    return TypeError(f"the fields of {kind.__name__} must be hashable")


def told(entry: Any, of_class: Callable[[type], Any], of_value: Callable[[Any], Any]) -> list[Any]:
    """Write a structure, or what it is made of, as lists of literals; `boxloss.formulas.text.entry_of` reads them.

    ``of_class`` and ``of_value`` say what stands for a class, and for a value that is no literal.
    """
    if entry is NUMBER:
        return ["number"]
    if isinstance(entry, Structure):
        parts = [told(part, of_class, of_value) for part in entry.entries]
        return ["loss", of_class(entry.kind), parts, entry.powers]
    if is_sequence(entry):
        name = None if type(entry) is tuple else of_class(type(entry))
        return ["tuple", name, [told(part, of_class, of_value) for part in entry]]
    return ["value", entry] if type(entry) in LITERALS else ["kept", of_value(entry)]


def _name_of(kind: type) -> Any:
    return [kind.__module__, kind.__qualname__] if is_of_package(kind) else keep(kind)


def tuple_like(value: Any, items: Iterable[Any]) -> Any:
    """Make a tuple of the type of another, with items of its own."""
    return type(value)._make(items) if hasattr(value, "_fields") else tuple(items)


def _number_places(entry: Any, kind: Any = None, name: str = "") -> Iterator[tuple[Any, str]]:
    """Yield for each number the class of the loss and the field that it stands in."""
    if entry is NUMBER:
        yield kind, name
    elif isinstance(entry, Structure):
        for own, part in zip(entry.names, entry.entries, strict=True):
            yield from _number_places(part, entry.kind, own)
    elif is_sequence(entry):
        for part in entry:
            yield from _number_places(part, kind, name)


def _exponents(kind: Any) -> tuple[str, ...]:
    """List the fields of a class that are exponents."""
    found: tuple[str, ...] = getattr(kind, "exponents", None) or ()
    return found


def _default(kind: Any, name: str) -> Any:
    """Find the default of a field, if it is a number: an attribute of the class, as torch.compile has no other way."""
    default = getattr(kind, name, None)
    return float(default) if isinstance(default, int | float) and not isinstance(default, bool) else None


def _bind(entry: Any, numbers: Iterator[Number]) -> Any:
    if entry is NUMBER:
        return next(numbers)
    if isinstance(entry, Structure):
        bound = object.__new__(entry.kind)
        for name, part in zip(entry.names, entry.entries, strict=True):
            object.__setattr__(bound, name, _bind(part, numbers))
        return bound
    return tuple_like(entry, [_bind(part, numbers) for part in entry]) if is_sequence(entry) else entry
