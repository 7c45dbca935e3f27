"""What the threads of a warp tell each other: shuffles and votes of the lanes that an instruction names."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ptx_machine.arithmetic import TYPES
from ptx_machine.memory import NOBODY, refuse
from ptx_machine.operands import Operands
from ptx_machine.parse import Instruction

LANES, ALL = 32, 2**32 - 1
IN_ORDER = np.arange(LANES, dtype=np.uint32)
# The lane that a lane reads from, of what it asks for: and whether it is one; of `shfl` by the PTX ISA. The least and
# the most are the ends of the part of the warp that a shuffle stays in.
SOURCES = {
    "up": lambda lane, by, least, most: (lane - by, lane - by >= most),
    "down": lambda lane, by, least, most: (lane + by, lane + by <= most),
    "bfly": lambda lane, by, least, most: (lane ^ by, (lane ^ by) <= most),
    "idx": lambda lane, by, least, most: (least | by, (least | by) <= most),
}
# Of a row of truths a thread, and which of them count.
VOTES = {
    "all": lambda said, named: (said | ~named).all(axis=1),
    "any": lambda said, named: (said & named).any(axis=1),
    "uni": lambda said, named: (said | ~named).all(axis=1) | ~(said & named).any(axis=1),
    "ballot": lambda said, named: (said & named) @ (np.uint32(1) << IN_ORDER),
}


class Warps:
    """The threads of a launch by warp and lane."""

    def __init__(self, operands: Operands, threads_a_block: int) -> None:
        self.operands = operands
        block, place = np.divmod(np.arange(operands.count), threads_a_block)
        self.warp, self.lane = block * -(-threads_a_block // LANES) + place // LANES, place % LANES
        self.threads = np.full((int(self.warp.max()) + 1, LANES), NOBODY)
        self.threads[self.warp, self.lane] = np.arange(operands.count)

    def bind(self, instruction: Instruction) -> Callable[[Any], Any]:
        """The step of threads that wait at an instruction: it runs for those whose named lanes all do, and gives these.

        Raise an AssertionError if the instruction has another form than is known here.
        """
        name, sync, *_, kind = instruction.opcode.split(".")
        assert sync == "sync", "another form"
        masks = self.operands.everyones(instruction.operands[-1], "u32")
        tell = {"shfl": self.shuffle, "vote": self.vote}[name](instruction, kind, masks)

        def step(waiting: Any) -> Any:
            threads = np.flatnonzero(waiting)
            ready = threads[self.are_complete(threads, masks, waiting)]
            if ready.size:
                tell(ready)
            return ready

        return step

    def are_complete(self, threads: Any, masks: Any, waiting: Any) -> Any:
        """Of threads that wait at one instruction, whether all lanes that each names do, and name the same."""
        refuse(masks[threads] >> self.lane[threads].astype(np.uint32) & 1 == 0, "is not among those it names", threads)
        with_nobody = np.append(waiting, False)
        if (masks[threads] == ALL).all():
            return with_nobody[self.threads].all(axis=1)[self.warp[threads]]
        others = self.threads[self.warp[threads]]
        there = with_nobody[others] & (masks[others] == masks[threads, None])
        return (there | ~self.named(threads, masks)).all(axis=1)

    def named(self, threads: Any, masks: Any) -> Any:
        """For each of some threads which lanes it names."""
        return (masks[threads, None] >> IN_ORDER & 1).astype(bool)

    def shuffle(self, instruction: Instruction, kind: str, masks: Any) -> Callable[[Any], None]:
        """`shfl.sync.idx.b32 d|p, a, b, c, mask`: the `a` of another lane, and whether it is one."""
        to, a, by, ends, _ = instruction.operands
        given, steps, limits = (self.operands.everyones(operand, "u32") for operand in (a, by, ends))
        source_of = SOURCES[instruction.opcode.split(".")[2]]
        to, _, predicate = to.partition("|")
        result = self.operands.source(to, kind)
        exists_to = self.operands.source(predicate, "pred") if predicate else None
        assert (kind, instruction.opcode.count(".")) == ("b32", 3), "another form"

        def tell(threads: Any) -> None:
            lane, step, limit = self.lane[threads], steps[threads].astype(int) & 31, limits[threads].astype(int)
            apart, most = limit >> 8 & 31, limit & 31
            source, exists = source_of(lane, step, lane & apart, lane & apart | most & ~apart)
            source = np.where(exists, source, lane)
            absent = masks[threads] >> source.astype(np.uint32) & 1 == 0
            refuse(absent, f"reads from lane {source[np.argmax(absent)]}, which does not take part", threads)
            result[threads] = given[self.threads[self.warp[threads], source]]
            if exists_to is not None:
                exists_to[threads] = exists

        return tell

    def vote(self, instruction: Instruction, kind: str, masks: Any) -> Callable[[Any], None]:
        """`vote.sync.ballot.b32 d, p, mask`: what the lanes say, as bits or as one truth."""
        to, said, _ = instruction.operands
        name = instruction.opcode.split(".")[2]
        count, truths = VOTES[name], self.operands.everyones(said.removeprefix("!"), "pred")
        result = self.operands.source(to, kind)
        assert kind == ("b32" if name == "ballot" else "pred"), "another form"

        def tell(threads: Any) -> None:
            votes = truths[self.threads[self.warp[threads]]] != said.startswith("!")
            result[threads] = count(votes, self.named(threads, masks)).astype(TYPES[kind])

        return tell
