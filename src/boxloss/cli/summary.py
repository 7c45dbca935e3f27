"""What ``boxloss score`` prints."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxloss.cli import console
from boxloss.cli.tables import Table, cell
from boxloss.coco import Detections, GroundTruth, Matches

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
    if not len(values):
        return Summary(0)
    p5, p50, p95 = np.percentile(values, (5, 50, 95)).tolist()
    return Summary(len(values), float(values.mean()), p5, p50, p95, rank_correlation(values, iou))


def rank_correlation(a: Floats, b: Floats) -> float:
    """Return Spearman's rank correlation; NaN for fewer than two numbers and where either is constant."""
    from scipy.stats import spearmanr  # here, since the import takes longer than all else does on a small file

    if len(a) < 2 or np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return math.nan
    return float(spearmanr(a, b).statistic)


def headline(truth: GroundTruth, detections: Detections, matches: Matches, iou_threshold: float) -> str:
    """Say what was matched."""
    text = (
        f"{console.count(len(matches), 'pair')} of {console.count(len(detections.score), 'detection')} and "
        f"{console.count(int(np.sum(~truth.crowd)), 'annotation')} at an IoU of {iou_threshold:g} or more"
    )
    ignored = len(matches.ignored)
    return f"{text}; {console.count(ignored, 'detection')} in crowds ignored" if ignored else text


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
