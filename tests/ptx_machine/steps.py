"""Instructions as steps: functions of which threads run them, as a mask or, if all do, as True."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ptx_machine.approximate import approximations
from ptx_machine.arithmetic import COMPARISONS, CONVERSIONS, OPERATIONS, SHIFTS, TYPES, WIDE, with_bits
from ptx_machine.memory import WORD, KernelError, Memory
from ptx_machine.operands import Operands
from ptx_machine.parse import Instruction

Step = Callable[[Any], None]
CACHES = {"nc", "ca", "cg", "cs", "lu", "cv", "wb", "wt", "L1::no_allocate", "L1::evict_last", "L2::128B", "L2::256B"}
LANES = {(): 1, ("v2",): 2, ("v4",): 4}


class UnknownInstructionError(KernelError):
    """The machine does not know an instruction, in this form."""


class Steps:
    """Instructions other than those of control, bound to the registers and memories of a launch."""

    def __init__(self, operands: Operands, memories: dict[str, Memory], parameters: dict[str, Any], seed: int) -> None:
        self.operands, self.memories, self.parameters = operands, memories, parameters
        self.operations = OPERATIONS | {"f": OPERATIONS["f"] | approximations(seed)}
        self.forms: dict[str, Callable[[Instruction], Step]] = {
            "ld": self.load,
            "st": self.store,
            "setp": self.compare,
            "selp": self.select,
            "cvt": self.convert,
        }

    def bind(self, instruction: Instruction) -> Step:
        """The step of an instruction."""
        name = instruction.opcode.split(".")[0]
        try:
            step = self.forms.get(name, self.compute)(instruction)
        except (KeyError, ValueError, AssertionError) as error:
            raise UnknownInstructionError(f"{instruction.text!r} is not known to the machine: {error!r}") from error
        if instruction.guard is None:
            return step
        guard = self.operands.source(instruction.guard, "pred")
        return lambda here: step(here & (guard != instruction.negated))

    def assign(self, to: str, kind: str, function: Callable[..., Any], sources: Sequence[Any]) -> Step:
        """What a function gives, to a register."""
        if isinstance(function, np.ufunc):  # most of what kernels do, without an array for the result first
            register = self.operands.register(to, kind)
            return lambda here: function(*sources, out=register, casting="no", where=here)
        write = self.operands.writer(to, kind)
        return lambda here: write(function(*sources), where=here)

    def compute(self, instruction: Instruction) -> Step:
        """An operation that a table has by its name and type."""
        name, kind = instruction.opcode.rsplit(".", 1)
        to, *names = instruction.operands
        result, kinds = kind, [kind] * len(names)
        if name in SHIFTS:
            function, kinds = SHIFTS[name], [kind, "u32"]
        elif name == "bfi":
            function, kinds = with_bits, [kind, kind, "u32", "u32"]
        elif name in WIDE:
            result = f"{kind[0]}{2 * int(kind[1:])}"
            function, kinds = WIDE[name], [kind, kind, result][: len(names)]
        else:
            function = self.operations[kind[0]][name]
        sources = [self.operands.source(*pair) for pair in zip(names, kinds, strict=True)]
        return self.assign(to, result, function, sources)

    def compare(self, instruction: Instruction) -> Step:
        _, comparison, kind = instruction.opcode.split(".")
        to, a, b = instruction.operands
        function, sources = COMPARISONS[comparison], (self.operands.source(a, kind), self.operands.source(b, kind))
        return self.assign(to, "pred", function, sources)

    def select(self, instruction: Instruction) -> Step:
        _, kind = instruction.opcode.split(".")
        to, a, b, condition = instruction.operands
        sources = [self.operands.source(*pair) for pair in ((condition, "pred"), (a, kind), (b, kind))]
        return self.assign(to, kind, np.where, sources)

    def convert(self, instruction: Instruction) -> Step:
        _, *rounding, result, kind = instruction.opcode.split(".")
        function = CONVERSIONS[".".join(rounding)]
        to, a = instruction.operands
        source, write = self.operands.low_part(a, kind), self.operands.writer(to, result)
        return lambda here: write(function(source, TYPES[result]), where=here)

    def load(self, instruction: Instruction) -> Step:
        to, place = instruction.operands
        space, kind, names = self.access(instruction.opcode, to)
        if space == "param":
            (name,) = names
            parameter = np.asarray(self.parameters[place.strip("[]")], TYPES[kind])
            write = self.operands.writer(name, kind)
            return lambda here: write(parameter, where=here)
        memory, address, size = self.memories[space], self.operands.address(place), TYPES[kind].itemsize * len(names)
        registers = [self.operands.source(name, kind) for name in names]

        def step(here: Any) -> None:
            threads = self.operands.threads[here].ravel()
            found = memory.load(address(threads), size, threads).view(TYPES[kind])
            for register, column in zip(registers, found.T, strict=True):
                register[threads] = column

        return step

    def store(self, instruction: Instruction) -> Step:
        place, values = instruction.operands
        space, kind, names = self.access(instruction.opcode, values)
        memory, address = self.memories[space], self.operands.address(place)
        sources = [self.operands.everyones(name, kind) for name in names]

        def step(here: Any) -> None:
            threads = self.operands.threads[here].ravel()
            found = np.stack([source[threads] for source in sources], axis=1)
            memory.store(address(threads), found.view(np.uint32), threads)

        return step

    def access(self, opcode: str, vector: str) -> tuple[str, str, list[str]]:
        """Of a load or a store: which memory, the type of a number, and the names of the numbers."""
        _, *modifiers, kind = opcode.split(".")
        space, *lanes = [modifier for modifier in modifiers if modifier not in CACHES]
        names = [name.strip() for name in vector.strip("{}").split(",")]
        assert len(names) == LANES[tuple(lanes)]
        assert TYPES[kind].itemsize >= WORD, "less than a word"
        return space, kind, names
