"""All threads of a launch at once, one instruction after the other, on NumPy arrays.

Each thread stands before a block of instructions. The first block that any thread stands before is run next, for all
that do, so that threads which parted at a branch meet again.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ptx_machine.arithmetic import TYPES
from ptx_machine.memory import NOBODY, KernelError, Memory
from ptx_machine.operands import Operands, Size
from ptx_machine.parse import Instruction, Kernel
from ptx_machine.steps import Step, Steps
from ptx_machine.warps import Warps

MOST_STEPS = 1_000_000
SHARED_APART = 20
# What a barrier tells its block of threads, and in which type.
VOTES = {"popc": (np.sum, "u32"), "and": (np.all, "pred"), "or": (np.any, "pred")}


class Machine:
    """A launch: a kernel, global memory, a number for each parameter, and the sizes of the grid and of a block.

    The seed draws the errors of approximate instructions.
    """

    def __init__(
        self, kernel: Kernel, memory: Memory, arguments: Sequence[Any], grid: Size, block: Size, seed: int = 0
    ) -> None:
        self.kernel = kernel
        self.blocks, self.threads_a_block = int(np.prod(grid)), int(np.prod(block))
        count = self.blocks * self.threads_a_block
        sizes, alignments = zip(*kernel.shared.values(), strict=True) if kernel.shared else ((), ())
        self.shared = Memory(sizes, alignments, SHARED_APART, count, self.threads_a_block)
        constants = dict(zip(kernel.shared, self.shared.addresses, strict=True))
        self.operands = Operands(kernel.registers, constants, grid, block)
        parameters = dict(zip(kernel.parameters, arguments, strict=True))
        self.steps = Steps(self.operands, {"global": memory, "shared": self.shared}, parameters, seed)
        self.steps.forms |= {"bra": self.branch, "ret": self.leave, "exit": self.leave}
        self.steps.forms |= {"bar": self.wait, "barrier": self.wait, "shfl": self.meet, "vote": self.meet}
        self.warps = Warps(self.operands, self.threads_a_block)
        self.meetings: dict[Instruction, Callable[[Any], Any]] = {}
        self.end = len(kernel.blocks)
        self.at = np.zeros(count, np.int64)  # the block of instructions that each thread stands before, or the end
        self.waits_at = np.full(count, NOBODY)  # the block of instructions whose barrier each thread waits at
        self.program = [[self.steps.bind(instruction) for instruction in each] for each in kernel.blocks]

    def run(self) -> None:
        """Run until every thread has left; once."""
        try:
            self.run_blocks()
        finally:  # without circles: else thousands of arrays live on until the garbage collector finds them
            self.program.clear()
            self.steps.forms.clear()

    def run_blocks(self) -> None:
        with np.errstate(all="ignore"):
            for _ in range(MOST_STEPS):
                first = self.at.min()
                if first < self.end:
                    self.run_block(first)
                elif (self.waits_at != NOBODY).any():
                    if not self.pass_warps():
                        self.pass_barriers()
                else:
                    return
        raise KernelError("the kernel does not end")

    def run_block(self, index: int) -> None:
        """Run a block of instructions for the threads that stand before it."""
        here = self.at == index
        if here.all():
            here = True  # as a mask, which then costs nothing
        self.at[here] = index + 1
        for instruction, step in zip(self.kernel.blocks[index], self.program[index], strict=True):
            try:
                step(here)
            except KernelError as error:
                raise KernelError(f"{error}: {instruction.text}") from None

    # --- Instructions of control --------------------------------------------------------------------------------------

    def branch(self, instruction: Instruction) -> Step:
        (label,) = instruction.operands
        return lambda here: self.go(here, self.kernel.labels[label])

    def leave(self, instruction: Instruction) -> Step:
        return lambda here: self.go(here, self.end)

    def go(self, here: Any, index: int) -> None:
        self.at[here] = index

    def wait(self, instruction: Instruction) -> Step:
        """Barrier 0 for all threads of a block; `red` also counts what they say."""
        names = instruction.opcode.split(".")
        barrier, *rest = instruction.operands[1:] if "red" in names else instruction.operands
        assert ("red" in names, len(rest)) in ((True, 1), (False, 0)), "a count of threads"
        assert {"sync", "red"} & set(names), "no wait"
        assert (barrier, instruction.guard) == ("0", None), "another barrier, or for some of the threads"
        return self.stop

    def meet(self, instruction: Instruction) -> Step:
        """A shuffle or a vote, at which the lanes that it names wait for each other."""
        self.meetings[instruction] = self.warps.bind(instruction)
        return self.stop

    def stop(self, here: Any) -> None:
        """Wait at the instruction that ends this block."""
        self.waits_at[here] = self.at[here] - 1
        self.at[here] = self.end

    # --- Warps and barriers -------------------------------------------------------------------------------------------

    def pass_warps(self) -> bool:
        """Let the threads go on that wait for others of their warp which are all there; whether there are such."""
        passed, left = False, None
        for index in set(self.waits_at.tolist()) - {NOBODY}:
            instruction, waiting = self.kernel.blocks[index][-1], self.waits_at == index
            if instruction not in self.meetings:  # a barrier
                continue
            try:
                here = self.meetings[instruction](waiting)
            except KernelError as error:
                raise KernelError(f"{error}: {instruction.text}") from None
            self.at[here], self.waits_at[here] = index + 1, NOBODY
            passed, left = passed or here.size > 0, (instruction.text, np.flatnonzero(waiting))
        if left and not passed:
            text, threads = left
            others = f"as do {threads.size - 1} others: {text}"
            raise KernelError(f"thread {threads[0]} waits for lanes that do not come, {others}")
        return passed

    def pass_barriers(self) -> None:
        """Let the threads go on that wait, now that no other thread can do anything.

        It orders what they did in shared memory alone: through global memory no kernel here passes anything on.
        """
        waits = self.waits_at.reshape(self.blocks, -1)
        if (waits != waits[:, :1]).any():
            raise KernelError("threads of a block wait at different barriers, or some have left while others wait")
        for index in set(waits[:, 0]) - {NOBODY}:
            blocks = waits[:, 0] == index
            here = np.repeat(blocks, self.threads_a_block)
            self.vote(self.kernel.blocks[index][-1], here)
            self.shared.forget(blocks)
            self.at[here], self.waits_at[here] = index + 1, NOBODY

    def vote(self, barrier: Instruction, here: Any) -> None:
        """The result of a barrier such as `bar.red.and.pred p, 0, q`."""
        names = barrier.opcode.split(".")
        if "red" not in names:
            return
        ((count, kind),) = (VOTES[name] for name in names if name in VOTES)
        to, _, said = barrier.operands
        votes = self.operands.everyones(said.removeprefix("!"), "pred") != said.startswith("!")
        counts = count(votes.reshape(self.blocks, -1), axis=1)
        self.operands.writer(to, kind)(np.repeat(counts, self.threads_a_block).astype(TYPES[kind]), where=here)
