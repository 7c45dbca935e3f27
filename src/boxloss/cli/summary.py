"""What ``boxloss score`` prints."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxloss.cli import console
from boxloss.cli.inputs import Matched
from boxloss.cli.tables import Table, cell

Floats = NDArray[np.float64]
NUMBERS = ("pairs", "mean", "p5", "p50", "p95", "Spearman with IoU")


class Summary(NamedTuple):
    """A loss over many pairs; NaN is what cannot be said of so few."""

    pairs: int
    mean: float = math.nan
    p5: float = math.nan
    p50: float = math.nan
    p95: float = math.nan
    spearman: float = math.nan

    def cells(self) -> list[str]:
        """Return the summary as text."""
        return [str(self.pairs), *map(cell, self[1:])]


def summarise(values: Floats, iou: Floats) -> Summary:
    """Summarise the values of a loss."""
    from boxloss.lab.correlation import rank_correlation  # here, since commands without it need no lab

    if not len(values):
        return Summary(0)
    with np.errstate(over="ignore", invalid="ignore"):  # the losses of huge boxes are infinite
        p5, p50, p95 = np.percentile(values, (5, 50, 95)).tolist()
        return Summary(len(values), float(values.mean()), p5, p50, p95, rank_correlation(values, iou))


def headline(matched: Matched) -> str:
    """Say what was matched."""
    text = (
        f"{console.count(len(matched.matches), 'pair')} of "
        f"{console.count(len(matched.detections.score), 'detection')} and "
        f"{console.count(int(np.sum(~matched.truth.crowd)), 'annotation')} at an IoU of "
        f"{matched.iou_threshold:g} or more"
    )
    ignored = len(matched.matches.ignored)
    crowds = [f"{console.count(ignored, 'detection')} in crowds ignored"] if ignored else []
    return "; ".join([text, *crowds, *matched.remarks()])


def overall(summaries: Mapping[str, Summary]) -> Table:
    """Make a row for each loss."""
    return Table(("loss",), NUMBERS, [[name, *summary.cells()] for name, summary in summaries.items()])


def by_category(
    values: Mapping[str, Floats], iou: Floats, category_id: NDArray[np.int64], categories: Mapping[int, str]
) -> Table:
    """Make a row for each category and loss."""
    rows = []
    for category, category_name in categories.items():
        inside = category_id == category
        for name, column in values.items():
            rows.append([category_name, name, *summarise(column[inside], iou[inside]).cells()])
    return Table(("category", "loss"), NUMBERS, rows, grouped=True)
