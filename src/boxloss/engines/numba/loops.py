"""The loops that compute pairs of boxes, in one or in one for each step."""

from collections.abc import Callable
from functools import partial

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.types import Type
from numba.extending import intrinsic

from boxloss.engines.llvm import BaseContext, Intrinsic, Signature, Values, emit
from boxloss.engines.numba.blocks import Arrays, Block, Blocks
from boxloss.engines.numba.memory import CACHE_LINE, ask_for
from boxloss.engines.numba.pairs import Pairs
from boxloss.engines.numba.vectors import in_all
from boxloss.engines.trace import Trace


def of_pairs(pairs: Pairs, written: Trace) -> Callable[..., None]:
    """Make ``of_pairs(pred, target, weight, numbers, value, d_pred, d_target)``, of flat arrays.

    What is `written` gives the value and two gradients of the numbers of each box and what is made of them, the numbers
    that all pairs share, and a weight. A gradient that is not wanted is empty.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def compute(
        typing_context: object,
        pred: Type,
        target: Type,
        weight: Type,
        numbers: Type,
        value: Type,
        d_pred: Type,
        d_target: Type,
    ) -> Intrinsic:
        def codegen(context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Values) -> ir.Value:
            kinds, number = list(signature.args), context.get_value_type(signature.args[4].dtype)
            shared = [
                in_all(builder, builder.extract_value(arguments[3], k), pairs.lanes) for k in range(kinds[3].count)
            ]
            data = [
                context.make_array(kind)(context, builder, array).data if place != 3 else None
                for place, (kind, array) in enumerate(zip(kinds, arguments, strict=True))
            ]
            total = context.make_array(kinds[4])(context, builder, arguments[4]).nitems
            loops = (AtOnce if pairs.at_once else InSteps)(
                builder, pairs, written, shared, number, context.get_abi_sizeof(number)
            )
            loops.write(total, Arrays(data[:2], data[2], data[4], data[5:]))
            return context.get_dummy_value()

        return types.none(pred, target, weight, numbers, value, d_pred, d_target), codegen

    return compute  # type: ignore[no-any-return]


class AtOnce(Blocks):
    """Boxes to gradients in one loop, in registers, of which AVX-512 has enough.

    What is read and written in one loop comes and goes as fast as memory allows.
    """

    def compute_block(self, block: Block, here: Arrays) -> None:
        """Read boxes, make what is made of them, and compute gradients, all in one loop."""

        def do(place: ir.Value) -> None:
            given = []
            for which, made in enumerate(self.pairs.made):
                boxes = self.numbers_of(which, here.boxes[which], place)
                given += [*boxes, *emit(made, self.builder, self.vector, [*boxes, *self.image])]
            gradients = self.results(given, here, place)
            for which in self.wanted:
                self.put(which, gradients[which], here.grads[which], place)

        self.each_vector(block.groups, do)


class InSteps(Blocks):
    """A loop for each step, with columns of numbers between them.

    One loop of all steps would be so long that a processor with AVX2 has but one vector of pairs under way, and waits
    for each result: it took 1.2 times as long.
    """

    def compute_block(self, block: Block, here: Arrays) -> None:
        """Compute step by step."""
        columns, grads = [self.memory(n) for n in self.pairs.widths], self.grads_memory()
        self.load_boxes(block, here.boxes, columns)
        self.make(block, columns)
        self.compute(block, columns, here, grads)
        self.store_grads(block, grads, here.grads)

    def each_box(self, block: Block, do: Callable[..., None], *both: list[ir.Value]) -> None:
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

    def load_boxes(self, block: Block, boxes: list[ir.Value], columns: list[ir.Value]) -> None:
        """Load boxes into columns."""

        def do(which: int, own: ir.Value, into: ir.Value, place: ir.Value) -> None:
            for k, column in enumerate(self.numbers_of(which, own, place)):
                self.store(column, into, place, k)

        self.each_box(block, do, boxes, columns)

    def make(self, block: Block, columns: list[ir.Value]) -> None:
        """Compute what is made of boxes, into columns behind theirs; what a stage gives to the next, into others."""
        *before, last = self.pairs.stages
        most = max((len(stage.results) for stage, _ in before), default=1)
        between, held = [self.memory(most), self.memory(most)], 0

        def do(
            both: tuple[Trace, Trace], count: int, which: int, into: ir.Value, own: ir.Value, place: ir.Value
        ) -> None:
            size = self.pairs.sizes[which]
            given = [self.load(into, place, k) for k in range(size)] + self.image
            given += [self.load(own, place, k) for k in range(count)]
            to, first = (into, size) if both is last else (own, 0)
            for k, column in enumerate(emit(both[which], self.builder, self.vector, given)):
                self.store(column, to, place, first + k)

        for both in (*before, last):
            self.each_box(block, partial(do, both, held), columns, between)
            held = len(both[0].results)

    def compute(self, block: Block, columns: list[ir.Value], here: Arrays, grads: list[ir.Value]) -> None:
        """Compute values, and gradients into columns. What comes next is asked for, and not waited for."""
        pairs = self.pairs

        def do(place: ir.Value) -> None:
            for boxes, size in zip(here.boxes, pairs.sizes, strict=True):
                self.ask_for(boxes, self.builder.add(place, self.constant(self.pairs.block)), size)
            for which in self.wanted:
                self.ask_for(here.grads[which], place, pairs.sizes[which], to_write=True)
            given = [self.load(own, place, k) for own, n in zip(columns, pairs.widths, strict=True) for k in range(n)]
            for into, gradient in zip(grads, self.results(given, here, place), strict=True):
                for k, column in enumerate(gradient):
                    self.store(column, into, place, k)

        self.each_vector(block.groups, do)

    def ask_for(self, boxes: ir.Value, place: ir.Value, size: int, *, to_write: bool = False) -> None:
        """Begin to bring boxes into the cache."""
        first = self.builder.gep(boxes, [self.builder.mul(place, self.constant(size))])
        ask_for(self.builder, first, range(0, size * self.pairs.lanes, CACHE_LINE // self.bytes_of), to_write=to_write)

    def store_grads(self, block: Block, columns: list[ir.Value], grads: list[ir.Value]) -> None:
        """Store gradients from columns."""

        def do(which: int, place: ir.Value) -> None:
            numbers = [self.load(columns[which], place, k) for k in range(self.pairs.sizes[which])]
            self.put(which, numbers, grads[which], place)

        for which in self.wanted:
            self.each_vector(block.groups, partial(do, which))
