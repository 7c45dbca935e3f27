"""All threads of a launch at once, one instruction after the other, on NumPy arrays.

Each thread stands before a block of instructions. The first block that a thread stands before is run next, for all
threads that do, so that threads which parted at a branch meet again.
"""

import re
import struct
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from ptx_machine.arithmetic import COMPARISONS, SHIFTS, TYPES, WIDE, convert, operations
from ptx_machine.memory import NOBODY, WORD, Fault, Memory
from ptx_machine.parse import Instruction, Kernel

Step = Callable[[Any], None]  # takes which threads run
CACHE_HINTS = {"nc", "ca", "cg", "cs", "lu", "cv", "wb", "wt", "volatile", "relaxed", "weak"}
MOST_STEPS = 1_000_000
FAR_APART = 20  # variables of shared memory, in powers of two of bytes
COUNTS = {"popc": np.sum, "and": np.all, "or": np.any}  # of a barrier that reduces


class Unknown(Fault):
    """The machine does not know an instruction."""


class Machine:
    """A launch of a kernel.

    `memory` is the global one, `arguments` are numbers by the order of the parameters, `grid` and `block` are sizes
    along x, y and z; `seed` draws the errors of approximate instructions.
    """

    def __init__(
        self,
        kernel: Kernel,
        memory: Memory,
        arguments: Sequence[Any],
        grid: tuple[int, int, int],
        block: tuple[int, int, int],
        seed: int = 0,
    ) -> None:
        self.kernel, self.memory, self.operations = kernel, memory, operations(seed)
        self.threads_a_block = int(np.prod(block))
        self.blocks = int(np.prod(grid))
        count = self.blocks * self.threads_a_block
        self.everyone = np.arange(count)
        self.block_of = self.everyone // self.threads_a_block
        self.special = _special_registers(self.everyone, grid, block)
        self.registers = {name: np.zeros(count, _storage(kind)) for name, kind in kernel.registers.items()}
        shared = kernel.shared.values()
        self.shared = Memory([v.size for v in shared], [v.alignment for v in shared], FAR_APART, self.blocks)
        self.constants = dict(zip(kernel.shared, self.shared.addresses, strict=True))
        self.parameters = dict(zip(kernel.parameters, arguments, strict=True))
        self.end = len(kernel.blocks)
        self.at = np.zeros(count, np.int64)  # the block of instructions that each thread stands before, or the end
        self.waits_after = np.full(count, NOBODY)  # the block whose barrier a thread waits at
        self.program = [[self.bind(instruction) for instruction in block] for block in kernel.blocks]

    def run(self) -> None:
        """Run until every thread has returned."""
        with np.errstate(all="ignore"):
            for _ in range(MOST_STEPS):
                block = self.at.min()
                if block < self.end:
                    self.run_block(block)
                elif not self.release():
                    return
        raise Fault("the kernel does not end")

    def run_block(self, block: int) -> None:
        """Run a block for the threads that stand before it."""
        here = self.at == block
        self.at[here] = block + 1
        for instruction, step in zip(self.kernel.blocks[block], self.program[block], strict=True):
            try:
                step(here)
            except Fault as fault:
                raise type(fault)(f"{fault}: {instruction.text}") from None

    # --- Control ------------------------------------------------------------------------------------------------------

    def release(self) -> bool:
        """Let the threads that wait at a barrier go on, if their whole block does: whether there are any."""
        waits = self.waits_after.reshape(self.blocks, -1)
        blocks = (waits != NOBODY).any(axis=1)
        if (waits[blocks] != waits[blocks][:, :1]).any():
            raise Fault("threads of a block wait at different barriers, or have returned while others wait")
        for barrier in np.unique(waits[blocks]):
            self.pass_barrier(barrier, waits[:, 0] == barrier)
        return bool(blocks.any())

    def pass_barrier(self, barrier: int, blocks: Any) -> None:
        """Let whole blocks of threads pass; if the barrier reduces, give them the result."""
        here = np.repeat(blocks, self.threads_a_block)
        self.reduce(self.kernel.blocks[barrier][-1], here)
        self.shared.forget(blocks)
        self.at[here], self.waits_after[here] = barrier + 1, NOBODY

    def reduce(self, instruction: Instruction, here: Any) -> None:
        """The result of a barrier as `bar.red.and.pred p, 0, q`."""
        names = instruction.opcode.split(".")
        if "red" not in names:
            return
        (count,) = (COUNTS[name] for name in names if name in COUNTS)
        destination, _, voted = instruction.operands
        votes = self.source(voted.lstrip("!"), "pred") ^ voted.startswith("!")
        counted = count(votes.reshape(self.blocks, -1), axis=1)
        self.write(
            destination, names[-1] if names[-1] in TYPES else "pred", np.repeat(counted, self.threads_a_block), here
        )

    # --- Operands -----------------------------------------------------------------------------------------------------

    def source(self, operand: str, kind: str) -> Any:
        """An operand as numbers of a type: a register as it is now and will be, or a constant."""
        if operand in self.registers:
            return self.registers[operand].view(TYPES[kind])
        if operand in self.special:
            return self.special[operand].astype(TYPES[kind])
        if operand in self.constants:
            return np.asarray(self.constants[operand], TYPES[kind])
        return _constant(operand, kind)

    def write(self, operand: str, kind: str, values: Any, here: Any) -> None:
        """Numbers of a type to a register, for some of the threads."""
        np.copyto(self.registers[operand].view(TYPES[kind]), values, where=here)

    # --- Instructions -------------------------------------------------------------------------------------------------

    def bind(self, instruction: Instruction) -> Step:
        """The instruction as a function of which threads run it."""
        name, *_ = instruction.opcode.split(".")
        find = {"bra": self.branch, "ret": self.leave, "exit": self.leave, "bar": self.wait, "barrier": self.wait}
        find |= {"ld": self.access, "st": self.access, "setp": self.compare, "selp": self.select, "cvt": self.convert}
        try:
            step = find.get(name, self.compute)(instruction)
        except (KeyError, ValueError, AssertionError, TypeError) as error:
            raise Unknown(f"the machine does not know {instruction.text!r}: {error!r}") from error
        if instruction.guard is None:
            return step
        guard, negated = self.registers[instruction.guard], instruction.negated
        return lambda here: step(here & (guard != negated))

    def compute(self, instruction: Instruction) -> Step:
        """An operation whose table says what function it is of its operands."""
        name, kind = instruction.opcode.rsplit(".", 1)
        to, *operands = instruction.operands
        kinds, result = [kind] * len(operands), kind
        if name in SHIFTS:
            function, kinds = SHIFTS[name], [kind, "u32"]
        elif name in WIDE:
            result = f"{kind[0]}{2 * int(kind[1:])}"
            function, kinds = WIDE[name], [kind, kind, result][: len(operands)]
        else:
            known, function = self.operations[name]
            assert kind[0] in known, "of this type"
        sources = [self.source(operand, k) for operand, k in zip(operands, kinds, strict=True)]
        return lambda here: self.write(to, result, function(*sources), here)

    def compare(self, instruction: Instruction) -> Step:
        _, comparison, kind = instruction.opcode.split(".")
        to, *operands = instruction.operands
        function, (a, b) = COMPARISONS[comparison], [self.source(operand, kind) for operand in operands]
        return lambda here: self.write(to, "pred", function(a, b), here)

    def select(self, instruction: Instruction) -> Step:
        _, kind = instruction.opcode.split(".")
        to, a, b, condition = instruction.operands
        sources = self.source(condition, "pred"), self.source(a, kind), self.source(b, kind)
        return lambda here: self.write(to, kind, np.where(*sources), here)

    def convert(self, instruction: Instruction) -> Step:
        _, *rounding, result, kind = instruction.opcode.split(".")
        assert rounding in ([], ["rn"], ["rzi"], ["rni"], ["rmi"], ["rpi"])
        to, operand = instruction.operands
        a, rounding = self.source(operand, kind), "".join(rounding)
        return lambda here: self.write(to, result, convert(rounding, a, TYPES[result]), here)

    def branch(self, instruction: Instruction) -> Step:
        target = self.kernel.labels[instruction.operands[0]]

        def step(here: Any) -> None:
            self.at[here] = target

        return step

    def leave(self, instruction: Instruction) -> Step:
        def step(here: Any) -> None:
            self.at[here] = self.end

        return step

    def wait(self, instruction: Instruction) -> Step:
        assert instruction.guard is None, "a barrier with a guard"
        reduces = "red" in instruction.opcode.split(".")
        assert instruction.operands[1 if reduces else 0] == "0", "a barrier other than 0"
        assert len(instruction.operands) == (3 if reduces else 1), "a barrier for some of the threads"

        def step(here: Any) -> None:
            self.waits_after[here] = self.at[here] - 1
            self.at[here] = self.end

        return step

    def access(self, instruction: Instruction) -> Step:
        """A load or a store of one number or a vector; what it says of caches means nothing here."""
        name, *modifiers, kind = instruction.opcode.split(".")
        space, *lanes = [m for m in modifiers if m not in CACHE_HINTS and not m.startswith("L")]
        assert lanes in ([], ["v2"], ["v4"])
        place, numbers = instruction.operands if name == "st" else instruction.operands[::-1]
        names = [each.strip() for each in numbers.strip("{}").split(",")]
        if space == "param":
            assert name == "ld"
            (to,) = names
            parameter = np.asarray(self.parameters[place.strip("[]")], TYPES[kind])
            return lambda here: self.write(to, kind, parameter, here)
        memory = {"global": self.memory, "shared": self.shared}[space]
        address = self.address(place, memory)
        return (self.store if name == "st" else self.load)(memory, address, names, kind)

    def address(self, place: str, memory: Memory) -> Callable[[Any], Any]:
        """The addresses of some of the threads that `[register or variable + offset]` means."""
        base, offset = re.fullmatch(r"\[([^+\]]+)(?:\+(-?\d+))?\]", place).groups()
        found, more = self.source(base.strip(), "u64"), np.int64(offset or 0)
        found = np.broadcast_to(found.view(np.int64), self.everyone.shape)
        return lambda rows: found[rows] + more

    def load(self, memory: Memory, address: Callable[[Any], Any], names: list[str], kind: str) -> Step:
        width = TYPES[kind].itemsize
        assert width >= WORD

        def step(here: Any) -> None:
            rows = np.flatnonzero(here)
            found = memory.load(address(rows), width * len(names), rows, self.copy_of(memory)[rows])
            for name, column in zip(names, found.view(TYPES[kind]).T, strict=True):
                self.registers[name].view(TYPES[kind])[rows] = column

        return step

    def store(self, memory: Memory, address: Callable[[Any], Any], names: list[str], kind: str) -> Step:
        assert TYPES[kind].itemsize >= WORD
        sources = [np.broadcast_to(self.source(name, kind), self.everyone.shape) for name in names]

        def step(here: Any) -> None:
            rows = np.flatnonzero(here)
            values = np.stack([source[rows] for source in sources], axis=1).view(np.uint32)
            memory.store(address(rows), values, rows, self.copy_of(memory)[rows])

        return step

    def copy_of(self, memory: Memory) -> Any:
        """Which copy of the memory each thread sees."""
        return self.block_of if memory is self.shared else np.zeros_like(self.block_of)


def _storage(kind: str) -> Any:
    """A register holds bits: all types of its size are views of it."""
    return TYPES[kind] if kind == "pred" else np.dtype(f"u{TYPES[kind].itemsize}")


def _constant(operand: str, kind: str) -> Any:
    """0f3F800000 and 0d3FF0000000000000 are the bits of floats."""
    if operand[:2] in ("0f", "0d"):
        number = struct.unpack(">f" if operand[1] == "f" else ">d", bytes.fromhex(operand[2:]))[0]
        return np.asarray(number, TYPES[kind])
    if kind == "pred":
        return np.asarray({"0": False, "1": True, "-1": True}[operand])
    bits = 8 * TYPES[kind].itemsize
    return np.asarray(int(operand.rstrip("U"), 0) % 2**bits, f"u{bits // 8}").view(TYPES[kind])


def _special_registers(threads: Any, grid: tuple[int, int, int], block: tuple[int, int, int]) -> dict[str, Any]:
    """Where each thread is in its block and its block in the grid."""
    sizes = {"%ntid": block, "%nctaid": grid}
    within, block_index = threads % np.prod(block), threads // np.prod(block)
    places = {"%tid": np.unravel_index(within, block[::-1]), "%ctaid": np.unravel_index(block_index, grid[::-1])}
    found = {
        f"{name}.{axis}": np.asarray(size) for name, s in sizes.items() for axis, size in zip("xyz", s, strict=True)
    }
    for (name, place), k in product(places.items(), range(3)):
        found[f"{name}.{'zyx'[k]}"] = place[k]
    return found | {"%laneid": within % 32}
