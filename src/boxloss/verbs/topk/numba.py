"""The best few of a row on the CPU: what beats the last of them is put in its place among them."""

from typing import Any

from numba.extending import register_jitable

from boxloss.engines.machine import Machine
from boxloss.engines.numba.compile import Template
from boxloss.engines.numba.memory import load, prefer_wide_vectors
from boxloss.engines.numba.vectors import bits_set, lanes_of, lanes_where, lowest_bit, row_of
from boxloss.formulas.program import Program
from boxloss.formulas.structure import Structure
from boxloss.request import Request
from boxloss.shapes.shape import Shape
from boxloss.verbs.pairwise import rows


@register_jitable
def lowest_bits(count):  # type: ignore[no-untyped-def]
    """So many bits that are set, of 64."""
    return (1 << count) - 1 if count < 64 else -1


def kernel(machine: Machine, structure: Structure, shape: Shape, guarded: bool, largest: bool) -> Template:
    """For each pred the best values in order, and the target of each; of equal ones the first target first.

    As long as fewer than `kept` were found, anything could be one of them. So the targets are divided into shares, a
    lane of a vector each, and the best value of each share is known: `kept` values at least reach the best but as many
    of these, and no others are looked at. Of 1,000 values in random order these are 10 and a few instead of 60.

    Those that are left are put in order by counting for each how many are before it, without a branch that nobody could
    predict. Where they are many each is put in its place among those before it instead.
    """
    size = shape.size + len(structure.parts(shape))
    load_box, lanes, most = load(size), lanes_of(machine.dtype), rows.PARTS
    row = rows.over_row(row_of, machine, structure, shape, guarded, largest)
    better, word = rows.comparison(largest), most * lanes
    which_beat, which_reach = lanes_where(word, better), lanes_where(word, better + "=")
    none, few = rows.nothing(largest), rows.few_values(lanes)

    def topk(  # type: ignore[no-untyped-def]
        preds,
        first_pred,
        pred_apart,
        targets,
        first_target,
        target_apart,
        begin,
        stop,
        numbers,
        some,
        places,
        value,
        index,
        kept,
    ):
        prefer_wide_vectors()
        at_a_time = some.size - 2 * word - few
        best, found = some[at_a_time : at_a_time + word], some[at_a_time + word :]
        for i in range(value.size // kept):
            pred = load_box(preds, first_pred + i, pred_apart)
            start, last = kept * i, kept * i + kept - 1
            end = start  # of those that were found
            while end <= last and index[end] >= 0:
                end += 1
            for first in range(begin, stop, at_a_time):
                width = min(at_a_time, stop - first)
                part = -(-width // word) * lanes
                for k in range(most):
                    at = min(width, k * part)
                    groups, of_part = (min(width, at + part) - at) // lanes, first_target + first + at
                    row(pred, numbers, targets, of_part, target_apart, groups, some, at, best, k * lanes)
                bound, is_full = value[last], end > last
                if not is_full and kept <= word:
                    for k in range(word):
                        before = which_beat(best, 0, best[k]) | (which_reach(best, 0, best[k]) & lowest_bits(k))
                        bound = best[k] if bits_set(before) == kept - 1 else bound
                count = few + 1
                if kept <= word:
                    count = end - start
                    for k in range(count):
                        found[k], places[k] = value[start + k], index[start + k]
                    ties = 0 if is_full else kept  # that are looked at: of values at the bound the first ones
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
                if count <= few:
                    for k in range(end - start, count):
                        found[k] = some[places[k] - first]
                    found[count : count + word] = none
                    for k in range(count):
                        rank, own = 0, found[k]
                        for group in range(0, count, word):
                            those_before = lowest_bits(min(max(k - group, 0), word))
                            before = which_beat(found, group, own) | (which_reach(found, group, own) & those_before)
                            rank += bits_set(before)
                        if rank < kept:
                            value[start + rank], index[start + rank] = own, places[k]
                    end = start + min(kept, count)
                    continue
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

    return topk, rows.signature_of(machine, structure)


def run(program: Program, request: Request, largest: bool, k: int) -> tuple[Any, Any]:
    """For each pred the best values, sorted, and the target of each."""
    return rows.run(kernel, program, request, largest, k)
