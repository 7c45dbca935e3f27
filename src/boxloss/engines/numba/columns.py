"""Pairs with a box of five or seven numbers, several at a time: each number of them in a vector of the CPU.

LLVM reads boxes of four numbers in whole vectors and takes these apart. Those of five it reads and writes number by
number with AVX2: 80 loads and as many insertions for 8 pairs. Here they are read in whole vectors, 10 for as many. A
number of all boxes, such as the angle, lies in other lanes of each of these, since neither size divides the other. So
to gather it is to choose between vectors lane by lane, which is a cheap instruction, and one permutation.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from boxloss.engines.llvm import emit
from boxloss.engines.numba.vectors import in_all, shuffled, vector_at
from boxloss.engines.trace import Trace

CACHE_LINE = 64
# So many vectors of each number of boxes are under way: with their gradients they fill half of a first-level cache.
VECTORS = 8


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
    """

    sizes: tuple[int, int]
    made: tuple[Trace, Trace]
    weighted: bool
    lanes: int

    @property
    def widths(self) -> tuple[int, ...]:
        """How many numbers of a pred and of a target there are with what is made of them."""
        return tuple(size + len(made.results) for size, made in zip(self.sizes, self.made, strict=True))

    @property
    def is_alike(self) -> bool:
        """Whether the same is made of preds and of targets."""
        return self.sizes[0] == self.sizes[1] and self.made[0] == self.made[1]


def has_columns(size: int) -> bool:
    """Whether boxes of so many numbers are better taken apart here than by LLVM, and with them those beside them."""
    return size % 2 == 1


# --- Numbers of boxes -------------------------------------------------------------------------------------------------


def _chosen(builder: Any, vectors: list[Any], sources: list[int]) -> Any:
    """For each lane that of one of the vectors."""
    found, lanes = vectors[0], len(sources)
    for place, vector in enumerate(vectors[1:], 1):
        found = shuffled(builder, found, vector, [lanes + k if sources[k] == place else k for k in range(lanes)])
    return found


def _taken_apart(builder: Any, given: list[Any], lanes: int) -> list[Any]:
    """From vectors of boxes one after the other, each number of these in a vector."""
    size = len(given)
    columns = []
    for k in range(size):
        places = [divmod(size * box + k, lanes) for box in range(lanes)]
        if has_columns(size):
            source_of = {lane: source for source, lane in places}
            chosen = _chosen(builder, given, [source_of[lane] for lane in range(lanes)])
            columns.append(shuffled(builder, chosen, chosen, [lane for _, lane in places]))
            continue
        column = given[0]
        for source, vector in enumerate(given):
            mask = [lane + (lanes if source else 0) if own == source else k for k, (own, lane) in enumerate(places)]
            column = shuffled(builder, column, vector, mask)
        columns.append(column)
    return columns


def _put_together(builder: Any, columns: list[Any], lanes: int) -> list[Any]:
    """The other way round."""
    size = len(columns)
    if has_columns(size):
        moved = []
        for k, column in enumerate(columns):
            box_of = {(size * box + k) % lanes: box for box in range(lanes)}
            moved.append(shuffled(builder, column, column, [box_of[lane] for lane in range(lanes)]))
        return [_chosen(builder, moved, [(j * lanes + lane) % size for lane in range(lanes)]) for j in range(size)]
    found = []
    for j in range(size):
        places = [divmod(j * lanes + lane, size) for lane in range(lanes)]
        vector = columns[0]
        for k, column in enumerate(columns):
            mask = [box + (lanes if k else 0) if own == k else lane for lane, (box, own) in enumerate(places)]
            vector = shuffled(builder, vector, column, mask)
        found.append(vector)
    return found


# --- Pairs ------------------------------------------------------------------------------------------------------------


class _Writer:
    """Writes down what is done with pairs."""

    def __init__(self, builder: Any, pairs: Pairs, written: Trace, number: Any, bytes_of: int) -> None:
        self.builder, self.pairs, self.written, self.number, self.bytes_of = builder, pairs, written, number, bytes_of
        self.vector, self.block = ir.VectorType(number, pairs.lanes), VECTORS * pairs.lanes
        self.index = ir.IntType(64)

    def constant(self, value: int) -> Any:
        return ir.Constant(self.index, value)

    def memory(self, count: int) -> Any:
        """So many numbers for each of the pairs under way."""
        place = cgutils.alloca_once(self.builder, ir.ArrayType(self.number, count * self.block))
        place.align = CACHE_LINE
        return self.builder.bitcast(place, self.number.as_pointer())

    def further(self, data: Any, place: Any, times: int = 1) -> Any:
        """A pointer that is a number of places, of so many numbers each, further on."""
        return self.builder.gep(data, [self.builder.mul(place, self.constant(times))])

    def load(self, data: Any, place: Any, more: int = 0) -> Any:
        """A vector."""
        place = self.builder.add(place, self.constant(more))
        return self.builder.load(vector_at(self.builder, data, place, self.pairs.lanes), align=self.bytes_of)

    def store(self, vector: Any, data: Any, place: Any, more: int = 0) -> None:
        """Likewise."""
        place = self.builder.add(place, self.constant(more))
        self.builder.store(vector, vector_at(self.builder, data, place, self.pairs.lanes), align=self.bytes_of)

    def load_boxes(self, which: int, boxes: Any, columns: Any, first: Any) -> None:
        """Boxes from a place on into columns."""
        size, lanes = self.pairs.sizes[which], self.pairs.lanes
        place = self.builder.mul(first, self.constant(size))
        given = [self.load(boxes, place, k * lanes) for k in range(size)]
        own = _taken_apart(self.builder, given, lanes)
        for k, column in enumerate(own):
            self.store(column, columns, first, k * self.block)

    def make(self, which: int, columns: Any, first: Any, image: list[Any]) -> None:
        """What is made of boxes."""
        size = self.pairs.sizes[which]
        own = [self.load(columns, first, k * self.block) for k in range(size)]
        for k, column in enumerate(emit(self.pairs.made[which], self.builder, self.vector, own + image)):
            self.store(column, columns, first, (size + k) * self.block)

    def compute(self, columns: list[Any], place: Any, shared: list[Any], weights: Any, results: list[Any]) -> None:
        """Values and gradients of the pairs from a place on."""
        pairs = self.pairs
        given = [
            self.load(data, place, k * self.block)
            for data, width in zip(columns, pairs.widths, strict=True)
            for k in range(width)
        ]
        weight = self.load(weights, place) if pairs.weighted else ir.Constant(self.vector, ir.Undefined)
        value, *gradients = emit(self.written, self.builder, self.vector, [*given, *shared, weight])
        self.store(value, results[0], place)
        for data, gradient in zip(results[1:], gradients, strict=True):
            for k, vector in enumerate(gradient):
                self.store(vector, data, place, k * self.block)

    def ask_for(self, data: Any, place: Any, size: int, *, ahead: int = 0, to_write: bool = False) -> None:
        """Begin to bring boxes into the cache: those of the next block are not waited for, while pairs are computed."""
        builder, byte, flag = self.builder, ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        how = [ir.Constant(flag, value) for value in (int(to_write), 3, 1)]
        first = self.further(data, builder.add(place, self.constant(ahead)), size)
        for k in range(0, size * self.pairs.lanes, CACHE_LINE // self.bytes_of):
            builder.call(function, [builder.bitcast(builder.gep(first, [self.constant(k)]), byte), *how])

    def put_together(self, columns: Any, place: Any, which: int, data: Any) -> None:
        """Gradients from columns."""
        size = self.pairs.sizes[which]
        first = self.builder.mul(place, self.constant(size))
        own = [self.load(columns, place, k * self.block) for k in range(size)]
        for k, vector in enumerate(_put_together(self.builder, own, self.pairs.lanes)):
            self.store(vector, data, first, k * self.pairs.lanes)


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
            w = _Writer(builder, pairs, written, number, context.get_abi_sizeof(number))
            shared = [
                in_all(builder, builder.extract_value(arguments[3], k), pairs.lanes) for k in range(kinds[3].count)
            ]
            data = [
                context.make_array(kind)(context, builder, array).data if place != 3 else None
                for place, (kind, array) in enumerate(zip(kinds, arguments, strict=True))
            ]
            given, results = data[:3], data[4:]
            total = context.make_array(kinds[4])(context, builder, arguments[4]).nitems
            _over_blocks(w, total, given, results, shared)
            return context.get_dummy_value()

        return types.none(pred, target, weight, numbers, value, d_pred, d_target), codegen

    return compute  # type: ignore[no-any-return]


def _over_blocks(w: _Writer, total: Any, given: list[Any], results: list[Any], shared: list[Any]) -> None:
    """All pairs, a block at a time, and of this in a loop of its own what is of one box alone.

    One loop of all would be so long that a processor has but one vector of pairs under way, and waits for each result:
    it took 1.2 times as long. The last pairs, if they fill no vector, are copied to where there is room for one.
    """
    builder, pairs, lanes = w.builder, w.pairs, w.pairs.lanes
    sizes, is_wanted = (*pairs.sizes, 1), [True, *(bool(d) for d in w.written.results[1:])]
    is_read = [True, True, pairs.weighted]
    some_given, some_results = [w.memory(size) for size in sizes], [w.memory(size) for size in (1, *pairs.sizes)]
    columns = [w.memory(width) for width in pairs.widths]
    grads = [w.memory(size) for size in pairs.sizes]
    image = shared[1:3]

    with cgutils.for_range_slice(builder, w.constant(0), total, w.constant(w.block), w.index) as (start, _):
        left = builder.sub(total, start)
        count = builder.select(builder.icmp_signed("<", left, w.constant(w.block)), left, w.constant(w.block))
        in_part = builder.icmp_signed("!=", builder.and_(count, w.constant(lanes - 1)), w.constant(0))
        groups = builder.udiv(builder.add(count, w.constant(lanes - 1)), w.constant(lanes))
        own = [w.further(array, start, size) for array, size in zip(given, sizes, strict=True)]
        to = [w.further(array, start, size) for array, size in zip(results, (1, *pairs.sizes), strict=True)]

        def copy(target: Any, source: Any, size: int) -> None:
            cgutils.raw_memcpy(builder, target, source, builder.mul(count, w.constant(size)), w.bytes_of)

        with builder.if_then(in_part, likely=False):
            for some, array, size, wanted in zip(some_given, own, sizes, is_read, strict=True):
                if wanted:
                    copy(some, array, size)
        own_here = [builder.select(in_part, some, array) for some, array in zip(some_given, own, strict=True)]
        to_here = [builder.select(in_part, some, array) for some, array in zip(some_results, to, strict=True)]

        def each_box(do: Callable[[int, Any, Any, Any], None]) -> None:
            if pairs.is_alike:  # in one loop: the constants of a second one would be kept on the stack by the first
                with cgutils.for_range(builder, builder.mul(groups, w.constant(2))) as loop:
                    is_pred = builder.icmp_signed("<", loop.index, groups)
                    boxes, into = builder.select(is_pred, *own_here[:2]), builder.select(is_pred, *columns)
                    group = builder.sub(loop.index, builder.select(is_pred, w.constant(0), groups))
                    do(0, boxes, into, builder.mul(group, w.constant(lanes)))
                return
            for which in range(2):
                with cgutils.for_range(builder, groups) as loop:
                    do(which, own_here[which], columns[which], builder.mul(loop.index, w.constant(lanes)))

        each_box(w.load_boxes)
        each_box(lambda which, _, into, first: w.make(which, into, first, image))
        with cgutils.for_range(builder, groups) as loop:
            place = builder.mul(loop.index, w.constant(lanes))
            for boxes, size in zip(own_here[:2], pairs.sizes, strict=True):
                w.ask_for(boxes, place, size, ahead=w.block)
            for array, size, wanted in zip(to_here[1:], pairs.sizes, is_wanted[1:], strict=True):
                if wanted:
                    w.ask_for(array, place, size, to_write=True)
            w.compute(columns, place, shared, own_here[2], [to_here[0], *grads])
        for which in range(2):
            if is_wanted[which + 1]:
                with cgutils.for_range(builder, groups) as loop:
                    w.put_together(grads[which], builder.mul(loop.index, w.constant(lanes)), which, to_here[which + 1])
        with builder.if_then(in_part, likely=False):
            for some, array, size, wanted in zip(some_results, to, (1, *pairs.sizes), is_wanted, strict=True):
                if wanted:
                    copy(array, some, size)
