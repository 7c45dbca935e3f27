"""Two boxes in the frame of the second, which every kind of flat box has."""

from typing import Any, NamedTuple


class Relative(NamedTuple):
    """Two boxes in the frame of the second, whose centre is the origin and whose sides lie along the axes."""

    x: Any
    y: Any
    w: Any
    h: Any
    cos: Any
    sin: Any
    other_w: Any
    other_h: Any


class RelativeGradient(NamedTuple):
    """Derivatives with respect to two boxes in the frame of the second, by the angle between them; None counts as 0."""

    x: Any = None
    y: Any = None
    w: Any = None
    h: Any = None
    angle: Any = None
    other_w: Any = None
    other_h: Any = None


class Projection(NamedTuple):
    """Two boxes along one line, or the derivatives with respect to these."""

    distance: Any  # of the first ends and of the last ends, added up
    length: Any  # of the interval that encloses both
