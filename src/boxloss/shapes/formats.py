"""All formats by name, and what becomes of two whose kinds of box differ."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.shapes.axis_aligned_formats import AXIS_ALIGNED_FORMATS
from boxloss.shapes.rotated.formats import ROTATED_FORMATS
from boxloss.shapes.rotated.lift import lifted
from boxloss.shapes.rotated.shape import ROTATED
from boxloss.shapes.shape import Format
from boxloss.shapes.solid.formats import SOLID_FORMATS
from boxloss.shapes.solid.lift import lifted as lifted_solid
from boxloss.shapes.solid.shape import SOLID, TURNED_SOLID

FORMATS: Mapping[str, Format] = MappingProxyType({**AXIS_ALIGNED_FORMATS, **ROTATED_FORMATS, **SOLID_FORMATS})
# For a kind of box and one that holds it as a special case: what makes the format of the one a format of the other.
_LIFTS = MappingProxyType({(AXIS_ALIGNED, ROTATED): lifted, (SOLID, TURNED_SOLID): lifted_solid})


@cache
def of_one_shape(names: tuple[str, str]) -> tuple[Format, Format]:
    """The formats of pred and target, both of one kind of box: an axis-aligned box is a rotated one with angle 0."""
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
