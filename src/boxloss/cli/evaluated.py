"""What ``boxloss evaluate --out`` writes."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from boxloss.cli import export

if TYPE_CHECKING:
    from boxloss.evaluation import Comparison, Evaluation, Interval


class Written(NamedTuple):
    """One detector or two, and what was asked for beside the numbers."""

    results: "Sequence[Evaluation]"
    bounds: "Mapping[str, Interval] | None"
    compared: "Comparison | None"
    per_category: bool

    def curves(self) -> Iterable[export.Columns]:
        """Make a row for each category, threshold and recall, a part a category and threshold, of the first."""
        result = self.results[0]
        for category, name in result.categories.items():
            for threshold in result.settings.iou_thresholds.tolist():
                curve = result.curve(category, threshold)
                rows = len(curve.recall)
                label = {"category_id": category, "category": name, "iou_threshold": threshold}
                yield {**{key: np.repeat(value, rows) for key, value in label.items()}, **curve._asdict()}

    def numbers(self) -> list[dict[str, Any]]:
        """Make a row for each statistic, and for each category where these are asked for."""
        result, *others = self.results
        rows = []
        for name, value in result.statistics.items():
            row: dict[str, Any] = {"statistic": name, "value": value}
            if others:
                row["against"] = others[0].statistic(name)
            if self.bounds is not None:
                row |= self.bounds[name]._asdict()
            if self.compared is not None and name in self.compared.difference:
                row |= {"difference": self.compared.difference[name], **self.compared.interval[name]._asdict()}
            rows.append(row)
        if self.per_category or self.compared is not None:
            table = result.table() if self.compared is None else self.compared.table()
            columns = {name: np.asarray(column).tolist() for name, column in table.items()}
            rows += [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        return rows


def write_csv(path: Path, written: Written) -> None:
    """Write the curves."""
    export.write_csv(path, written.curves())


def write_parquet(path: Path, written: Written) -> None:
    """Write the curves."""
    export.write_parquet(path, written.curves())


def write_json(path: Path, written: Written) -> None:
    """Write the settings and the numbers, with every digit."""
    used = {"iou_thresholds": written.results[0].settings.iou_thresholds}
    export.write_json(path, written.numbers(), used)


WRITERS: export.Writers = {".csv": write_csv, ".parquet": write_parquet, ".json": write_json}
