"""What ``boxloss evaluate`` prints, and the line on average precision of ``boxloss score``."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from boxloss.cli import console
from boxloss.cli.tables import Table
from boxloss.coco import Detections, GroundTruth

if TYPE_CHECKING:
    from boxloss.evaluation import Comparison, Evaluation, Interval

INTERVALS = "intervals of 95 %, {} resamples of the images"


def cell(value: float) -> str:
    """Write a precision: "-" if there is none."""
    return "-" if np.isnan(value) else f"{value:.4f}"


def signed(value: float) -> str:
    """Write a difference."""
    return "-" if np.isnan(value) else f"{value:+.4f}"


def size(result: "Evaluation", truth: GroundTruth, found: Detections, most: int) -> str:
    """Say what was evaluated."""
    parts = [
        f"{console.count(len(found.score), 'detection')} and "
        f"{console.count(int(np.sum(~truth.crowd)), 'annotation')} in {console.count(len(result.images), 'image')}"
    ]
    if result.unseen:
        unseen = console.count(result.unseen, "detection")
        parts.append(f"{unseen} past the first {most} of an image and category not looked at (--max-detections)")
    if left_out := truth.left_out + found.left_out:
        parts.append(f"{console.count(left_out, 'record')} left out")
    return "; ".join(parts)


def overall(result: "Evaluation", bounds: "Mapping[str, Interval] | None" = None) -> Table:
    """Make a row for each statistic."""
    rows = []
    for name, value in result.statistics.items():
        interval = [] if bounds is None else [cell(end) for end in bounds[name]]
        rows.append([*labels(result, name), cell(value), *interval])
    return Table(("statistic", "IoU", "area"), ("detections", "value", *(("low", "high") if bounds else ())), rows)


def labels(result: "Evaluation", name: str) -> list[str]:
    """Return the name of a statistic, and what it is a mean of."""
    settings = result.settings
    statistic = settings.statistic(name)
    thresholds = settings.iou_thresholds[statistic.thresholds]
    span = f"{thresholds[0]:.2f}" + (f" to {thresholds[-1]:.2f}" if len(thresholds) > 1 else "")
    return [name, span, list(settings.areas)[statistic.area], str(settings.max_detections[statistic.most])]


def by_category(result: "Evaluation") -> Table:
    """Make a row for each category."""
    table = result.table()
    shown = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large", f"ar_{result.settings.max_detections[-1]}")
    names = [name for name in shown if name in table]
    rows = [
        [name, str(table["annotations"][k]), str(table["detections"][k]), *(cell(table[column][k]) for column in names)]
        for k, name in enumerate(table["category"])
    ]
    return Table(("category",), ("annotations", "detections", *names), rows)


def differences(one: "Evaluation", other: "Evaluation", compared: "Comparison") -> Table:
    """Make a row for each statistic that was compared."""
    rows = [
        [
            name,
            *(cell(result.statistic(name)) for result in (one, other)),
            signed(compared.difference[name]),
            *map(signed, compared.interval[name]),
        ]
        for name in compared.difference
    ]
    return Table(("statistic",), ("value", "against", "difference", "low", "high"), rows)


def categories_that_differ(compared: "Comparison", of_all: bool) -> Table | str:
    """Make a row for each category whose interval leaves out 0, or for each category."""
    table = compared.table()
    differs = (table["low"] > 0.0) | (table["high"] < 0.0)
    rows = [
        [table["category"][k], *(signed(table[key][k]) for key in ("difference", "low", "high"))]
        for k in range(len(differs))
        if of_all or differs[k]
    ]
    if not rows:
        return "no category has an interval of AP that leaves out 0"
    return Table(("category",), ("difference of AP", "low", "high"), rows)


def line(result: "Evaluation", resamples: int) -> str:
    """Say the average precision in one line."""
    bounds = result.interval(resamples=resamples)
    texts = []
    for name, (low, high) in bounds.items():
        value = result.statistic(name)
        texts.append(f"{name.upper()} {cell(value)}" + ("" if np.isnan(value) else f" ({cell(low)} to {cell(high)})"))
    return f"{', '.join(texts)}; {INTERVALS.format(resamples)}"
