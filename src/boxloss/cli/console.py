"""What commands print: tables on stdout, and on stderr a progress bar while one waits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

UNFOLDED = 1000  # columns: wider than any table


def show(*parts: str | Table) -> None:
    """Print texts and tables as they are, folded to the width of a terminal, but for tables of numbers."""
    console = Console(markup=False, highlight=False, emoji=False)
    unfolded = console.options.update(width=UNFOLDED)
    tables = (part for part in parts if isinstance(part, Table) and any(column.no_wrap for column in part.columns))
    needed = (console.measure(table, options=unfolded).maximum for table in tables)
    console.width = max([console.width, *needed]) if console.is_terminal else UNFOLDED
    for part in parts:
        console.print(part)


def table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """Make a table without rows; columns of numbers stand on the right and are never folded."""
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    for column in numbers:
        made.add_column(column, justify="right", no_wrap=True)
    return made


def count(number: int, noun: str) -> str:
    """Write "1 pair" or "2 pairs"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@contextmanager
def bar() -> Iterator[Progress | None]:
    """Show progress bars on stderr, if it is a terminal; None if it is not."""
    console = Console(stderr=True)
    if not console.is_interactive:
        yield None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        yield shown


@contextmanager
def progress(steps: int) -> Iterator[Callable[[str], None]]:
    """Show a progress bar; call what it gives with the name of each step that begins."""
    with bar() as shown:
        if shown is None:
            yield lambda step: None
            return
        task = shown.add_task("", total=steps)
        begun = 0

        def begin(step: str) -> None:
            nonlocal begun
            shown.update(task, description=step, completed=begun)
            begun += 1

        yield begin
