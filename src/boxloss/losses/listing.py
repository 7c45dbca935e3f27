"""What lists of losses tell of each: those of the documentation, and of `boxloss losses`."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, NamedTuple

from boxloss.losses.loss import Loss
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.shapes.rotated.shape import ROTATED
from boxloss.shapes.shape import Shape
from boxloss.shapes.solid.shape import SOLID, TURNED_SOLID

# What lists call boxes: those in space with and without a yaw are one word, for losses that are defined for both.
BOXES: Mapping[str, tuple[Shape, ...]] = MappingProxyType(
    {"2-D": (AXIS_ALIGNED,), "rotated": (ROTATED,), "3-D": (SOLID, TURNED_SOLID)}
)


class Row(NamedTuple):
    """One loss in a list.

    Attributes
    ----------
    name : str
        That of the instance.
    loss : Loss
        The instance.
    written : str
        The name with the parameters, as `--loss` takes it.
    expression, value_range, paper : str
        As the loss tells them.
    boxes : tuple of str
        The kinds of box that it is defined for, in the words of `BOXES`.
    """

    name: str
    loss: Loss
    written: str
    expression: str
    value_range: str
    boxes: tuple[str, ...]
    paper: str


def rows(losses: Mapping[str, Loss]) -> list[Row]:
    """Make a row for each of some losses by name."""
    return [
        Row(
            name,
            loss,
            written(name, ((f.name, getattr(loss, f.name)) for f in fields(loss) if f.init)),
            loss.expression,
            loss.value_range,
            boxes_of(loss),
            loss.paper,
        )
        for name, loss in losses.items()
    ]


def written(name: str, parameters: Iterable[tuple[str, Any]], first: str = "") -> str:
    """Write a name with parameters, after what comes first in the brackets."""
    told = [*([first] if first else []), *(f"{key}={value!r}" for key, value in parameters)]
    return f"{name}({', '.join(told)})" if told else name


def boxes_of(loss: Loss) -> tuple[str, ...]:
    """List the kinds of box that a loss is defined for."""
    refusal = loss.program.structure.refusal
    return tuple(word for word, shapes in BOXES.items() if not any(map(refusal, shapes)))
