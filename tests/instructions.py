"""CUDA kernels as PTX, and the table in docs/cuda.md of how many instructions a pair takes."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import boxloss as bl
from boxloss.engines.cuda import compile
from boxloss.verbs.elementwise.cuda_kernel import elementwise
from boxloss.verbs.elementwise.formula import Kind
from boxloss.verbs.pairwise.cuda import TILE_ROWS, TILE_THREADS
from boxloss.verbs.pairwise.cuda_kernel import pairwise

PAGE = Path(__file__).parent.parent / "docs" / "cuda.md"
XYXY = ("xyxy", "xyxy")
VALUE = r"st\.global\.f(32|64)"  # the store of a value
VERBS = {  # the template of a structure's kernel, and its options
    "value": lambda structure: (elementwise, Kind(structure, XYXY, False, False, False), True),
    "value and gradient": lambda structure: (elementwise, Kind(structure, XYXY, True, False, False), True),
    "pairwise": lambda structure: (pairwise, structure, XYXY, True, TILE_ROWS, TILE_THREADS),
}
LOSSES = {
    **{name: bl.get(name) for name in bl.losses()},
    "iou_score": bl.iou_score,
    "ciou, full gradient": bl.CIoU(full_gradient=True),
    "5 l1 + 2 giou": 5.0 * bl.L1(coordinates="cxcywh") + 2.0 * bl.GIoU(),
}
COLUMNS = [(dtype, verb) for dtype in ("float32", "float64") for verb in VERBS]
CAPABILITIES = [(8, 0), (9, 0)]


class Code(NamedTuple):
    """A kernel in PTX: its parameters, its instructions and its text."""

    text: str

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Instructions and labels in order, each with what comes after it on its line."""
        body = self.text[self.text.index("\n{") :]
        return re.findall(r"^[ \t]*(?:@!?%p\d+[ \t]+)?(\$\w+:|[a-z][\w.]*)[ \t]*([^;\n]*)", body, re.M)

    @property
    def instructions(self) -> list[str]:
        """The instructions in order, without operands."""
        return [name for name, _ in self.lines if not name.startswith("$")]

    @property
    def parameters(self) -> list[str]:
        """The types of the parameters."""
        return re.findall(r"\.param \.(\w+)", self.text)

    @property
    def copies(self) -> int:
        """How many times the compiler wrote the formula: one value is stored in each."""
        return self.count(VALUE)

    @property
    def per_pair(self) -> float:
        """How many instructions a pair takes in the shortest of the loops: that of most pairs."""
        return self.per(VALUE)

    def per(self, pattern: str) -> float:
        """How many instructions there are for each that matches, in the shortest of the loops with such."""
        names = [name for name, _ in self.lines]
        back = [(names.index(f"{to}:"), end) for end, (name, to) in enumerate(self.lines) if name.startswith("bra")]
        loops = [[name for name in names[start : end + 1] if not name.startswith("$")] for start, end in back]
        counts = [sum(1 for name in loop if re.fullmatch(pattern, name)) for loop in loops]
        return min(len(loop) / count for loop, count in zip(loops, counts, strict=True) if count)

    def count(self, pattern: str) -> int:
        """How many instructions match as a whole."""
        return sum(1 for name in self.instructions if re.fullmatch(pattern, name))


def compiled(loss: bl.Loss, verb: str, dtype: str, capability: tuple[int, int]) -> Code:
    """The kernel of a loss for a verb."""
    template, *options = VERBS[verb](loss.program.structure)
    return of_template(template, dtype, capability, *options)


@cache
def of_template(template: Callable, dtype: str, capability: tuple[int, int], *options: object) -> Code:
    """The kernel of a template, compiled once."""
    return Code(lowered(template, dtype, *options)(capability))


@cache
def lowered(template: Callable, dtype: str, *options: object) -> Callable[[tuple[int, int]], str]:
    """What makes a kernel for any of the capabilities: most of the compiler's time, for all of them once."""
    return compile.written(template, dtype, CAPABILITIES[0], *options).lower()


def row(name: str, capability: tuple[int, int]) -> str:
    """A line of the table."""
    codes = [compiled(LOSSES[name], verb, dtype, capability) for dtype, verb in COLUMNS]
    return f"| {name} | {' | '.join(f'{code.per_pair:g} / {len(code.instructions)}' for code in codes)} |"


def written_rows() -> dict[str, str]:
    """The lines of the table in the documentation."""
    lines = [line for line in PAGE.read_text().splitlines() if re.match(r"\| .*\| [\d.]+ / \d+ \|", line)]
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines}


def write(rows: list[str]) -> None:
    """Put the lines in the place of those in the documentation."""
    head = "| loss | " + " | ".join(f"{dtype} {verb}" for dtype, verb in COLUMNS) + " |"
    table = "\n".join([head, "|---" + "|---:" * len(COLUMNS) + "|", *rows])
    page, done = re.subn(
        r"(<!-- instructions -->\n).*?(<!-- end -->)", rf"\g<1>\n{table}\n\g<2>", PAGE.read_text(), flags=re.S
    )
    assert done == 1
    PAGE.write_text(page)
