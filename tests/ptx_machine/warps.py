"""What the threads of a warp tell each other: shuffles and votes of the lanes that an instruction names."""

from typing import Any

import numpy as np

from ptx_machine.arithmetic import TYPES
from ptx_machine.memory import NOBODY, refuse
from ptx_machine.operands import Operands
from ptx_machine.parse import Instruction

LANES = 32
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
    "ballot": lambda said, named: ((said & named) << np.arange(LANES, dtype=np.uint32)).sum(axis=1, dtype=np.uint32),
}


class Warps:
    """The threads of a launch by warp and lane."""

    def __init__(self, operands: Operands, threads_a_block: int) -> None:
        self.operands = operands
        block, place = np.divmod(np.arange(operands.count), threads_a_block)
        warp, self.lane = np.divmod(place, LANES)
        warp += block * -(-threads_a_block // LANES)
        self.lane = self.lane.astype(np.uint32)
        table = np.full((int(warp.max()) + 1, LANES), NOBODY)
        table[warp, self.lane] = np.arange(operands.count)
        self.neighbours = table[warp]  # of each thread those of its warp

    def check(self, instruction: Instruction) -> None:
        """It is in a form that is known here."""
        names = instruction.opcode.split(".")
        form, count = {
            "shfl": (["sync", names[2], "b32"], 5),
            "vote": (["sync", names[2], "b32" if names[2] == "ballot" else "pred"], 3),
        }[names[0]]
        assert names[1:] == form, "another form"
        assert names[2] in (SOURCES if names[0] == "shfl" else VOTES)
        assert len(instruction.operands) == count, "a count of operands"

    def complete(self, instruction: Instruction, waiting: Any) -> Any:
        """Of the threads that wait at an instruction those all of whose named lanes do, with the same names."""
        named, masks = self.named(instruction)
        ready = waiting[self.neighbours] & (masks[self.neighbours] == masks[:, None]) & (self.neighbours != NOBODY)
        own = np.take_along_axis(named, self.lane[:, None].astype(np.int64), axis=1)[:, 0]
        threads = np.arange(len(waiting))
        refuse(waiting & ~own, "is not among the lanes that it names", threads)
        return waiting & (ready | ~named).all(axis=1)

    def run(self, instruction: Instruction, here: Any) -> None:
        """Tell each other, for threads all of whose named lanes are among them."""
        kind = instruction.opcode.split(".")[0]
        {"shfl": self.shuffle, "vote": self.vote}[kind](instruction, here)

    def named(self, instruction: Instruction) -> tuple[Any, Any]:
        """For each thread which lanes it names, as truths and as bits."""
        masks = self.operands.everyones(instruction.operands[-1], "u32")
        return (masks[:, None] >> np.arange(LANES, dtype=np.uint32) & 1).astype(bool), masks

    def shuffle(self, instruction: Instruction, here: Any) -> None:
        """`shfl.sync.idx.b32 d|p, a, b, c, mask`: the `a` of another lane, and whether it is one."""
        to, a, by, ends, _ = instruction.operands
        by, ends = (self.operands.everyones(operand, "u32") for operand in (by, ends))
        lane, by, apart, most = self.lane.astype(np.int64), by & 31, ends >> 8 & 31, ends & 31
        least = lane & apart
        source, exists = SOURCES[instruction.opcode.split(".")[2]](
            lane, by.astype(np.int64), least, least | most & ~apart
        )
        source = np.where(exists, source, lane)
        named, _ = self.named(instruction)
        absent = here & ~np.take_along_axis(named, source[:, None], axis=1)[:, 0]
        first = source[np.argmax(absent)]
        refuse(absent, f"reads from lane {first}, which does not take part", np.arange(len(here)))
        found = self.operands.everyones(a, "b32")[np.take_along_axis(self.neighbours, source[:, None], axis=1)[:, 0]]
        to, _, predicate = to.partition("|")
        self.operands.write(to, "b32", found, here)
        if predicate:
            self.operands.write(predicate, "pred", exists, here)

    def vote(self, instruction: Instruction, here: Any) -> None:
        """`vote.sync.ballot.b32 d, p, mask`: what the lanes say, as bits or as one truth."""
        to, said, _ = instruction.operands
        _, _, name, kind = instruction.opcode.split(".")
        truths = self.operands.everyones(said.removeprefix("!"), "pred") != said.startswith("!")
        result = VOTES[name](truths[self.neighbours], self.named(instruction)[0])
        self.operands.write(to, kind, result.astype(TYPES[kind]), here)
