"""Pairs of boxes, a block at a time, each number of the pairs under way in a vector of the CPU."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from boxloss.engines.llvm import emit
from boxloss.engines.numba.blocks import Arrays, Block
from boxloss.engines.numba.columns import Columns
from boxloss.engines.numba.vectors import ask_for, in_all, vector_at
from boxloss.engines.stages import stages
from boxloss.engines.trace import Trace

CACHE_LINE = 64
# Sine and cosine of an angle are as long. In three loops value and gradient of the IoU take 0.91 of the time (float32,
# AVX2), in two 0.93.
LONG, STAGES = 60, 3


class Pairs(NamedTuple):
    """What pairs are computed from.

    Attributes
    ----------
    sizes
        How many numbers a pred and a target are given by.
    made
        For each of these what is made of its numbers and the size of the image, before a pair is looked at.
    weighted
        Whether each has a weight.
    lanes
        How many pairs are computed at a time.
    block
        How many pairs are under way: so many times `lanes`.
    group
        Within how many numbers these are moved when boxes are taken apart; see `Columns`.
    at_once
        Whether pairs go from boxes to gradients in one loop, in registers.
    """

    sizes: tuple[int, int]
    made: tuple[Trace, Trace]
    weighted: bool
    lanes: int
    block: int
    group: int
    at_once: bool

    @property
    def widths(self) -> tuple[int, ...]:
        """How many numbers of a pred and of a target there are with what is made of them."""
        return tuple(size + len(made.results) for size, made in zip(self.sizes, self.made, strict=True))

    @property
    def stages(self) -> list[tuple[Trace, Trace]]:
        """What is made of both, where that is long and the same in as many loops as take the least time."""
        if not self.is_alike or not is_long(self.made):
            return [self.made]
        return [(stage, stage) for stage in stages(self.made[0], self.sizes[0] + 2, STAGES)]

    @property
    def is_alike(self) -> bool:
        """Whether the same is made of preds and of targets."""
        return self.sizes[0] == self.sizes[1] and self.made[0] == self.made[1]


def is_long(made: Iterable[Trace]) -> bool:
    """Whether what is made of boxes is a chain of operations that wait for each other, as sine and cosine are."""
    return any(len(own.nodes) >= LONG for own in made)


def of_pairs(pairs: Pairs, written: Trace) -> Callable[..., None]:
    """Make ``of_pairs(pred, target, weight, numbers, value, d_pred, d_target)``, of flat arrays.

    What is `written` gives the value and two gradients of the numbers of each box and what is made of them, the numbers
    that all pairs share, and a weight. A gradient that is not wanted is empty.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def compute(
        typing_context: Any, pred: Any, target: Any, weight: Any, numbers: Any, value: Any, d_pred: Any, d_target: Any
    ) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kinds, number = list(signature.args), context.get_value_type(signature.args[4].dtype)
            shared = [
                in_all(builder, builder.extract_value(arguments[3], k), pairs.lanes) for k in range(kinds[3].count)
            ]
            data = [
                context.make_array(kind)(context, builder, array).data if place != 3 else None
                for place, (kind, array) in enumerate(zip(kinds, arguments, strict=True))
            ]
            total = context.make_array(kinds[4])(context, builder, arguments[4]).nitems
            writer = _Writer(builder, pairs, written, shared, number, context.get_abi_sizeof(number))
            writer.write(total, Arrays(data[:2], data[2], data[4], data[5:]))
            return context.get_dummy_value()

        return types.none(pred, target, weight, numbers, value, d_pred, d_target), codegen

    return compute  # type: ignore[no-any-return]


class _Writer:
    """Writes down what is done with pairs: all of them, a block at a time.

    Of a block one step is done after the other: one loop of all steps would be so long that a processor with AVX2 has
    but one vector of pairs under way, and waits for each result. It took 1.2 times as long. With AVX-512 there are
    registers for it, and what is read and written in one loop comes and goes as fast as memory allows.
    """

    def __init__(
        self, builder: Any, pairs: Pairs, written: Trace, shared: list[Any], number: Any, bytes_of: int
    ) -> None:
        self.builder, self.pairs, self.written, self.shared = builder, pairs, written, shared
        self.number, self.bytes_of = number, bytes_of
        self.vector, self.index = ir.VectorType(number, pairs.lanes), ir.IntType(64)
        self.columns_of = [Columns(builder, size, pairs.lanes, bytes_of, pairs.group) for size in pairs.sizes]
        self.wanted = [which for which in range(2) if written.results[1 + which]]  # whose gradients are

    def write(self, total: Any, arrays: Arrays) -> None:
        """All pairs. The last ones, if they fill no vector, are copied to where there is room for one."""
        some = Arrays([self.memory(n) for n in self.pairs.sizes], self.memory(1), self.memory(1), self.grads_memory())
        do = self.at_once if self.pairs.at_once else self.in_steps
        steps = self.constant(self.pairs.block)
        with cgutils.for_range_slice(self.builder, self.constant(0), total, steps, self.index) as (start, _):
            block, given = self.block_from(self.builder.sub(total, start)), self.moved(arrays, start)
            with self.builder.if_then(block.is_in_part, likely=False):
                self.copy_given(block, some, given)
            here = self.one_of(block.is_in_part, some, given)
            do(block, here)
            with self.builder.if_then(block.is_in_part, likely=False):
                self.copy_results(block, given, some)

    # --- Pointers and memory ------------------------------------------------------------------------------------------

    def constant(self, value: int) -> Any:
        return ir.Constant(self.index, value)

    def memory(self, count: int) -> Any:
        """So many numbers for each of the pairs under way."""
        place = cgutils.alloca_once(self.builder, ir.ArrayType(self.number, count * self.pairs.block))
        place.align = CACHE_LINE
        return self.builder.bitcast(place, self.number.as_pointer())

    def grads_memory(self) -> list[Any]:
        """That for gradients."""
        return [self.memory(size) for size in self.pairs.sizes]

    def moved(self, arrays: Arrays, start: Any) -> Arrays:
        """What belongs to the pairs from one on."""

        def further(data: Any, size: int) -> Any:
            return self.builder.gep(data, [self.builder.mul(start, self.constant(size))])

        of_boxes, of_grads = (
            [further(data, size) for data, size in zip(own, self.pairs.sizes, strict=True)]
            for own in (arrays.boxes, arrays.grads)
        )
        return Arrays(of_boxes, further(arrays.weight, 1), further(arrays.value, 1), of_grads)

    def one_of(self, condition: Any, a: Arrays, b: Arrays) -> Arrays:
        """One or the other."""
        boxes, grads = (
            [self.builder.select(condition, *both) for both in zip(*own, strict=True)]
            for own in ((a.boxes, b.boxes), (a.grads, b.grads))
        )
        weight, value = (self.builder.select(condition, *both) for both in ((a.weight, b.weight), (a.value, b.value)))
        return Arrays(boxes, weight, value, grads)

    def load(self, data: Any, place: Any, column: int = 0) -> Any:
        """A vector of a column of the pairs under way."""
        place = self.builder.add(place, self.constant(column * self.pairs.block))
        return self.builder.load(vector_at(self.builder, data, place, self.pairs.lanes), align=self.bytes_of)

    def store(self, vector: Any, data: Any, place: Any, column: int = 0) -> None:
        """Likewise."""
        place = self.builder.add(place, self.constant(column * self.pairs.block))
        self.builder.store(vector, vector_at(self.builder, data, place, self.pairs.lanes), align=self.bytes_of)

    # --- Blocks -------------------------------------------------------------------------------------------------------

    def block_from(self, left: Any) -> Block:
        """The next pairs, of those that are left."""
        builder, most, lanes = self.builder, self.constant(self.pairs.block), self.pairs.lanes
        count = builder.select(builder.icmp_signed("<", left, most), left, most)
        rest = builder.and_(count, self.constant(lanes - 1))
        groups = builder.udiv(builder.add(count, self.constant(lanes - 1)), self.constant(lanes))
        return Block(count, groups, builder.icmp_signed("!=", rest, self.constant(0)))

    def copy(self, block: Block, target: Any, source: Any, size: int) -> None:
        """So many numbers of each pair."""
        count = self.builder.mul(block.count, self.constant(size))
        cgutils.raw_memcpy(self.builder, target, source, count, self.bytes_of)

    def copy_given(self, block: Block, to: Arrays, source: Arrays) -> None:
        """Boxes and weights."""
        for which, size in enumerate(self.pairs.sizes):
            self.copy(block, to.boxes[which], source.boxes[which], size)
        if self.pairs.weighted:
            self.copy(block, to.weight, source.weight, 1)

    def copy_results(self, block: Block, to: Arrays, source: Arrays) -> None:
        """Values and gradients."""
        self.copy(block, to.value, source.value, 1)
        for which in self.wanted:
            self.copy(block, to.grads[which], source.grads[which], self.pairs.sizes[which])

    # --- What is done with a block ------------------------------------------------------------------------------------

    def at_once(self, block: Block, here: Arrays) -> None:
        """Boxes to values and gradients."""
        _, *image = self.shared[:3]  # the factor of gradients, and the size of the image

        def do(place: Any) -> None:
            given = []
            for which, made in enumerate(self.pairs.made):
                boxes = self.numbers_of(which, here.boxes[which], place)
                given += [*boxes, *emit(made, self.builder, self.vector, [*boxes, *image])]
            gradients = self.results(given, here, place)
            for which in self.wanted:
                self.put(which, gradients[which], here.grads[which], place)

        self.each_vector(block.groups, do)

    def in_steps(self, block: Block, here: Arrays) -> None:
        """Likewise, one step after the other."""
        columns, grads = [self.memory(n) for n in self.pairs.widths], self.grads_memory()
        self.load_boxes(block, here.boxes, columns)
        self.make(block, columns)
        self.compute(block, columns, here, grads)
        self.store_grads(block, grads, here.grads)

    def numbers_of(self, which: int, boxes: Any, place: Any) -> Any:
        """Each number of the preds, or of the targets, from a place on."""
        return self.columns_of[which].load(boxes, self.builder.mul(place, self.constant(self.pairs.sizes[which])))

    def put(self, which: int, numbers: Any, boxes: Any, place: Any) -> None:
        """Likewise, back to where boxes lie one after the other."""
        first = self.builder.mul(place, self.constant(self.pairs.sizes[which]))
        self.columns_of[which].store(list(numbers), boxes, first)

    def results(self, given: list[Any], here: Arrays, place: Any) -> Any:
        """Store values of the pairs from a place on, and give their gradients."""
        weight = self.load(here.weight, place) if self.pairs.weighted else ir.Constant(self.vector, ir.Undefined)
        value, *gradients = emit(self.written, self.builder, self.vector, [*given, *self.shared, weight])
        self.store(value, here.value, place)
        return gradients

    # --- Steps --------------------------------------------------------------------------------------------------------

    def each_vector(self, groups: Any, do: Callable[[Any], None]) -> None:
        """Do something with the vector of pairs from each place on."""
        with cgutils.for_range(self.builder, groups) as loop:
            do(self.builder.mul(loop.index, self.constant(self.pairs.lanes)))

    def each_box(self, block: Block, do: Callable[..., None], *both: list[Any]) -> None:
        """Do something with preds, and with targets: it takes which of these, one of each two pointers, and a place.

        In one loop if it is the same: the constants of a second one would be kept on the stack by the first.
        """
        builder, groups = self.builder, block.groups
        if not self.pairs.is_alike:
            for which in range(2):
                self.each_vector(groups, partial(do, which, *(pointers[which] for pointers in both)))
            return
        with cgutils.for_range(builder, builder.mul(groups, self.constant(2))) as loop:
            is_pred = builder.icmp_signed("<", loop.index, groups)
            group = builder.sub(loop.index, builder.select(is_pred, self.constant(0), groups))
            own = [builder.select(is_pred, *pointers) for pointers in both]
            do(0, *own, builder.mul(group, self.constant(self.pairs.lanes)))

    def load_boxes(self, block: Block, boxes: list[Any], columns: list[Any]) -> None:
        """Boxes into columns."""

        def do(which: int, own: Any, into: Any, place: Any) -> None:
            for k, column in enumerate(self.numbers_of(which, own, place)):
                self.store(column, into, place, k)

        self.each_box(block, do, boxes, columns)

    def make(self, block: Block, columns: list[Any]) -> None:
        """What is made of boxes, into columns behind theirs; what a stage gives to the next, into others."""
        _, *image = self.shared[:3]
        *before, last = self.pairs.stages
        most = max((len(stage.results) for stage, _ in before), default=1)
        between, held = [self.memory(most), self.memory(most)], 0

        def do(both: tuple[Trace, Trace], count: int, which: int, into: Any, own: Any, place: Any) -> None:
            size = self.pairs.sizes[which]
            given = [self.load(into, place, k) for k in range(size)] + image
            given += [self.load(own, place, k) for k in range(count)]
            to, first = (into, size) if both is last else (own, 0)
            for k, column in enumerate(emit(both[which], self.builder, self.vector, given)):
                self.store(column, to, place, first + k)

        for both in (*before, last):
            self.each_box(block, partial(do, both, held), columns, between)
            held = len(both[0].results)

    def compute(self, block: Block, columns: list[Any], here: Arrays, grads: list[Any]) -> None:
        """Values, and gradients into columns. What comes next is asked for, and not waited for."""
        pairs = self.pairs

        def do(place: Any) -> None:
            for boxes, size in zip(here.boxes, pairs.sizes, strict=True):
                self.ask_for(boxes, self.builder.add(place, self.constant(self.pairs.block)), size)
            for which in self.wanted:
                self.ask_for(here.grads[which], place, pairs.sizes[which], to_write=True)
            given = [self.load(own, place, k) for own, n in zip(columns, pairs.widths, strict=True) for k in range(n)]
            for into, gradient in zip(grads, self.results(given, here, place), strict=True):
                for k, column in enumerate(gradient):
                    self.store(column, into, place, k)

        self.each_vector(block.groups, do)

    def ask_for(self, boxes: Any, place: Any, size: int, *, to_write: bool = False) -> None:
        """Begin to bring boxes into the cache."""
        first = self.builder.gep(boxes, [self.builder.mul(place, self.constant(size))])
        ask_for(self.builder, first, range(0, size * self.pairs.lanes, CACHE_LINE // self.bytes_of), to_write=to_write)

    def store_grads(self, block: Block, columns: list[Any], grads: list[Any]) -> None:
        """Gradients from columns."""

        def do(which: int, place: Any) -> None:
            numbers = [self.load(columns[which], place, k) for k in range(self.pairs.sizes[which])]
            self.put(which, numbers, grads[which], place)

        for which in self.wanted:
            self.each_vector(block.groups, partial(do, which))
