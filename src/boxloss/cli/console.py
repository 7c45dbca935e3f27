"""What commands print: tables on stdout, and on stderr a progress bar while one waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import TYPE_CHECKING

import click
from rich import box
from rich.console import Console
from rich.table import Table as Drawn

from boxloss.cli.tables import Table
from boxloss.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress

UNFOLDED = 1000  # columns: wider than any table


def show(*parts: str | Table) -> None:
    """Print texts and tables, folded to the width of a terminal, but for tables of numbers.

    What a terminal would obey, or its encoding lacks, is printed as an escape.
    """
    console = Console(markup=False, highlight=False, emoji=False)
    unfolded = console.options.update(width=UNFOLDED)
    drawn = [_drawn(part, console.encoding) for part in parts]
    tables = [made for made, part in zip(drawn, parts, strict=True) if isinstance(part, Table) and part.numbers]
    needed = (console.measure(made, options=unfolded).maximum for made in tables)
    console.width = max([console.width, *needed]) if console.is_terminal else UNFOLDED
    for made in drawn:
        console.print(made)


def _drawn(part: str | Table, encoding: str) -> str | Drawn:
    """Make what rich prints: numbers stand on the right and are never folded."""
    if isinstance(part, str):
        return "\n".join(printable(line, encoding) for line in part.split("\n"))
    made = Drawn(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, show_header=any(part.header))
    for name in part.texts:
        made.add_column(name, overflow="fold")
    for name in part.numbers:
        made.add_column(name, justify="right", no_wrap=True)
    for row, following in zip_longest(part.rows, part.rows[1:]):
        ends = part.grouped and (following is None or following[0] != row[0])
        made.add_row(*(printable(cell, encoding) for cell in row), end_section=ends)
    return made


def count(number: int, noun: str) -> str:
    """Write "1 pair" or "2 pairs"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def tell(line: str) -> None:
    """Say on stderr how far a command is."""
    click.echo(f"boxloss: {printable(line)}", err=True)


@contextmanager
def bar() -> "Iterator[Progress | None]":
    """Show progress bars on stderr, if it is a terminal; None if it is not."""
    console = Console(stderr=True)
    if not console.is_interactive:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        yield shown


class Steps:
    """The steps of a command: call it with the name of each that begins.

    Attributes
    ----------
    total
        How many there are; it may turn out on the way.
    """

    def __init__(self, total: int, shown: "Progress | None", lines: bool) -> None:
        self.total, self._shown, self._lines, self._begun = total, shown, lines, 0
        self._task = None if shown is None else shown.add_task("", total=total)

    def __call__(self, step: str) -> None:
        """Say that a step begins."""
        if self._shown is not None and self._task is not None:
            self._shown.update(self._task, description=step, completed=self._begun, total=self.total)
        self._begun += 1
        if self._shown is None and self._lines:
            tell(f"{self._begun} of {self.total}: {step}")


@contextmanager
def progress(steps: int, *, lines: bool = False) -> Iterator[Steps]:
    """Show a progress bar; call what it gives with the name of each step that begins.

    Where stderr is no terminal, as in the log of a job, there is nothing, or with `lines` a line for each step.
    """
    with bar() as shown:
        yield Steps(steps, shown, lines)
