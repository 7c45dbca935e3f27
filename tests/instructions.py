"""CUDA kernels as PTX, and the table in docs/cuda.md of how many instructions a pair takes."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from boxloss.engines.cuda_kinds import Elementwise, Pairwise

import boxloss as bl
from boxloss.engines import cuda, cuda_compile, cuda_kernels

PAGE = Path(__file__).parent.parent / "docs" / "cuda.md"
XYXY = ("xyxy", "xyxy")
VALUE = r"st\.global\.f(32|64)"  # the store of a value
TEMPLATES = {
    "value": ("elementwise", Elementwise(XYXY, False, False, False, False, aligned=True)),
    "value and gradient": ("elementwise", Elementwise(XYXY, True, False, False, False, aligned=True)),
    "pairwise": ("pairwise", Pairwise(XYXY, aligned=True, rows=32, threads=64)),
}
LOSSES = {
    **{name: bl.get(name) for name in bl.losses()},
    "iou_score": bl.iou_score,
    "ciou, full gradient": bl.CIoU(full_gradient=True),
    "5 l1 + 2 giou": 5.0 * bl.L1(coordinates="cxcywh") + 2.0 * bl.GIoU(),
}
COLUMNS = [(dtype, verb) for dtype in ("float32", "float64") for verb in TEMPLATES]
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
        names = [name for name, _ in self.lines]
        back = [(names.index(f"{to}:"), end) for end, (name, to) in enumerate(self.lines) if name.startswith("bra")]
        loops = [[name for name in names[start : end + 1] if not name.startswith("$")] for start, end in back]
        stores = [sum(1 for name in loop if re.fullmatch(VALUE, name)) for loop in loops]
        return min(len(loop) / count for loop, count in zip(loops, stores, strict=True) if count)

    def count(self, pattern: str) -> int:
        """How many instructions match as a whole."""
        return sum(1 for name in self.instructions if re.fullmatch(pattern, name))


def compiled(loss: bl.Loss, verb: str, dtype: str, capability: tuple[int, int]) -> Code:
    """The kernel of a loss for a verb."""
    template, kind = TEMPLATES[verb]
    return of_kind(template, loss, dtype, kind, capability)


@cache
def of_kind(template: str, loss: bl.Loss, dtype: str, kind: object, capability: tuple[int, int]) -> Code:
    """The kernel of a template, compiled once."""
    return Code(lowered(template, loss, dtype, kind)(capability))


@cache
def lowered(template: str, loss: bl.Loss, dtype: str, kind: object) -> Callable[[tuple[int, int]], str]:
    """What makes a kernel for any of the capabilities: most of the compiler's time, for all of them once."""
    return cuda_compile.lower(getattr(cuda_kernels, template), loss, dtype, kind, CAPABILITIES[0])


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


assert TEMPLATES["pairwise"][1][2:] == (cuda.TILE_ROWS, cuda.TILE_THREADS)
