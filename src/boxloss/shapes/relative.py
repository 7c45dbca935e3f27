"""Two boxes in the frame of the second, which every kind of flat box has."""

from typing import Any, NamedTuple

from boxloss.typing import Number


class Relative(NamedTuple):
    """Two boxes in the frame of the second, whose centre is the origin and whose sides lie along the axes."""

    x: Number
    y: Number
    w: Number
    h: Number
    cos: Number
    sin: Number
    other_w: Number
    other_h: Number


class RelativeGradient(NamedTuple):
    """Derivatives with respect to two boxes in the frame of the second, by the angle between them; None counts as 0.

    Who makes them and who reads them know which can be None; a type checker does not.
    """

    x: Any = None
    y: Any = None
    w: Any = None
    h: Any = None
    angle: Any = None
    other_w: Any = None
    other_h: Any = None


class Projection(NamedTuple):
    """Two boxes along one line, or the derivatives with respect to these."""

    distance: Number  # of the first ends and of the last ends, added up
    length: Number  # of the interval that encloses both
