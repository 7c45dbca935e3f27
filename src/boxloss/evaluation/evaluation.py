"""What an evaluation found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxloss.evaluation.bootstrap import Interval, draws, interval_of, resampled
from boxloss.evaluation.comparison import Comparison, compare
from boxloss.evaluation.marks import RECALLS
from boxloss.evaluation.parts import Parts
from boxloss.evaluation.statistics import Floats, Settings, mean_of_categories

RESAMPLES = 1000


class Curve(NamedTuple):
    """Precision over recall, of one category and threshold.

    Attributes
    ----------
    recall, precision : shape (101,)
        The highest precision at each recall or beyond it; 0 where no detection gets so far.
    score : shape (101,)
        The score down to which detections reach the recall; 0 where none does.
    """

    recall: Floats
    precision: Floats
    score: Floats


def _statistic(name: str, text: str) -> Any:
    """Make a property that is a statistic."""
    return property(lambda self: self.statistic(name), doc=f"{text}; NaN where there is no ground truth.")


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """Mean average precision and recall of detections; `boxloss.evaluate` makes it."""

    _parts: Parts

    ap = _statistic("ap", "Average precision: the mean over all thresholds, recalls and categories")
    ap50 = _statistic("ap50", "Average precision at an IoU of 0.5")
    ap75 = _statistic("ap75", "Average precision at an IoU of 0.75")
    ap_small = _statistic("ap_small", "Average precision of small objects")
    ap_medium = _statistic("ap_medium", "Average precision of medium objects")
    ap_large = _statistic("ap_large", "Average precision of large objects")
    ar_1 = _statistic("ar_1", "Average recall with 1 detection of each image and category")
    ar_10 = _statistic("ar_10", "Average recall with up to 10 detections of each image and category")
    ar_100 = _statistic("ar_100", "Average recall with up to 100 detections of each image and category")
    ar_small = _statistic("ar_small", "Average recall of small objects")
    ar_medium = _statistic("ar_medium", "Average recall of medium objects")
    ar_large = _statistic("ar_large", "Average recall of large objects")

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={self.statistic(name):.4f}" for name in self.settings.names[:3])
        return f"Evaluation({values}, images={len(self.images)}, categories={len(self.categories)})"

    @property
    def settings(self) -> Settings:
        """What was asked for: `iou_thresholds`, `areas` and `max_detections`."""
        return self._parts.settings

    @property
    def categories(self) -> dict[Any, str]:
        """Names of the categories by id, rising."""
        return self._parts.categories

    @property
    def images(self) -> NDArray[Any]:
        """Ids of all images, rising."""
        return self._parts.arranged.images

    @property
    def unseen(self) -> int:
        """The number of detections that were not looked at, past the highest scores of their image and category."""
        return int(np.sum(self._parts.marks.turn >= self.settings.max_detections[-1]))

    @property
    def statistics(self) -> dict[str, float]:
        """All statistics by name: COCO's twelve, by default."""
        return {name: self.statistic(name) for name in self.settings.names}

    def statistic(self, name: str) -> float:
        """Return a statistic by its name.

        Parameters
        ----------
        name
            ``"ap"`` or ``"ar"``, at one threshold as ``"ap60"``, of a range of areas as ``"ap_small"``, and of a number
            of detections as ``"ar_10"``.

        Returns
        -------
        float
            Its value; NaN where there is no ground truth.

        Raises
        ------
        ValueError
            If there is none of that name, or `boxloss.evaluate` was not asked for what it needs.
        """
        return self.settings.statistic(name).of(self._parts.curves)

    @property
    def precision(self) -> Floats:
        """Precision at recalls 0, 0.01, ..., 1, shape (T, 101, K, A, M); NaN where there is no ground truth.

        By threshold, recall, category, range of areas and number of detections, as in pycocotools, which has -1 for
        NaN.
        """
        return self._parts.curves.precision.transpose(3, 4, 0, 1, 2)

    @property
    def recall(self) -> Floats:
        """The highest recall, shape (T, K, A, M); NaN where there is no ground truth."""
        return self._parts.curves.recall.transpose(3, 0, 1, 2)

    @property
    def scores(self) -> Floats:
        """The scores at which recalls are reached, shape (T, 101, K, A, M); NaN where there is no ground truth."""
        return self._parts.curves.scores.transpose(3, 4, 0, 1, 2)

    def curve(self, category: Any, iou: float = 0.5, *, area: str = "all") -> Curve:
        """Return the precision-recall curve of a category, with the largest number of detections.

        Parameters
        ----------
        category
            The id of the category.
        iou
            One of the thresholds.
        area
            The name of a range of areas.

        Returns
        -------
        Curve
            Recall, precision and score; NaN if the category has no ground truth.

        Raises
        ------
        ValueError
            If there is no such category, threshold or range.
        """
        thresholds, areas, known = self.settings.iou_thresholds, list(self.settings.areas), list(self.categories)
        at = np.flatnonzero(np.abs(thresholds - iou) < 1e-9)
        if category not in known:
            raise ValueError(f"category must be an id, {_told(self.categories)}; got {category!r}")
        if not at.size:
            raise ValueError(f"iou must be one of iou_thresholds, {thresholds.round(9).tolist()}; got {iou!r}")
        if area not in areas:
            raise ValueError(f"area must be one of {', '.join(map(repr, areas))}; got {area!r}")
        place = known.index(category), areas.index(area), -1, int(at[0])
        return Curve(
            RECALLS.copy(), self._parts.curves.precision[place].copy(), self._parts.curves.scores[place].copy()
        )

    def table(self, per: str = "category") -> dict[str, Any]:
        """Return the statistics of each category, as columns that any library of tables takes.

        Parameters
        ----------
        per
            ``"category"``; or ``"iou"``, for the average precision and recall at each threshold.

        Returns
        -------
        dict
            Columns by name: ids or thresholds first, numbers of annotations and detections, and all statistics.
        """
        if per == "iou":
            last = len(self.settings.max_detections) - 1
            precision, recall = (
                self._parts.curves.precision[:, 0, last].mean(axis=-1),
                self._parts.curves.recall[:, 0, last],
            )
            means = {"ap": mean_of_categories(precision.T), "ar": mean_of_categories(recall.T)}
            return {"iou": self.settings.iou_thresholds.copy(), **means}
        if per != "category":
            raise ValueError(f"per must be 'category' or 'iou'; got {per!r}")
        marks = self._parts.marks
        counted = np.concatenate([[0], np.cumsum(~self._parts.arranged.crowd)])[marks.truth_start]
        statistics = {
            name: self.settings.statistic(name).by_category(self._parts.curves) for name in self.settings.names
        }
        counts = {"annotations": np.diff(counted), "detections": np.diff(marks.start)}
        ids = {"category_id": np.array(list(self.categories)), "category": list(self.categories.values())}
        return {**ids, **counts, **statistics}

    def interval(
        self,
        level: float = 0.95,
        names: Sequence[str] | str | None = None,
        *,
        resamples: int = RESAMPLES,
        seed: int = 0,
    ) -> dict[str, Interval]:
        """Compute a bootstrap confidence interval of statistics: where they would lie for all images of the same kind.

        The images are drawn anew with replacement, `resamples` times, and what comes out makes a bias-corrected
        percentile interval (Efron, "Better Bootstrap Confidence Intervals", JASA 1987). Matching is not repeated.

        Parameters
        ----------
        level
            How sure it is to be, between 0 and 1.
        names
            Names of statistics, as of `statistic`; by default ``ap``, ``ap50`` and ``ap75``, of these what the
            `iou_thresholds` have.
        resamples
            How often images are drawn.
        seed
            Another seed draws others.

        Returns
        -------
        dict
            For each name `low` and `high`; NaN where there is no ground truth, or one image alone.

        Notes
        -----
        Where categories have few images, AP is too high by itself, and resamples say only in part by how much: the page
        "From a loss to mAP" has figures. What differs between two detectors on the same images is not too high.
        """
        check_bootstrap(level, resamples)
        names = self.settings.chosen(names)
        weights = list(draws(len(self.images), resamples, seed))
        values = resampled(self._parts.marks, self.settings, names, weights, self._parts.engine)
        means = {name: mean_of_categories(found[:resamples]) for name, found in values.items()}
        return {
            name: interval_of(found, self.statistic(name), level, len(self.images)) for name, found in means.items()
        }

    def compare(
        self,
        other: "Evaluation",
        level: float = 0.95,
        names: Sequence[str] | str | None = None,
        *,
        resamples: int = RESAMPLES,
        seed: int = 0,
    ) -> Comparison:
        """Compare two detectors on the same images: this one minus the other.

        Both are evaluated on the same resamples, so what makes images hard or easy for both does not blur the
        difference.

        Parameters
        ----------
        other
            The evaluation of the other detector, with the same ground truth and settings.
        level, names, resamples, seed
            As of `interval`.

        Returns
        -------
        Comparison
            Differences and their intervals, overall and by category.

        Raises
        ------
        ValueError
            If ground truth or settings differ.
        """
        check_bootstrap(level, resamples)
        if not isinstance(other, Evaluation):
            raise TypeError(f"other must be an Evaluation, as boxloss.evaluate returns it; got {type(other).__name__}")
        return compare(self._parts, other._parts, level, self.settings.chosen(names), resamples, seed)


def check_bootstrap(level: float, resamples: int) -> None:
    """Check the options of a bootstrap."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be between 0 and 1; got {level!r}")
    if isinstance(resamples, bool) or not isinstance(resamples, int) or resamples < 1:
        raise ValueError(f"resamples must be a whole number above 0; got {resamples!r}")


def _told(categories: dict[Any, str], most: int = 8) -> str:
    """Write the first ids, each with its name where it has one."""
    if not categories:
        return "of which there are none"
    told = [f"{key!r} ({name})" if name != str(key) else repr(key) for key, name in list(categories.items())[:most]]
    more = f" and {len(categories) - most} more" if len(categories) > most else ""
    return ", ".join(told) + more
