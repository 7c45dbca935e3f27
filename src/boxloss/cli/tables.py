"""Results as tables: the rows that the terminal and the report show."""

import math
from collections.abc import Sequence
from typing import NamedTuple


class Table(NamedTuple):
    """Rows of cells under columns of text, then columns of numbers.

    Attributes
    ----------
    texts, numbers
        Headers of both kinds of columns.
    rows
        The cells of each row.
    grouped
        Whether rows with the same first cell belong together.
    """

    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    grouped: bool = False

    @property
    def header(self) -> tuple[str, ...]:
        """The headers of all columns."""
        return self.texts + self.numbers

    def column(self, header: str) -> list[str]:
        """Return the cells under a header."""
        place = self.header.index(header)
        return [row[place] for row in self.rows]


def cell(value: float) -> str:
    """Write a number: "-" if there is none."""
    return "-" if math.isnan(value) else f"{value:.4g}"


def percent(value: float) -> str:
    """Write a share as a percentage."""
    return f"{100 * value:.1f} %"
