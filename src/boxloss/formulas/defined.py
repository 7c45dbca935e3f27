"""For which kinds of box a loss is defined: why it is not for one, and which others are."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from boxloss.libraries.arrays import is_compiling
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.shapes.shape import Relation, Shape

WORDS = {  # for relations of boxes along the axes, which other kinds of box may lack
    "corners": "edges of axis-aligned boxes in a plane",
    "sides": "widths and heights in a plane",
    "aspect": "aspect ratios in a plane",
    "center_offset": "offsets in a plane",
    "enclosing_offset": "offsets in a plane",
    "relative": "Gaussians in a plane",
    "wasserstein": "Gaussians in a plane",
}
TOLD = 4  # names in an error
Finder = Callable[[Shape, Sequence[str | Relation]], Sequence[str]]
_finders: list[Finder] = []


def find_others_by(finder: Finder) -> None:
    """Tell how the names of losses are found: ``finder(shape, relations)``, those like one of such relations first.

    Losses are known above, where they are registered, and not here.
    """
    _finders[:] = [finder]


def why_refused(loss: Any, shape: Shape) -> str:
    """Say why a loss, or one that it is made of, is not defined for a kind of box; nothing if it is."""
    for part in losses_in(loss):
        missing = [name for name in part.relations if isinstance(name, str) and name not in shape.relations]
        known = (*shape.relations.values(),)
        has_own = any(isinstance(which, Relation) and which not in known for which in part.relations)
        if missing or (shape.name not in part.shapes if part.shapes else has_own):
            of = " and ".join(part.shapes or (AXIS_ALIGNED.name,))
            needs = f"compares {WORDS.get(missing[0], missing[0])}" if missing else f"is a loss of {of} boxes"
            return f"{type(part).__name__} is not defined for {shape.name} boxes: it {needs}"
    return ""


def told_losses(shape: Shape, relations: Sequence[str | Relation]) -> str:
    """Say which losses are defined for a kind of box: a few that are like one of these relations."""
    if is_compiling():  # finding them imports all losses, which a graph would be made of
        return ""
    names = [name for finder in _finders for name in finder(shape, relations)]
    if not names:
        return ""
    rest = " and others" if len(names) > TOLD else ""
    return f". Defined for them are {', '.join(names[:TOLD])}{rest}"


def losses_in(value: Any) -> Iterator[Any]:
    """Yield the losses that a value is made of, and itself at last."""
    if is_sequence(value):
        for item in value:
            yield from losses_in(item)
    elif hasattr(value, "evaluate") and hasattr(value, "__dataclass_fields__"):
        for each in fields(value):
            yield from losses_in(getattr(value, each.name))
        yield value


def is_sequence(value: Any) -> bool:
    """Say whether a value is a tuple or a named tuple, whose items may be numbers and losses."""
    return type(value) is tuple or (isinstance(value, tuple) and hasattr(value, "_fields"))
