"""Losses as engines know them: a structure, which kernels are compiled for, and run-time numbers.

A loss is a dataclass with a method ``evaluate(xp, pair)``. Its structure is the class with the values of its fields,
losses among them included, but for those that are floats: these are its numbers. So another number compiles nothing,
but for exponents, of which a structure may know more.
To compute, the structure is bound to numbers: the result is like the loss, with arrays or symbols for floats.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from boxloss.formulas.defined import is_sequence
from boxloss.formulas.structure import NUMBER, Structure, tuple_like
from boxloss.libraries.arrays import is_compiling

SMALLEST, LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


def in_float32(number: float) -> bool:
    """Say whether float32 makes neither 0 nor infinity of a number."""
    return number == 0.0 or SMALLEST <= abs(number) <= LARGEST


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
    not_in_float32 : (str, float) or None
        A number that float32 makes 0 or infinite, after its name.
    """

    structure: Structure
    numbers: tuple[float, ...]
    tensor: Any = field(init=False, repr=False, compare=False, default=None)
    not_in_float32: tuple[str, float] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        named = zip(self.structure.number_names, self.numbers, strict=True)
        unfit = ((name, number) for name, number in named if not in_float32(number))
        object.__setattr__(self, "not_in_float32", next(unfit, None))

    def __reduce__(self) -> tuple[Any, ...]:
        return _program, (self.structure, self.numbers)  # without what an adapter keeps beside it

    def with_eps(self, eps: float) -> "Program":
        """Make the program with this number for each eps."""
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
    program = Program(structure.of(numbers), numbers)  # the usual exponents may be others than when it was pickled
    if not is_compiling():  # a loss that a graph makes is no more than the graph
        keep_for_adapters(program)
    return program


_programs: WeakValueDictionary[int, Program] = WeakValueDictionary()
_keepers: list[Callable[[Program], None]] = []


def keep_for_adapters(program: Program) -> None:
    """Give adapters the program of a loss that stays."""
    _programs[id(program)] = program
    for keep in _keepers:
        keep(program)


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
        return program.structure.of_any()
    return tuple_like(value, [_entry(item, numbers) for item in value]) if is_sequence(value) else value
