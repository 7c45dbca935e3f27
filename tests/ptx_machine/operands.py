"""What instructions take and give: registers of all threads, constants, and places in memory."""

import re
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ptx_machine.arithmetic import TYPES

Size = tuple[int, int, int]  # along x, y and z


class Operands:
    """Registers by name, each an array over the threads of a launch, and names of constants."""

    def __init__(self, registers: dict[str, str], constants: dict[str, Any], grid: Size, block: Size) -> None:
        self.count = int(np.prod(grid) * np.prod(block))
        self.threads = np.arange(self.count)
        # A register that nothing was written to is NaN, or -1.
        self.registers = {name: ~np.zeros(self.count, _storage(kind)) for name, kind in registers.items()}
        self.constants = constants | _special(self.threads, grid, block)

    def source(self, operand: str, kind: str) -> Any:
        """An operand as numbers of a type: of a register a view, which always shows what is in it."""
        if operand in self.registers:
            return self.register(operand, kind)
        if operand in self.constants:
            return np.asarray(self.constants[operand]).astype(TYPES[kind])
        return _literal(operand, kind)

    def low_part(self, operand: str, kind: str) -> Any:
        """The same of a register that may be wider: of that its lowest bits."""
        register = self.registers.get(operand)
        if register is None:
            return self.source(operand, kind)
        return register.view(TYPES[kind])[:: max(1, register.itemsize // TYPES[kind].itemsize)]

    def everyones(self, operand: str, kind: str) -> Any:
        """The same with an entry for each thread."""
        return np.broadcast_to(self.source(operand, kind), self.count)

    def register(self, operand: str, kind: str) -> Any:
        """A register as numbers of a type."""
        return self.registers[operand].view(TYPES[kind])

    def writer(self, operand: str, kind: str) -> Callable[..., None]:
        """``write(values, where=here)``: numbers of a type to a register, for some of the threads."""
        return partial(np.copyto, self.register(operand, kind), casting="no")

    def address(self, place: str) -> Callable[[Any], Any]:
        """What `[register or name + offset]` is for some of the threads."""
        base, offset = re.fullmatch(r"\[([^+]+)(?:\+(-?\d+))?\]", place).groups()
        addresses, more = self.everyones(base.strip(), "s64"), int(offset or 0)
        return lambda threads: addresses[threads] + more


def _storage(kind: str) -> Any:
    """A register holds bits: the types of its size are views of it."""
    return TYPES["pred" if kind == "pred" else f"b{8 * TYPES[kind].itemsize}"]


def _literal(operand: str, kind: str) -> Any:
    """0f3F800000 and 0d3FF0000000000000 are the bits of floats; -1 and 7U are integers."""
    if operand.startswith(("0f", "0d")):
        (number,) = struct.unpack(">f" if operand[1] == "f" else ">d", bytes.fromhex(operand[2:]))
        return np.asarray(number, TYPES[kind])
    number = int(operand.removesuffix("U"), 0)
    if kind == "pred":
        return np.asarray(number != 0)
    size = TYPES[kind].itemsize
    return np.asarray(number % 2 ** (8 * size), f"u{size}").view(TYPES[kind])


def _special(threads: Any, grid: Size, block: Size) -> dict[str, Any]:
    """Where each thread is in its block, and its block in the grid; x is what changes first."""
    block_of, place = np.divmod(threads, np.prod(block))
    tid, ctaid = np.unravel_index(place, block[::-1])[::-1], np.unravel_index(block_of, grid[::-1])[::-1]
    vectors = {"%tid": tid, "%ctaid": ctaid, "%ntid": block, "%nctaid": grid}
    return {f"{name}.{axis}": vector[k] for name, vector in vectors.items() for k, axis in enumerate("xyz")}
