"""The best of a row among targets around a pred, where that is better than any that the pred does not touch.

Targets are put into groups of those next to each other (Leutenegger, Lopez and Edgington 1997: sort, tile, recursive).
Groups whose bounds a pred does not touch have nothing better than what boxes without overlap may have. So if something
better is found among the others, it is the best of all.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba.core import types
from numpy.typing import NDArray

from boxloss.engines.machine import Machine
from boxloss.engines.numba.arrays import aligned
from boxloss.engines.numba.compile import Template
from boxloss.engines.numba.memory import data_of, prefer_wide_vectors
from boxloss.engines.numba.vectors import STRETCH, best_of, lanes_of, lanes_where, lowest_bit, which_touch
from boxloss.verbs.pairwise import rows
from boxloss.verbs.pairwise.values import write_values

GROUP = 32  # targets whose bounds are one box
NOWHERE = 2**62  # the number of a target that is none, which comes after all others
TINY = np.finfo(np.float64).tiny
SLACK = 1e-3  # of what boxes without overlap may have: what rounding may make of it, and more


class Groups(NamedTuple):
    """Targets in groups: which is where, their numbers, and the bounds of each group.

    Numbers and bounds have a row for each number of a box. The first of these are its corners.
    """

    order: NDArray[np.int64]
    targets: NDArray[Any]
    bounds: NDArray[Any]


def kernel(machine: Machine, largest: bool) -> Template:
    """Find for each pred the best value and its first target; both stay as they come if nothing beats the limit."""
    lanes, write = lanes_of(machine.dtype), write_values(machine)
    best, equal = best_of(lanes, rows.comparison(largest)), lanes_where(lanes, "==")
    touched = which_touch(lanes)

    def nearest_of_near(  # type: ignore[no-untyped-def]
        values_at,
        preds,
        all_preds,
        numbers,
        begin,
        stop,
        targets,
        all_targets,
        bounds,
        all_groups,
        order,
        limit,
        some,
        places,
        value,
        index,
    ):
        prefer_wide_vectors()
        for i in range(begin, stop):
            count = 0
            of_pred = (data_of(preds), i, all_preds, 1, data_of(numbers), data_of(targets))
            for group in range(0, all_groups, lanes):
                near = touched(bounds, all_groups, group, preds, all_preds, i)
                while near != 0:  # several groups that follow one another at once
                    first = lowest_bit(near)
                    follow = lowest_bit(~(near >> first))
                    near &= near + (1 << first)
                    begins = (group + first) * GROUP
                    write(values_at, of_pred + (begins, all_targets, follow * GROUP, data_of(some[count:]), 0))
                    for k in range(follow):
                        places[count // GROUP + k] = begins + k * GROUP
                    count += follow * GROUP
            for k in range(count, -(-count // STRETCH) * STRETCH):
                some[k] = math.nan
            found, at = best(some, -(-count // STRETCH), limit)
            if at < 0:
                continue
            earliest = NOWHERE
            for k in range(at // lanes * lanes, count, lanes):
                which = equal(some, k, found)
                while which != 0:
                    own = k + lowest_bit(which)
                    which &= which - 1
                    target = order[places[own // GROUP] + own % GROUP]
                    if target < earliest:
                        earliest, value[i], index[i] = target, some[own], target

    indices, place, boxes = types.Array(types.int64, 1, "C"), types.intp, machine.readonly
    of_pred, of_target = (boxes, place, boxes, place, place), (boxes, place, boxes, place, indices)
    outputs = (machine.number, machine.array, indices, machine.array, indices)
    return nearest_of_near, types.void(place, *of_pred, *of_target, *outputs)


def groups_of(targets: NDArray[Any], kept: NDArray[np.int64]) -> Groups:
    """Put those targets into groups that are kept, of prepared ones of shape (size, M)."""
    lanes, count = lanes_of(targets.dtype), kept.size
    groups = -(-count // GROUP)
    corners = targets[:4, kept]
    np.maximum(corners[:2], corners[2:], out=corners[2:])  # as formulas take inverted boxes
    slabs = max(1, round(math.sqrt(groups)))
    with np.errstate(invalid="ignore", over="ignore"):  # of infinite boxes, wherever these are put
        x, y = corners[:2].astype(np.float64) + corners[2:]
        slab = np.empty(count)
        slab[np.argsort(x)] = np.arange(count) // (-(-groups // slabs) * GROUP)
        order = np.argsort(slab + 0.5 * (y - y.min()) / max(np.ptp(y), TINY))
    sorted_targets = aligned((len(targets), groups * GROUP), targets.dtype)
    sorted_targets[:, count:] = np.nan
    np.take(targets, kept[order], axis=1, out=sorted_targets[:, :count], mode="clip")
    bounds = np.full((4, -(-groups // lanes) * lanes), np.nan, targets.dtype)  # a NaN touches nothing
    for k, outermost in enumerate((np.minimum, np.minimum, np.maximum, np.maximum)):
        bounds[k, :groups] = outermost.reduceat(corners[k, order], np.arange(0, count, GROUP))
    places = np.full(groups * GROUP, NOWHERE)
    places[:count] = kept[order]
    return Groups(places, sorted_targets, bounds)
