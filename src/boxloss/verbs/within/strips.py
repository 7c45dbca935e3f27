"""Where boxes are: boxes of like size in strips of like height of their centres, and in each by x.

Boxes that overlap have centres no further apart than half of their sides together, and boxes with an IoU above `u`
less: the intersection is at least `u` times the longer side along each axis. So the partners of a box are in a window,
which is a range of a few strips. A box is in one strip only, whatever its size, and a search needs no grid whose cells
could be too many: boxes may be anywhere.

Boxes with an angle are where the axis-aligned boxes around them are, of whose sides an intersection takes at least half
as much (`boxloss.shapes.shape.Shape.least_extent`).
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from boxloss.shapes.shape import Shape

# A search in a strip takes as long as so many boxes that are in it and need not be compared.
# So sparse boxes lie in strips several times as high as they are, and crowded ones in lower strips.
BOXES_A_SEARCH, LOWEST, HIGHEST = 50.0, 1 / 8, 8.0
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
    levels : array, shape (L, 5)
        Of boxes of like size: the least and the greatest longer side, the greatest width and height, and the height of
        a strip.
    first_strips, first_levels : array, shape (L + 1,), (G + 1,)
        The first strip of each level, and the first level of each group of boxes.
    """

    order: Any
    centres: Any
    starts: Any
    keys: Any
    levels: Any
    first_strips: Any
    first_levels: Any


@cache
def upright_around(shape: Shape) -> Callable[[Any, Any], Any]:
    """Make ``function(xp, numbers)``: the corners of the axis-aligned box around an upright one.

    Where boxes are not found by where they are they are not looked for either, so that there it is any box.
    """
    enclosing = shape.enclosing

    def around(xp: Any, numbers: Any) -> Any:
        return tuple(numbers[:4]) if enclosing is None else tuple(enclosing(xp, shape.box(*numbers).upright(xp)))

    return around


def corners_of(shape: Shape, numbers: Any) -> Any:
    """The corners of the boxes around those of a shape, shape (4, M) and float64."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.stack(upright_around(shape)(np, numbers.astype(np.float64)))


def everything(group: Any, groups: int, turns: Any) -> Strips:
    """One range of all boxes of each group, each in the order of their turns."""
    order = turns[np.argsort(group[turns], kind="stable")] if groups > 1 else turns
    starts = np.searchsorted(group[order], np.arange(groups + 1))
    one_each = np.arange(groups + 1)
    return Strips(order, np.empty(0), starts, np.zeros(groups), np.zeros((groups, 5)), one_each, one_each)


def strips_of(corners: Any, group: Any, groups: int) -> Strips:
    """Sort boxes, shape (4, M) and float64, into strips; those with a NaN are in none."""
    (kept,) = np.nonzero(np.isfinite(corners).all(axis=0))
    if kept.size < corners.shape[1]:
        corners = corners[:, kept]
        group = group[kept] if groups > 1 else group
    x1, y1, x2, y2 = corners
    w, h = np.maximum(x2 - x1, 0.0), np.maximum(y2 - y1, 0.0)
    x, y, longer = x1 + 0.5 * w, y1 + 0.5 * h, np.maximum(w, h)
    exponent = np.frexp(np.maximum(longer, SMALLEST_SIDE))[1].astype(np.int64)
    level_id = exponent - (exponent.min() if kept.size else 0)
    if groups > 1:
        level_id += group * (level_id.max(initial=0) + 1)
    ids, level = numbered(level_id)
    levels = _levels(level, len(ids), w, h, longer, x, y)
    key = np.floor(y / levels[level, 4])
    order, strip = _sorted(level, len(ids), key, x)
    (inner,) = np.nonzero(np.diff(strip))
    starts = np.concatenate([[0], inner + 1, [kept.size]]) if kept.size else np.zeros(1, np.int64)
    heads = order[starts[:-1]]
    first_strips = np.searchsorted(level[heads], np.arange(len(ids) + 1))
    owner = group[heads[first_strips[:-1]]] if groups > 1 else np.zeros(len(ids), np.int64)
    first_levels = np.searchsorted(owner, np.arange(groups + 1))
    return Strips(kept[order], x[order], starts, key[heads], levels, first_strips, first_levels)


def numbered(ids: Any) -> tuple[Any, Any]:
    """The numbers that occur, ascending, and for each the place of its own among them."""
    most = int(ids.max(initial=0))
    if most > 4 * ids.size + 4096:
        return np.unique(ids, return_inverse=True)
    occurs = np.bincount(ids, minlength=most + 1) > 0
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[ids]


def _levels(level: Any, count: int, w: Any, h: Any, longer: Any, x: Any, y: Any) -> Any:
    """What is known of each level."""
    levels = np.zeros((count, 5))
    levels[:, 0] = np.inf
    np.minimum.at(levels[:, 0], level, longer)
    for column, sides in ((1, longer), (2, w), (3, h)):
        np.maximum.at(levels[:, column], level, sides)
    height = np.where(levels[:, 3] > 0.0, levels[:, 3], levels[:, 1])
    height = np.where(height > SMALLEST_SIDE, height, 1.0)
    share_x, share_y = (
        np.minimum(1.0, sides / max(float(np.ptp(at)) if at.size else 0.0, SMALLEST_SIDE))
        for sides, at in ((2.0 * levels[:, 2], x), (height, y))
    )
    in_window = np.maximum(np.bincount(level, minlength=count) * share_x * share_y, 1e-6)
    levels[:, 4] = height * np.clip(np.sqrt(BOXES_A_SEARCH / in_window), LOWEST, HIGHEST)
    return levels


def _sorted(level: Any, count: int, key: Any, x: Any) -> tuple[Any, Any]:
    """The order by level, strip and x, and what tells strips apart, in that order."""
    by_x = np.argsort(x)
    if not x.size:
        return by_x, by_x
    lowest, highest = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(lowest, level, key)
    np.maximum.at(highest, level, key)
    sizes = highest - lowest + 1.0
    if sizes.sum() > 2.0**52:  # so far apart that no integer numbers all strips between
        order = np.lexsort((x, key, level))
        changes = (np.diff(level[order]) != 0) | (np.diff(key[order]) != 0)
        return order, np.concatenate([[0], np.cumsum(changes)])
    offset = np.concatenate([[0.0], np.cumsum(sizes)[:-1]]) - lowest
    strip = key + offset[level]
    # Sorting integers of 16 bits takes a fifth of the time.
    strip = strip.astype(np.uint16 if sizes.sum() <= 2.0**16 else np.int64)
    order = by_x[np.argsort(strip[by_x], kind="stable")]
    return order, strip[order].astype(np.int64)
