"""The parameters of a loss as a page sets them: found by asking its class, so that a new loss needs nothing here."""

import math
import re
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from itertools import permutations
from typing import Any, NamedTuple

from boxloss.formulas.program import program_of
from boxloss.losses.loss import Loss

Make = Callable[..., Loss]  # of parameters by name

FACTORS = ("1", "1.2", "1.25", "1.5", "2", "2.5", "3", "4", "5", "6", "8", "9")
NICE = (0.0, *(float(f"{factor}e{power}") for power in range(-9, 7) for factor in FACTORS))
STARTS = (0.8, 1.0, 0.5, 2.0, 10.0)  # for a parameter without a default, the first that is accepted
WHOLE_NUMBERS = range(11)
STEPS = 100  # of a slider, at least
NO_CHOICE = "none of these"  # for a parameter that is text
SMALL = 0.01  # below it a default is one of many orders of magnitude


class Number(NamedTuple):
    """A parameter that is a float: a slider.

    Attributes
    ----------
    below
        A parameter that this one has to stay below; empty if there is none.
    """

    name: str
    start: float
    low: float
    high: float
    step: float
    logarithmic: bool
    below: str = ""


class Choice(NamedTuple):
    """A parameter that is no float: another piece of code for each value."""

    name: str
    start: Any
    choices: tuple[Any, ...]


def of_class(kind: type[Loss], make: Make, given: dict[str, Any]) -> tuple[list[Number], list[Choice]]:
    """Say which parameters a page can set.

    Parameters
    ----------
    kind
        The class of the loss.
    make
        Makes one of parameters by name; it raises for a wrong one.
    given
        Values that are no defaults, by name.
    """
    start = {f.name: given.get(f.name, f.default) for f in fields(kind) if f.name in given or f.default is not MISSING}
    missing = [f for f in fields(kind) if f.init and f.name != "loss" and f.name not in start]
    start |= {f.name: _first_accepted(f, make, start) for f in missing}
    own = [f.name for f in fields(kind) if f.init and f.name != "loss"]

    def refusal(**values: Any) -> str:
        try:
            make(**start | values)
        except (TypeError, ValueError) as error:
            return str(error) or type(error).__name__
        return ""

    def accepts(**values: Any) -> bool:
        return not refusal(**values)

    numbers = [_number(name, start[name], accepts) for name in own if isinstance(start[name], float)]
    pairs = permutations(numbers, 2)
    below = {a.name: b.name for a, b in pairs if a.start < b.start and _is_below(a, b, accepts)}
    told = {name: refusal(**{name: NO_CHOICE}) for name in own if isinstance(start[name], str)}
    choices = [
        _choice(name, start[name], accepts, told.get(name, ""))
        for name in own
        if isinstance(start[name], bool | int | str)
    ]
    return [n._replace(below=below.get(n.name, "")) for n in numbers], [c for c in choices if len(c.choices) > 1]


def _first_accepted(field: Field[Any], make: Make, start: dict[str, Any]) -> float:
    for number in STARTS:
        try:
            make(**start | {field.name: number})
        except (TypeError, ValueError):
            continue
        return number
    raise ValueError(f"the explorer needs a default of {field.name}, a parameter of the loss")


def _number(name: str, start: float, accepts: Callable[..., bool]) -> Number:
    """Find a range: 0 or a tenth to four times as much, as the loss takes it; all of it if it ends at 1 or below."""
    takes = {number: accepts(**{name: number}) for number in NICE}
    refused = [number for number in NICE if number < start and not takes[number]]
    # A number alone below a gap, such as one that switches something off, is not on the slider.
    accepted = sorted({number for number in NICE if takes[number] and number > max(refused, default=-1.0)} | {start})
    least, most = accepted[0], accepted[-1]
    is_small = 0.0 < start < SMALL
    wanted = SMALL * 10.0 if is_small else 1.0 if most <= 1.0 or start == 0.0 else 4.0 * start
    high = max(number for number in accepted if number <= wanted)
    step = 10.0 ** math.floor(math.log10(high / STEPS))
    if is_small:
        low = float(f"{start / 1000.0:.3g}")
    elif least == 0.0 or most <= 1.0:
        low = least if least == 0.0 else step
    else:
        low = min(number for number in accepted if number >= start / 10.0)
    return Number(name, start, low, high, step, is_small)


def _is_below(a: Number, b: Number, accepts: Callable[..., bool]) -> bool:
    """Say whether there is a number that a loss takes for either, but not for both."""
    either = (v for v in NICE if accepts(**{a.name: v}) and accepts(**{b.name: v}))
    return any(not accepts(**{a.name: number, b.name: number}) for number in either)


def _choice(name: str, start: Any, accepts: Callable[..., bool], told: str) -> Choice:
    """Find the values of the type that the loss takes; of text those that it names when it refuses another one."""
    if isinstance(start, bool):
        candidates: tuple[Any, ...] = (False, True)
    else:
        candidates = tuple(re.findall(r"['\"]([^'\"]+)['\"]", told)) if isinstance(start, str) else (*WHOLE_NUMBERS,)
    found = tuple(value for value in candidates if accepts(**{name: value}))
    return Choice(name, start, found if start in found else (start, *found))


def layout(loss: Loss, numbers: list[Number]) -> list[str | float]:
    """List what the code of a loss takes for its numbers: names of parameters, and numbers that the page does not set.

    Those of the loss that a modifier is made of are not among them.
    """
    named = {number.name for number in numbers}
    found: list[str | float] = []
    for field in fields(loss):
        if field.name in named:
            found.append(field.name)
        elif field.name != "loss":
            found += _floats(getattr(loss, field.name))
    if len(found) != len(program_of(loss).numbers):
        raise ValueError(f"the explorer takes no {type(loss).__name__} with losses among its parameters")
    return found


def _floats(value: Any) -> list[float]:
    if isinstance(value, tuple):
        return [number for item in value for number in _floats(item)]
    return [value] if isinstance(value, float) else []
