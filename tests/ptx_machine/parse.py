"""PTX text as blocks of instructions: one ends before a label, and after what branches, returns or waits."""

import re
from functools import cache
from typing import NamedTuple

ENDS_A_BLOCK = ("bra", "ret", "exit", "bar", "barrier", "shfl", "vote")
TOKEN = re.compile(r"(?P<label>[$\w]+):|(?P<scope>[{}])|(?P<statement>[^;{}\s][^;]*);|\s+")
STATEMENT = re.compile(r"(?:@(?P<negated>!?)(?P<guard>[%\w]+)\s+)?(?P<opcode>[\w.:]+)\s*(?P<operands>.*)")
OPERAND = re.compile(r"\{[^}]*\}|\[[^\]]*\]|[^,\s][^,]*")
NAME = re.compile(r"[%$A-Za-z_][\w$]*")


class Instruction(NamedTuple):
    """One instruction; the guard is the register that says for which threads it counts."""

    text: str
    guard: str | None
    negated: bool
    opcode: str
    operands: tuple[str, ...]


class Shared(NamedTuple):
    """A variable in shared memory, in bytes."""

    size: int
    alignment: int


class Kernel(NamedTuple):
    """An entry of a PTX module."""

    parameters: dict[str, str]  # the type of each name
    registers: dict[str, str]
    shared: dict[str, Shared]
    blocks: list[list[Instruction]]
    labels: dict[str, int]  # places in blocks


@cache
def parse(text: str) -> Kernel:
    """The one entry of a module."""
    text = re.sub(r"//[^\n]*", "", text)
    parameters, begin = _head(text)
    shared = re.findall(r"\.shared\s+\.align\s+(\d+)\s+\.b8\s+(\w+)\[(\d+)\];", text[:begin])
    assert len(shared) == text.count(".shared "), "a shared variable of another kind"
    variables = {name: Shared(int(size), int(alignment)) for alignment, name, size in shared}
    body = _Body()
    body.read(text[begin : text.rindex("}")])
    return Kernel(parameters, body.registers, variables, body.blocks, body.labels)


def _head(text: str) -> tuple[dict[str, str], int]:
    """The parameters, and where the body begins."""
    (head,) = re.finditer(r"\.entry\s+\w+\s*\(([^)]*)\)[^{]*\{", text)
    return {name: kind for kind, name in re.findall(r"\.param\s+\.(\w+)\s+(\w+)", head[1])}, head.end()


class _Body:
    """What is between the braces of a kernel. Braces within, of inline assembly, are scopes of register names."""

    def __init__(self) -> None:
        self.registers: dict[str, str] = {}
        self.blocks: list[list[Instruction]] = [[]]
        self.labels: dict[str, int] = {}
        self.scopes: list[dict[str, str]] = []  # of each open scope, the names declared there and what they became
        self.scopes_so_far = 0

    def read(self, body: str) -> None:
        done = 0
        while done < len(body):
            token = TOKEN.match(body, done)
            assert token, f"no PTX: {body[done : done + 80]!r}"
            done = token.end()
            if token["label"]:
                self.begin_block()
                self.labels[token["label"]] = len(self.blocks) - 1
            elif token["scope"]:
                self.open_or_close(token["scope"])
            elif token["statement"]:
                self.statement(" ".join(token["statement"].split()))

    def begin_block(self) -> None:
        if self.blocks[-1]:
            self.blocks.append([])

    def open_or_close(self, brace: str) -> None:
        if brace == "{":
            self.scopes.append({})
            self.scopes_so_far += 1
        else:
            self.scopes.pop()

    def statement(self, text: str) -> None:
        if text.startswith(".reg"):
            self.declare(text)
        elif not text.startswith(".pragma"):
            self.instruction(text)

    def declare(self, text: str) -> None:
        """`.reg .f32 %f<9>` declares %f0 to %f8."""
        kind, names = re.fullmatch(r"\.reg \.(\w+) (.*)", text).groups()
        for stem, count in re.findall(r"([%\w$]+)(?:<(\d+)>)?", names):
            for name in [f"{stem}{k}" for k in range(int(count))] if count else [stem]:
                if self.scopes:
                    self.scopes[-1][name] = name = f"{name} of scope {self.scopes_so_far}"
                self.registers[name] = kind

    def instruction(self, text: str) -> None:
        parts = STATEMENT.fullmatch(text)
        assert parts, f"no instruction: {text!r}"
        operands = tuple(self.rename(operand.strip()) for operand in OPERAND.findall(parts["operands"]))
        guard = parts["guard"] and self.rename(parts["guard"])
        self.blocks[-1].append(Instruction(text, guard, parts["negated"] == "!", parts["opcode"], operands))
        if parts["opcode"].split(".")[0] in ENDS_A_BLOCK:
            self.begin_block()

    def rename(self, operand: str) -> str:
        """The operand with the registers of the innermost scope that has them."""

        def inner(match: re.Match[str]) -> str:
            return next((scope[match[0]] for scope in reversed(self.scopes) if match[0] in scope), match[0])

        return NAME.sub(inner, operand)
