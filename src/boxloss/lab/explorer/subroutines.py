"""What many losses compute of a pair, and so much of it that it stands on the page once.

These are functions and, of boxes with an angle, relations with many operations. In the code of a loss each is a call,
which gives the quantity and its derivatives.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

from boxloss.engines.symbols import Symbol
from boxloss.engines.trace import Function, SymbolicNamespace
from boxloss.lab.explorer import javascript
from boxloss.losses.gaussian import bhattacharyya
from boxloss.shapes.box import Image, Vector
from boxloss.shapes.relative import Relative, RelativeGradient
from boxloss.shapes.rotated.along_image import ALONG_IMAGE
from boxloss.shapes.rotated.box import RotatedBox, RotatedGradient
from boxloss.shapes.rotated.overlap import Overlap, overlap
from boxloss.shapes.rotated.pair import RotatedPair, RotatedPartials
from boxloss.shapes.rotated.shape import ROTATED
from boxloss.shapes.shape import Numbers, Relation, Shape, plus, times
from boxloss.shapes.wasserstein import wasserstein
from boxloss.typing import Number


class Seen(NamedTuple):
    """What of a pair relations are computed from.

    Attributes
    ----------
    prefix
        What the names of their functions begin with.
    numbers
        ``numbers(pair)``: the numbers themselves.
    size
        How many these are.
    pair
        ``pair(xp, numbers)``: a pair that has nothing else.
    partials, gradient
        Which of `RotatedPartials` their derivatives are, and its type.
    """

    prefix: str
    numbers: Callable[[RotatedPair], Numbers]
    size: int
    pair: Callable[[SymbolicNamespace, Numbers], RotatedPair]
    partials: str
    gradient: Any


def _of_target(xp: SymbolicNamespace, numbers: Numbers) -> RotatedPair:
    pair = RotatedPair(xp, None, None, Image())
    pair.__dict__["relative"] = Relative(*numbers)
    return pair


def _upright(xp: SymbolicNamespace, numbers: Numbers) -> RotatedPair:
    pair = RotatedPair(xp, None, None, Image())
    pair.__dict__.update(box=RotatedBox(*numbers[:6]), other=RotatedBox(*numbers[6:]))
    return pair


FROM_TARGET = Seen("", lambda pair: pair.of_target, len(Relative._fields), _of_target, "both", RelativeGradient)
FROM_IMAGE = Seen("image_", lambda pair: (*pair.box, *pair.other), 12, _upright, "of_image", RotatedGradient)
# A number, or a vector of two; for each of its numbers, what derivative of a loss picks it out.
SCALAR, VECTOR = (1.0,), (Vector(1.0, 0.0), Vector(0.0, 1.0))
ENCLOSING = {"enclosing_area": SCALAR, "enclosing_diagonal": SCALAR, "enclosing_sides": VECTOR}
UNITS: Mapping[Relation, tuple[Seen, tuple[Any, ...]]] = {
    **{ROTATED.relations[name]: (FROM_TARGET, units) for name, units in ENCLOSING.items()},
    **{ALONG_IMAGE[name]: (FROM_IMAGE, units) for name, units in ENCLOSING.items()},
}


def _called(relation: Relation) -> Relation:
    """Make a relation a call, if it is one of these."""
    if relation not in UNITS:
        return relation
    seen, units = UNITS[relation]
    size, count = len(seen.gradient._fields), len(units)

    def found(xp: SymbolicNamespace, pair: RotatedPair) -> list[Symbol]:
        return javascript.call(xp, seen.prefix + relation.name, seen.numbers(pair), count * (1 + size))

    def forward(xp: SymbolicNamespace, pair: RotatedPair) -> Number | Vector:
        return found(xp, pair)[0] if units is SCALAR else Vector(*found(xp, pair)[:count])

    def pullback(xp: SymbolicNamespace, pair: RotatedPair, d: Any) -> RotatedPartials:
        total, derivatives = None, found(xp, pair)[count:]
        for k, of_one in enumerate((d,) if units is SCALAR else d):
            total = plus(total, times(seen.gradient(*derivatives[k * size : (k + 1) * size]), of_one))
        return RotatedPartials(**{seen.partials: total})

    return relation._replace(forward=forward, pullback=pullback)


def _with_calls(shape: Shape) -> Shape:
    return replace(shape, relations=MappingProxyType({name: _called(own) for name, own in shape.relations.items()}))


ROTATED_WITH_CALLS, ALONG_IMAGE_WITH_CALLS = _with_calls(ROTATED), _with_calls(RotatedPair.with_image_axes)


def _call(name: str, xp: SymbolicNamespace, operands: Numbers, gradient: Any) -> tuple[Any, Any]:
    value, *d = javascript.call(xp, name, operands, 1 + len(gradient._fields))
    return value, gradient(*d)


# Functions that others run in place of, which write the call.
CALLED: Mapping[Function, Function] = {
    overlap: lambda xp, pair: Overlap(*javascript.call(xp, "overlap", pair, len(Overlap._fields))),
    wasserstein: lambda xp, pair: _call("wasserstein", xp, pair, RelativeGradient),
    bhattacharyya: lambda xp, pair, k: _call("bhattacharyya", xp, (*pair, k), RelativeGradient),
}


def _of_relation(relation: Relation) -> Callable[[SymbolicNamespace, Numbers], Numbers]:
    """Make the function that computes the quantity and its derivatives, from the numbers of a pair."""
    seen, units = UNITS[relation]
    nothing = seen.gradient(*[0.0] * len(seen.gradient._fields))

    def compute(xp: SymbolicNamespace, numbers: Numbers) -> Numbers:
        pair = seen.pair(xp, numbers)
        value = relation.forward(xp, pair)
        derivatives: list[Number] = []
        for unit in units:
            derivatives += plus(nothing, getattr(relation.pullback(xp, pair, unit), seen.partials))
        return *((value,) if units is SCALAR else value), *derivatives

    return compute


def subroutines() -> dict[str, str]:
    """Write functions of the numbers of a pair, by what they are called."""

    def written(compute: Callable[[SymbolicNamespace, Numbers], Any], count: int) -> str:
        return f"(r) => {{\n{javascript.write(compute, [[f'r[{k}]' for k in range(count)]])}\n}}"

    def flat(found: tuple[Number, Iterable[Number]]) -> Numbers:
        return found[0], *found[1]

    size = FROM_TARGET.size
    found = {
        "overlap": written(lambda xp, r: overlap(xp, Relative(*r)), size),
        "wasserstein": written(lambda xp, r: flat(wasserstein(xp, Relative(*r))), size),
        "bhattacharyya": written(lambda xp, r: flat(bhattacharyya(xp, Relative(*r[:size]), r[size])), size + 1),
    }
    for relation, (seen, _) in UNITS.items():
        found[seen.prefix + relation.name] = written(_of_relation(relation), seen.size)
    return found
