"""Pairs of boxes, a block at a time, each number of the pairs under way in a vector of the CPU."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils

from boxloss.engines.llvm import Values, emit
from boxloss.engines.numba.columns import Columns
from boxloss.engines.numba.memory import CACHE_LINE
from boxloss.engines.numba.pairs import Pairs
from boxloss.engines.numba.vectors import vector_at
from boxloss.engines.trace import Trace


class Arrays(NamedTuple):
    """What is read and written, or the part of each that belongs to a block: pointers."""

    boxes: list[ir.Value]
    weight: ir.Value
    value: ir.Value
    grads: list[ir.Value]


class Block(NamedTuple):
    """The pairs under way.

    Attributes
    ----------
    count
        How many there are.
    groups
        How many vectors they fill, the last one maybe in part.
    is_in_part
        Whether that is so.
    """

    count: ir.Value
    groups: ir.Value
    is_in_part: ir.Value


class Blocks(ABC):
    """Writes down what is done with all pairs; `compute_block` says what is done with a block.

    Parameters
    ----------
    builder
        Where to.
    pairs
        What is known of the pairs.
    written
        The formula, of the numbers of both boxes and what is made of them, the shared numbers and a weight.
    shared
        The numbers that all pairs share, in all lanes.
    number, bytes_of
        The type of a number, and how many bytes it has.
    """

    def __init__(
        self,
        builder: ir.IRBuilder,
        pairs: Pairs,
        written: Trace,
        shared: list[ir.Value],
        number: ir.Type,
        bytes_of: int,
    ) -> None:
        self.builder, self.pairs, self.written, self.shared = builder, pairs, written, shared
        self.number, self.bytes_of = number, bytes_of
        self.vector, self.index = ir.VectorType(number, pairs.lanes), ir.IntType(64)
        self.columns_of = [Columns(builder, size, pairs.lanes, bytes_of, pairs.group) for size in pairs.sizes]
        self.wanted = [which for which in range(2) if written.results[1 + which]]  # whose gradients are

    @property
    def image(self) -> list[ir.Value]:
        """The size of the image, which comes after the factor of gradients in what all pairs share."""
        return self.shared[1:3]

    @abstractmethod
    def compute_block(self, block: Block, here: Arrays) -> None:
        """Compute values and gradients of boxes."""

    def write(self, total: ir.Value, arrays: Arrays) -> None:
        """Compute all pairs. The last ones, if they fill no vector, are copied to where there is room for one."""
        some = Arrays([self.memory(n) for n in self.pairs.sizes], self.memory(1), self.memory(1), self.grads_memory())
        steps = self.constant(self.pairs.block)
        with cgutils.for_range_slice(self.builder, self.constant(0), total, steps, self.index) as (start, _):
            block, given = self.block_from(self.builder.sub(total, start)), self.moved(arrays, start)
            with self.builder.if_then(block.is_in_part, likely=False):
                self.copy_given(block, some, given)
            here = self.one_of(block.is_in_part, some, given)
            self.compute_block(block, here)
            with self.builder.if_then(block.is_in_part, likely=False):
                self.copy_results(block, given, some)

    # --- Pointers and memory ------------------------------------------------------------------------------------------

    def constant(self, value: int) -> ir.Value:
        """Write a place, or a number of places."""
        return ir.Constant(self.index, value)

    def memory(self, count: int) -> ir.Value:
        """Take memory for so many numbers of each of the pairs under way."""
        place = cgutils.alloca_once(self.builder, ir.ArrayType(self.number, count * self.pairs.block))
        place.align = CACHE_LINE
        return self.builder.bitcast(place, self.number.as_pointer())

    def grads_memory(self) -> list[ir.Value]:
        """Take memory for their gradients."""
        return [self.memory(size) for size in self.pairs.sizes]

    def moved(self, arrays: Arrays, start: ir.Value) -> Arrays:
        """Find what belongs to the pairs from one on."""

        def further(data: ir.Value, size: int) -> ir.Value:
            return self.builder.gep(data, [self.builder.mul(start, self.constant(size))])

        of_boxes, of_grads = (
            [further(data, size) for data, size in zip(own, self.pairs.sizes, strict=True)]
            for own in (arrays.boxes, arrays.grads)
        )
        return Arrays(of_boxes, further(arrays.weight, 1), further(arrays.value, 1), of_grads)

    def one_of(self, condition: ir.Value, a: Arrays, b: Arrays) -> Arrays:
        """Select one or the other."""
        boxes, grads = (
            [self.builder.select(condition, *both) for both in zip(*own, strict=True)]
            for own in ((a.boxes, b.boxes), (a.grads, b.grads))
        )
        weight, value = (self.builder.select(condition, *both) for both in ((a.weight, b.weight), (a.value, b.value)))
        return Arrays(boxes, weight, value, grads)

    def load(self, data: ir.Value, place: ir.Value, column: int = 0) -> ir.Value:
        """Load a vector of a column of the pairs under way."""
        place = self.builder.add(place, self.constant(column * self.pairs.block))
        return self.builder.load(vector_at(self.builder, data, place, self.pairs.lanes), align=self.bytes_of)

    def store(self, vector: ir.Value, data: ir.Value, place: ir.Value, column: int = 0) -> None:
        """Store one likewise."""
        place = self.builder.add(place, self.constant(column * self.pairs.block))
        self.builder.store(vector, vector_at(self.builder, data, place, self.pairs.lanes), align=self.bytes_of)

    # --- Vectors of pairs ---------------------------------------------------------------------------------------------

    def each_vector(self, groups: ir.Value, do: Callable[[ir.Value], None]) -> None:
        """Do something with the vector of pairs from each place on."""
        with cgutils.for_range(self.builder, groups) as loop:
            do(self.builder.mul(loop.index, self.constant(self.pairs.lanes)))

    def numbers_of(self, which: int, boxes: ir.Value, place: ir.Value) -> list[ir.Value]:
        """Load each number of the preds, or of the targets, from a place on."""
        return self.columns_of[which].load(boxes, self.builder.mul(place, self.constant(self.pairs.sizes[which])))

    def put(self, which: int, numbers: Values, boxes: ir.Value, place: ir.Value) -> None:
        """Store numbers likewise, back to where boxes lie one after the other."""
        first = self.builder.mul(place, self.constant(self.pairs.sizes[which]))
        self.columns_of[which].store(list(numbers), boxes, first)

    def results(self, given: list[ir.Value], here: Arrays, place: ir.Value) -> Any:
        """Store values of the pairs from a place on, and give their gradients."""
        weight = self.load(here.weight, place) if self.pairs.weighted else ir.Constant(self.vector, ir.Undefined)
        value, *gradients = emit(self.written, self.builder, self.vector, [*given, *self.shared, weight])
        self.store(value, here.value, place)
        return gradients

    # --- The block under way ------------------------------------------------------------------------------------------

    def block_from(self, left: ir.Value) -> Block:
        """Take the next pairs, of those that are left."""
        builder, most, lanes = self.builder, self.constant(self.pairs.block), self.pairs.lanes
        count = builder.select(builder.icmp_signed("<", left, most), left, most)
        rest = builder.and_(count, self.constant(lanes - 1))
        groups = builder.udiv(builder.add(count, self.constant(lanes - 1)), self.constant(lanes))
        return Block(count, groups, builder.icmp_signed("!=", rest, self.constant(0)))

    def copy(self, block: Block, target: ir.Value, source: ir.Value, size: int) -> None:
        """Copy so many numbers of each pair."""
        count = self.builder.mul(block.count, self.constant(size))
        cgutils.raw_memcpy(self.builder, target, source, count, self.bytes_of)

    def copy_given(self, block: Block, to: Arrays, source: Arrays) -> None:
        """Copy boxes and weights."""
        for which, size in enumerate(self.pairs.sizes):
            self.copy(block, to.boxes[which], source.boxes[which], size)
        if self.pairs.weighted:
            self.copy(block, to.weight, source.weight, 1)

    def copy_results(self, block: Block, to: Arrays, source: Arrays) -> None:
        """Copy values and gradients."""
        self.copy(block, to.value, source.value, 1)
        for which in self.wanted:
            self.copy(block, to.grads[which], source.grads[which], self.pairs.sizes[which])
