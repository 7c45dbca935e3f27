"""Where boxes are: boxes of like size in strips of like height of their centres, and in each by x.

Boxes that overlap have centres no further apart than half of their sides together, and boxes with an IoU above `u`
less: the intersection is at least `u` times the longer side along each axis. So the partners of a box are in a window,
which is a range of a few strips. A box is in one strip only, whatever its size, and a search needs no grid whose cells
could be too many: boxes may be anywhere.

Boxes with an angle are where the axis-aligned boxes around them are, of whose sides an intersection takes at least half
as much (`boxloss.shapes.shape.Shape.least_extent`). Boxes in space are where they stand: a part of a box has at least
as large a share of its ground as it has of its volume.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxloss.shapes.shape import Numbers, Shape
from boxloss.typing import Namespace

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]

SMALLEST_SIDE = 2.0**-1000  # what smaller ones count as, so that each has a logarithm


class Strips(NamedTuple):
    """Boxes in an order in which those near each other are ranges.

    Attributes
    ----------
    order : array, shape (M,)
        Which box is where.
    centres : array, shape (M,)
        Their x, ascending in each strip.
    starts, keys : array, shape (S + 1,), (S,)
        Where each strip begins, and where it lies: the y of its centres over its height, rounded down.
    levels : array, shape (5 L,)
        Of boxes of like size: the least and the greatest longer side, the greatest width and height, and the height of
        a strip.
    first_strips, first_levels : array, shape (L + 1,), (G + 1,)
        The first strip of each level, and the first level of each group of boxes.
    """

    order: Indices
    centres: Floats
    starts: Indices
    keys: Floats
    levels: Floats
    first_strips: Indices
    first_levels: Indices


@cache
def upright_around(shape: Shape) -> Callable[[Namespace, Numbers], Numbers]:
    """Make ``function(xp, numbers)``: the corners of the axis-aligned box around an upright one."""

    def around(xp: Namespace, numbers: Numbers) -> Numbers:
        return tuple(shape.enclosing(xp, shape.box(*numbers).upright(xp)))

    return around


def everything(group: Indices, groups: int, turns: Indices) -> Strips:
    """Make one range of all boxes of each group, each in the order of their turns."""
    order = turns[np.argsort(group[turns], kind="stable")] if groups > 1 else turns
    starts = np.searchsorted(group[order], np.arange(groups + 1))
    one_each = np.arange(groups + 1)
    return Strips(order, np.empty(0), starts, np.zeros(groups), np.zeros(5 * groups), one_each, one_each)


def numbered(ids: Indices) -> tuple[Indices, Indices]:
    """Find the numbers that occur, ascending, and for each the place of its own among them."""
    most = int(ids.max(initial=0))
    if most > 4 * ids.size + 4096:
        return np.unique(ids, return_inverse=True)
    occurs = np.bincount(ids, minlength=most + 1) > 0
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[ids]
