"""Two detectors on the same images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxloss.evaluation.bootstrap import Interval, draws, interval_of, resampled
from boxloss.evaluation.parts import Parts
from boxloss.evaluation.statistics import Floats, Settings, mean_of_categories


@dataclass(frozen=True, eq=False)
class Comparison:
    """Differences of two detectors on the same images; `Evaluation.compare` makes it.

    Attributes
    ----------
    difference
        For each statistic the value of the one minus that of the other.
    interval
        For each statistic where the difference lies, by a paired bootstrap; NaN if there is one image. One that
        is all above or all below 0 is no accident of the images.
    categories
        Names by id of the categories that have ground truth.
    by_category
        For each statistic the difference of each category, and its interval; NaN if one image alone has the category.
    """

    difference: dict[str, float]
    interval: dict[str, Interval]
    categories: dict[Any, str]
    by_category: dict[str, tuple[Floats, list[Interval]]]

    def table(self, name: str = "ap") -> dict[str, Any]:
        """Return the difference of a statistic for each category, as columns, the largest gain first.

        Parameters
        ----------
        name
            One of the statistics that were compared.

        Returns
        -------
        dict
            Columns `category_id`, `category`, `difference`, `low` and `high`.
        """
        if name not in self.by_category:
            raise ValueError(f"{name!r} was not compared: there are {', '.join(map(repr, self.by_category))}")
        difference, intervals = self.by_category[name]
        order = np.argsort(-difference, kind="stable")
        names = list(self.categories.values())
        return {
            "category_id": np.array(list(self.categories))[order],
            "category": [names[k] for k in order.tolist()],
            "difference": difference[order],
            "low": np.array([one.low for one in intervals])[order],
            "high": np.array([one.high for one in intervals])[order],
        }


def compare(one: Parts, other: Parts, level: float, names: Sequence[str], resamples: int, seed: int) -> Comparison:
    """Compare both on resamples of the images that either of them has."""
    _check_same(one, other)
    images = np.union1d(one.arranged.images, other.arranged.images)
    weights = list(draws(len(images), resamples, seed))
    ids = np.unique(_category_of_truth(one))
    engine = "numba" if "numba" in (one.engine, other.engine) else one.engine
    points, values, counts = [], [], _images_of_each(one)[np.isin(one.arranged.categories, ids)]
    for side in (one, other):
        places = np.searchsorted(images, side.arranged.images)
        own = [np.ascontiguousarray(block[places]) for block in weights]
        kept = np.flatnonzero(np.isin(np.array(list(side.categories)), ids))
        found = resampled(side.marks, side.settings, names, own, engine)
        values.append({name: columns[:resamples, kept] for name, columns in found.items()})
        statistics = {name: side.settings.statistic(name) for name in names}
        points.append({name: (s.of(side.curves), s.by_category(side.curves)[kept]) for name, s in statistics.items()})
    difference, interval, by_category = {}, {}, {}
    for name in names:
        mine, theirs = (side[name] for side in values)
        (total, each), (other_total, other_each) = (side[name] for side in points)
        difference[name], differences = total - other_total, each - other_each
        gain = mean_of_categories(mine) - mean_of_categories(theirs)
        interval[name] = interval_of(gain, difference[name], level, len(images))
        gains = zip((mine - theirs).T, differences.tolist(), counts.tolist(), strict=True)
        by_category[name] = differences, [interval_of(gain, own, level, count) for gain, own, count in gains]
    return Comparison(difference, interval, {key: one.categories[key] for key in ids.tolist()}, by_category)


def _images_of_each(side: Parts) -> NDArray[np.int64]:
    """Return for each category in how many images it has annotations that are no crowds."""
    truth, categories = side.arranged.truth, len(side.arranged.categories)
    category = np.repeat(np.arange(categories), np.diff(truth.start))
    pairs = np.unique(np.stack([category, truth.image])[:, ~side.arranged.crowd], axis=1)
    return np.bincount(pairs[0], minlength=categories)


def _category_of_truth(side: Parts) -> NDArray[Any]:
    """Return the ids of the categories of all annotations."""
    return np.repeat(side.arranged.categories, np.diff(side.arranged.truth.start))


def _check_same(one: Parts, other: Parts) -> None:
    mine, theirs = one.settings, other.settings
    for name in Settings._fields:
        if not np.array_equal(getattr(mine, name), getattr(theirs, name)):
            raise ValueError(f"both must be evaluated with the same {name}")
    columns = []
    for side in (one, other):
        a = side.arranged
        columns.append((a.images[a.truth.image], _category_of_truth(side), a.truth.box, a.crowd, a.area))
    if not all(map(np.array_equal, *columns)):
        raise ValueError("both must be evaluated with the same ground truth")
