"""The names of statistics, as ``ap50`` and ``ar_small``, and what each is a mean of."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxloss.evaluation.marks import Curves

Floats = NDArray[np.float64]
MAIN = ("ap", "ap50", "ap75")
NAME = re.compile(r"(ap|ar)(\d\d)?(?:_(.+))?")


class Settings(NamedTuple):
    """What is evaluated.

    Attributes
    ----------
    iou_thresholds : shape (T,)
        The lowest IoUs of a match.
    areas
        Ranges of areas by their names, of which the first is ``"all"``.
    max_detections
        So many detections of an image and category count, rising.
    """

    iou_thresholds: Floats
    areas: dict[str, tuple[float, float]]
    max_detections: tuple[int, ...]

    @property
    def names(self) -> list[str]:
        """The names of all statistics: the twelve of COCO's, as far as the settings have what they need."""
        thresholds = [f"ap{t}" for t in (50, 75) if self._thresholds(t).size]
        sizes = [area for area in self.areas if area != "all"]
        recalls = [f"ar_{most}" for most in self.max_detections]
        return ["ap", *thresholds, *(f"ap_{a}" for a in sizes), *recalls, *(f"ar_{a}" for a in sizes)]

    def chosen(self, names: Sequence[str] | str | None) -> list[str]:
        """Return names as a list: of a single one too, and for None those of `MAIN` that there are."""
        if names is None:
            return [name for name in MAIN if name in self.names]
        return [names] if isinstance(names, str) else list(names)

    def statistic(self, name: str) -> "Statistic":
        """Find what a name stands for.

        Raises
        ------
        ValueError
            If it stands for nothing, or the settings lack what it needs.
        """
        found = NAME.fullmatch(name)
        if found is None:
            raise ValueError(f"{name!r} is no statistic: there are {', '.join(self.names)}")
        kind, percent, rest = found.groups()
        which = np.arange(len(self.iou_thresholds)) if percent is None else self._thresholds(int(percent))
        areas, last = list(self.areas), len(self.max_detections) - 1
        if not which.size:
            raise ValueError(f"{name} needs {int(percent) / 100:g} among iou_thresholds")
        if rest is None and kind == "ap":
            return Statistic(kind, 0, last, which)
        if rest in areas:
            return Statistic(kind, areas.index(rest), last, which)
        if kind == "ar" and rest is not None and rest.isdecimal():
            if int(rest) in self.max_detections:
                return Statistic(kind, 0, self.max_detections.index(int(rest)), which)
            raise ValueError(f"{name} needs {rest} among max_detections; got {self.max_detections}")
        raise ValueError(f"{name!r} is no statistic: there are {', '.join(self.names)}")

    def _thresholds(self, percent: int) -> NDArray[np.int64]:
        return np.flatnonzero(np.abs(self.iou_thresholds - percent / 100) < 1e-9)


class Statistic(NamedTuple):
    """Mean precision or recall: for one range of areas and number of detections, over some thresholds."""

    kind: str
    area: int
    most: int
    thresholds: NDArray[np.int64]

    def of(self, curves: Curves, categories: slice = slice(None)) -> float:
        """Return it, over the categories that have annotations; NaN if none has.

        In the order of COCO's evaluation, since the last bit of a mean depends on it.
        """
        if self.kind == "ap":
            values = curves.precision[categories, self.area, self.most][:, self.thresholds].transpose(1, 2, 0)
        else:
            values = curves.recall[categories, self.area, self.most][:, self.thresholds].transpose(1, 0)
        values = values[~np.isnan(values)]
        return float(np.mean(values)) if values.size else float("nan")

    def by_category(self, curves: Curves) -> Floats:
        """Return it for each category."""
        return np.array([self.of(curves, slice(k, k + 1)) for k in range(len(curves.recall))])


def mean_of_categories(values: Floats) -> Floats:
    """Return the means over the last axis, of those that are not NaN; NaN where all are."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        means: Any = np.where(there, values, 0.0).sum(axis=-1) / there.sum(axis=-1)
    return np.asarray(means)
