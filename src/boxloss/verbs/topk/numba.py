"""The best few of a row on the CPU: what beats the last of them is put in its place among them."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from boxloss.engines.machine import Machine
from boxloss.engines.numba.arrays import as_numpy, in_library
from boxloss.engines.numba.compile import Template, called_by_kernels
from boxloss.engines.numba.memory import data_of, prefer_wide_vectors
from boxloss.engines.numba.vectors import best_of_lanes, bits_set, lanes_of, lanes_where, lowest_bit
from boxloss.formulas.program import Program
from boxloss.libraries.arrays import whole_numpy
from boxloss.request import Request
from boxloss.verbs.pairwise import numba as pairwise
from boxloss.verbs.pairwise import rows
from boxloss.verbs.pairwise.values import write_values
from boxloss.verbs.topk.array import best

# To put more in their places takes longer than to compute a matrix, some rows at a time, and to divide its rows: of
# 20,000 columns 1000 take 0.15 of the time so, 300 0.7 and 200 1.4.
MOST_INSERTED = 256


@called_by_kernels
def lowest_bits(count):  # type: ignore[no-untyped-def]
    """Set so many bits, of 64."""
    return (1 << count) - 1 if count < 64 else -1


class Steps(NamedTuple):
    """What a kernel does with some values of a row; see `steps`."""

    bound_of_best: Callable[..., Any]
    gathered: Callable[..., Any]
    put_in_order: Callable[..., Any]
    inserted: Callable[..., Any]


@cache
def steps(largest: bool, word: int, few: int) -> Steps:
    """Make the steps of a kernel, where so many values are compared at a time and so many are few."""
    better = rows.comparison(largest)
    which_beat, which_reach = lanes_where(word, better), lanes_where(word, better + "=")
    none = rows.nothing(largest)

    @called_by_kernels
    def bound_of_best(best, kept, bound):  # type: ignore[no-untyped-def]
        """Find the value that just `kept` of the best of the shares reach, of equal ones the first."""
        for k in range(word):
            before = which_beat(best, 0, best[k]) | (which_reach(best, 0, best[k]) & lowest_bits(k))
            bound = best[k] if bits_set(before) == kept - 1 else bound
        return bound

    @called_by_kernels
    def gathered(some, first, width, bound, ties, places, count):  # type: ignore[no-untyped-def]
        """Note the places of values that beat the bound, and of so many at it; return how many, or more than few."""
        for group in range(0, width, word):
            there = lowest_bits(min(width - group, word))
            which = which_beat(some, group, bound) & there
            if ties > 0:
                same = (which_reach(some, group, bound) & there) ^ which
                more = same
                for _ in range(min(ties, bits_set(same))):
                    more &= more - 1
                ties -= bits_set(same ^ more)
                which |= same ^ more
            at, count = count, count + bits_set(which)
            if count > few:
                break
            for _ in range(2):  # mostly they are not more, so that this is done for each
                places[at] = first + group + lowest_bit(which)
                which &= which - 1
                at += 1
            while at < count:
                places[at] = first + group + lowest_bit(which)
                which &= which - 1
                at += 1
        return count

    @called_by_kernels
    def put_in_order(found, places, count, value, index, start, kept):  # type: ignore[no-untyped-def]
        """Put few values in order, by how many are before each."""
        found[count : count + word] = none
        for k in range(count):
            rank, own = 0, found[k]
            for group in range(0, count, word):
                those_before = lowest_bits(min(max(k - group, 0), word))
                rank += bits_set(which_beat(found, group, own) | (which_reach(found, group, own) & those_before))
            if rank < kept:
                value[start + rank], index[start + rank] = own, places[k]

    @called_by_kernels
    def inserted(some, first, width, bound, value, index, start, end, last):  # type: ignore[no-untyped-def]
        """Put each value in its place among those before it; return where these end."""
        for j in range(width):
            own = some[j]
            if (own < bound if largest else own > bound) or own != own:
                continue
            if end > last and (own <= value[last] if largest else own >= value[last]):
                continue
            at = min(end, last)
            while at > start and (value[at - 1] < own if largest else value[at - 1] > own):
                value[at], index[at] = value[at - 1], index[at - 1]
                at -= 1
            value[at], index[at] = own, first + j
            end = min(end + 1, last + 1)
        return end

    return Steps(bound_of_best, gathered, put_in_order, inserted)


def kernel(machine: Machine, largest: bool) -> Template:
    """Find for each pred the best values in order, and the target of each; of equal ones the first target first.

    As long as fewer than `kept` were found, anything could be one of them. So the targets are divided into shares, a
    lane of a vector each, and the best value of each share is known: `kept` values at least reach the best but as many
    of these, and no others are looked at. Of 1,000 values in random order these are 10 and a few instead of 60.

    Those that are left are put in order by counting for each how many are before it, without a branch that nobody could
    predict. Where they are many each is put in its place among those before it instead.
    """
    lanes, write = lanes_of(machine.dtype), write_values(machine)
    best_of_part = best_of_lanes(lanes, rows.comparison(largest))
    word, few, spare = rows.shares_of(lanes), rows.few_values(lanes), rows.spare_values(lanes)
    leave_out = rows.leave_out(lanes)
    bound_of_best, gathered, put_in_order, inserted = steps(largest, word, few)

    def topk(  # type: ignore[no-untyped-def]
        values_at,
        preds,
        first_pred,
        pred_apart,
        targets,
        first_target,
        target_apart,
        begin,
        stop,
        left_out,
        numbers,
        some,
        places,
        value,
        index,
        kept,
    ):
        prefer_wide_vectors()
        at_a_time = some.size - spare
        best, found = some[at_a_time : at_a_time + word], some[at_a_time + word :]
        for i in range(value.size // kept):
            of_pred = (data_of(preds), first_pred + i, pred_apart, 1, data_of(numbers))
            start, last = kept * i, kept * i + kept - 1
            end = start  # of those that were found
            while end <= last and index[end] >= 0:
                end += 1
            for first in range(begin, stop, at_a_time):
                width = min(at_a_time, stop - first)
                part = -(-width // word) * lanes
                of_target = (data_of(targets), first_target + first, target_apart)
                write(values_at, of_pred + of_target + (width, data_of(some), 0))
                leave_out(some, left_out, first, width)
                for k in range(word // lanes):
                    at = min(width, k * part)
                    best_of_part(some, at, (min(width, at + part) - at) // lanes, best, k * lanes)
                bound, is_full, count = value[last], end > last, few + 1
                if kept <= word:
                    if not is_full:
                        bound = bound_of_best(best, kept, bound)
                    old, ties = end - start, 0 if is_full else kept
                    for k in range(old):
                        places[k] = index[start + k]
                    count = gathered(some, first, width, bound, ties, places, old)
                if count <= few:
                    for k in range(old):
                        found[k] = value[start + k]
                    for k in range(old, count):
                        found[k] = some[places[k] - first]
                    put_in_order(found, places, count, value, index, start, kept)
                    end = start + min(kept, count)
                else:
                    end = inserted(some, first, width, bound, value, index, start, end, last)

    return topk, rows.signature_of(machine)


def run(program: Program, request: Request, largest: bool, k: int) -> tuple[Any, Any]:
    """Find for each pred the best values, sorted, and the target of each."""
    if k <= MOST_INSERTED:
        return rows.run(kernel, program, request, largest, k)
    mask = None if request.target_mask is None else as_numpy(request.target_mask)
    boxes = {"pred": as_numpy(request.pred), "target": as_numpy(request.target)}
    host = request._replace(xp=whole_numpy(), target_mask=mask, **boxes)
    value, index = best(pairwise.run, program, host, largest, k)
    return in_library(request, value), in_library(request, index)
