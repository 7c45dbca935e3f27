"""PTX text as blocks of instructions: a run of instructions ends before a label, and after a branch or a barrier."""

import re
from typing import NamedTuple

ENDS_A_BLOCK = ("bra", "ret", "exit", "bar", "barrier")
TOKEN = re.compile(r"\s*(?:(?P<label>[$\w]+):|(?P<scope>[{}])|(?P<statement>[^;{}][^;]*);)")
STATEMENT = re.compile(r"(?:@(?P<negated>!?)(?P<guard>[%\w]+)\s+)?(?P<opcode>[\w.:]+)\s*(?P<rest>.*)", re.S)
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
    """A variable in the shared memory of a block of threads."""

    size: int
    alignment: int


class Kernel(NamedTuple):
    """An entry of a PTX module."""

    parameters: dict[str, str]  # name -> type
    registers: dict[str, str]
    shared: dict[str, Shared]
    blocks: list[list[Instruction]]
    labels: dict[str, int]  # where in blocks


def parse(text: str) -> Kernel:
    """The one entry of a module."""
    text = re.sub(r"//[^\n]*", "", text)
    head = re.search(r"\.entry\s+\w+\s*\((?P<parameters>[^)]*)\)[^{]*\{", text)
    assert head, "no entry"
    body = _Body()
    body.read(text[head.end() : text.rindex("}")])
    parameters = re.findall(r"\.param\s+\.(\w+)\s+(\w+)", head["parameters"])
    return Kernel({name: kind for kind, name in parameters}, body.registers, _shared(text), body.blocks, body.labels)


def _shared(text: str) -> dict[str, Shared]:
    found = re.findall(r"\.shared\s+\.align\s+(\d+)\s+\.b8\s+(\w+)\[(\d+)\];", text)
    return {name: Shared(int(size), int(alignment)) for alignment, name, size in found}


class _Body:
    """What is between the braces of a kernel. Braces within it, of inline assembly, are scopes of register names."""

    def __init__(self) -> None:
        self.registers: dict[str, str] = {}
        self.blocks: list[list[Instruction]] = [[]]
        self.labels: dict[str, int] = {}
        self.scopes: list[dict[str, str]] = []  # names of registers that are declared in each, and their true names
        self.scopes_so_far = 0

    def read(self, body: str) -> None:
        for token in TOKEN.finditer(body):
            if token["label"]:
                self.begin_block()
                self.labels[token["label"]] = len(self.blocks) - 1
            elif token["scope"] == "{":
                self.scopes.append({})
                self.scopes_so_far += 1
            elif token["scope"] == "}":
                self.scopes.pop()
            else:
                self.statement(" ".join(token["statement"].split()))

    def begin_block(self) -> None:
        if self.blocks[-1]:
            self.blocks.append([])

    def statement(self, text: str) -> None:
        if text.startswith(".reg"):
            self.declare(text)
        elif not text.startswith(".pragma"):
            self.instruction(text)

    def declare(self, text: str) -> None:
        kind, names = re.fullmatch(r"\.reg \.(\w+) (.*)", text).groups()
        for name in names.split(","):
            stem, count = re.fullmatch(r"\s*([%\w$]+)(?:<(\d+)>)?\s*", name).groups()
            for each in [stem] if count is None else [f"{stem}{k}" for k in range(int(count))]:
                true_name = each
                if self.scopes:
                    true_name = self.scopes[-1][each] = f"{each} of scope {self.scopes_so_far}"
                self.registers[true_name] = kind

    def instruction(self, text: str) -> None:
        parts = STATEMENT.fullmatch(text)
        assert parts, text
        operands = tuple(self.rename(operand.strip()) for operand in OPERAND.findall(parts["rest"]))
        guard = parts["guard"] and self.rename(parts["guard"])
        self.blocks[-1].append(Instruction(text, guard, parts["negated"] == "!", parts["opcode"], operands))
        if parts["opcode"].split(".")[0] in ENDS_A_BLOCK:
            self.begin_block()

    def rename(self, operand: str) -> str:
        """The operand with the registers of the innermost scopes."""

        def true_name(match: re.Match[str]) -> str:
            return next((scope[match[0]] for scope in reversed(self.scopes) if match[0] in scope), match[0])

        return NAME.sub(true_name, operand)
