"""All formats by name, and what becomes of two whose kinds of box differ."""

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.shapes.axis_aligned_formats import AXIS_ALIGNED_FORMATS
from boxloss.shapes.box import Image
from boxloss.shapes.rotated.corners import CORNER_FORMATS
from boxloss.shapes.rotated.formats import FARTHEST_DEGREES, FARTHEST_RADIANS, ROTATED_FORMATS
from boxloss.shapes.rotated.lift import lifted, with_angle
from boxloss.shapes.rotated.shape import ROTATED, enclosing
from boxloss.shapes.shape import Format, Shape
from boxloss.shapes.solid.formats import SOLID_FORMATS
from boxloss.shapes.solid.lift import around, with_yaw
from boxloss.shapes.solid.lift import lifted as lifted_solid
from boxloss.shapes.solid.shape import SOLID, TURNED_SOLID
from boxloss.typing import Namespace, Number

# Of losses.
FORMATS: Mapping[str, Format] = MappingProxyType({**AXIS_ALIGNED_FORMATS, **ROTATED_FORMATS, **SOLID_FORMATS})
# Those that boxes are converted from and to, too.
ALL_FORMATS: Mapping[str, Format] = MappingProxyType({**FORMATS, **CORNER_FORMATS})
# For a kind of box and one that holds it as a special case: what makes the format of the one a format of the other.
_LIFTS = MappingProxyType({(AXIS_ALIGNED, ROTATED): lifted, (SOLID, TURNED_SOLID): lifted_solid})
# From one kind of box to another, for `convert`: ``function(xp, box)``.
_WAYS: Mapping[tuple[Shape, Shape], Callable[[Namespace, Any], Any]] = MappingProxyType(
    {
        (AXIS_ALIGNED, ROTATED): with_angle,
        (ROTATED, AXIS_ALIGNED): enclosing,
        (SOLID, TURNED_SOLID): with_yaw,
        (TURNED_SOLID, SOLID): around,
    }
)


@cache
def of_one_shape(names: tuple[str, str]) -> tuple[Format, Format]:
    """Find the formats of pred and target, of one kind of box: an axis-aligned box is a rotated one with angle 0."""
    pred, target = (FORMATS[name] for name in names)
    if pred.shape is target.shape:
        return pred, target
    if (lift := _LIFTS.get((pred.shape, target.shape))) is not None:
        return lift(pred), target
    if (lift := _LIFTS.get((target.shape, pred.shape))) is not None:
        return pred, lift(target)
    raise ValueError(
        f"pred and target must both be boxes in a plane or both boxes in space; got format {names[0]!r} of "
        f"{pred.shape.name} boxes and format {names[1]!r} of {target.shape.name} boxes"
    )


def farthest(name: str) -> str:
    """Say how far the angle of a format may go, in its unit; nothing for a format without one."""
    own = ALL_FORMATS[name]
    if own.per_radian in (None, 1.0):
        return f"{FARTHEST_RADIANS:.0f} radians" if own.per_radian or own.shape is TURNED_SOLID else ""
    return f"{FARTHEST_DEGREES:.0f} degrees"


def converted(xp: Namespace, numbers: tuple[Number, ...], names: tuple[str, str], image: Image) -> tuple[Number, ...]:
    """Convert the numbers of a box from one format to another."""
    if names[0] == names[1]:  # there and back would not be the same to the last bit
        return numbers
    own, to = (ALL_FORMATS[name] for name in names)
    box = own.decode(xp, numbers, image)
    if own.shape is not to.shape:
        way = _WAYS.get((own.shape, to.shape))
        if way is None:
            raise ValueError(f"boxes that are {own.shape.name} cannot be made {to.shape.name}; got {names}")
        box = way(xp, box)
    found = to.encode(xp, box, image)
    if own.per_radian is None or to.per_radian is None:
        return found
    # Not by way of sine and cosine, which know nothing of whole turns.
    return (*found[:-1], numbers[-1] * (to.per_radian / own.per_radian))
