"""How far statistics would have come out otherwise for other images: images drawn anew from those that there are.

Matching goes image by image, so a resample only counts each image as often as it was drawn. Boxes of an image that was
drawn twice stand side by side among equal scores.
"""

from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxloss.evaluation.marks import RECALLS, Marks
from boxloss.evaluation.statistics import Settings
from boxloss.evaluation.steps import EPS

LANES = 32  # resamples that are drawn and computed at once
ROUNDING = 1e-12
Floats = NDArray[np.float64]


class Interval(NamedTuple):
    """Where a statistic lies."""

    low: float
    high: float


def interval_of(values: Floats, estimate: float, level: float, images: int) -> Interval:
    """Find the bias-corrected percentile interval of a statistic (Efron, 1987, JASA 82, 171), from those of resamples.

    AP is too high where images are few, and that of a resample, which has fewer different ones, is higher still: the
    middle part of these values lies above where it should. NaN is left out, and of one image there is no interval:
    drawing it anew says nothing of others.
    """
    values = values[~np.isnan(values)]
    if not values.size or images < 2 or np.isnan(estimate):
        return Interval(float("nan"), float("nan"))
    normal, least = NormalDist(), 0.5 / values.size
    same = np.abs(values - estimate) < ROUNDING  # sums of the same numbers in another order
    below = np.mean(~same & (values < estimate)) + 0.5 * np.mean(same)
    bias = normal.inv_cdf(float(np.clip(below, least, 1.0 - least)))
    half = normal.inv_cdf(min(0.5 * (1.0 + level), 1.0 - 1e-15))
    low, high = np.percentile(values, [100.0 * normal.cdf(2.0 * bias + z) for z in (-half, half)]).tolist()
    return Interval(low, high)


def draws(images: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Draw images with replacement: how often each was drawn, shape (images, LANES), for so many resamples at a time.

    The last ones are as many as the others; those beyond `resamples` are of no use.
    """
    for block in range(-(-resamples // LANES)):
        drawn = np.random.default_rng([seed, block]).integers(0, max(images, 1), (LANES, images))
        counts = np.bincount((drawn + images * np.arange(LANES)[:, None]).reshape(-1), minlength=images * LANES)
        yield np.ascontiguousarray(counts.reshape(LANES, images).T, np.float64)


def resampled(
    marks: Marks, settings: Settings, names: Sequence[str], weights: Sequence[Floats], engine: str
) -> dict[str, Floats]:
    """Compute statistics of each category for weighted images.

    Parameters
    ----------
    marks
        What matching found.
    settings
        Those of the matching.
    names
        The statistics.
    weights
        How often each image counts, arrays of shape (images, LANES).
    engine
        ``"numba"`` or ``"array"``.

    Returns
    -------
    dict
        For each name an array of shape (LANES * len(weights), K).
    """
    statistics = {name: settings.statistic(name) for name in names}
    T, K = len(settings.iou_thresholds), len(marks.start) - 1
    found: dict[str, Floats] = {name: np.empty((LANES * len(weights), K)) for name in names}
    for area, most in sorted({(one.area, one.most) for one in statistics.values()}):
        chosen = {name: one for name, one in statistics.items() if (one.area, one.most) == (area, most)}

        def task(first: int, last: int, area: int = area, most: int = most, chosen: Any = chosen) -> None:
            for block in range(first, last):
                run = _by_numba if engine == "numba" else _by_numpy
                means = run(marks, area, settings.max_detections[most], weights[block], T)
                rows = slice(block * LANES, (block + 1) * LANES)
                for name, one in chosen.items():
                    found[name][rows] = means[one.kind][:, one.thresholds].mean(axis=1).T

        if engine == "numba":
            from boxloss.engines.threads import split_work

            split_work(task, len(weights), 1, widen=False)
        else:
            task(0, len(weights))
    return found


def _by_numba(marks: Marks, area: int, most: int, weights: Floats, T: int) -> dict[str, Floats]:
    """Compute mean precision and recall of each category and threshold, shape (K, T, LANES)."""
    from boxloss.engines.numba.compile import compiled
    from boxloss.evaluation import kernels

    kernel = compiled(kernels.resample, np.dtype(np.float64), LANES)
    shape = (len(marks.start) - 1, T, LANES)
    precision, recall = np.empty(shape), np.empty(shape)
    found = (marks.start, marks.image, marks.turn, marks.right[area], marks.ignored[area])
    truth = (marks.truth_start, marks.truth_image, marks.truth_ignored[area])
    room = kernels.room_of_resample(T, LANES, int(np.diff(marks.start).max(initial=0)))
    kernel(*found, *truth, RECALLS, most, weights.reshape(-1), *room, precision, recall)
    return {"ap": precision, "ar": recall}


def _by_numpy(marks: Marks, area: int, most: int, weights: Floats, T: int) -> dict[str, Floats]:
    """Compute the same, of whole columns at once."""
    K, bits = len(marks.start) - 1, np.arange(T)
    precision, recall = np.full((K, T, LANES), np.nan), np.full((K, T, LANES), np.nan)
    everything = (1 << T) - 1
    for k in range(K):
        truths, rows = slice(*marks.truth_start[k : k + 2]), slice(*marks.start[k : k + 2])
        annotations = weights[marks.truth_image[truths][~marks.truth_ignored[area, truths]]].sum(axis=0)
        seen = (marks.turn[rows] < most) & (marks.ignored[area, rows] != everything)
        weight = weights[marks.image[rows][seen]]
        right = (marks.right[area, rows][seen][:, None] >> bits & 1).astype(np.float64)
        wrong = 1.0 - right - (marks.ignored[area, rows][seen][:, None] >> bits & 1)
        zero = np.zeros((1, T, LANES))  # before the first detection
        found = np.concatenate([zero, np.cumsum(weight[:, None] * right[:, :, None], axis=0)])
        others = np.concatenate([zero, np.cumsum(weight[:, None] * wrong[:, :, None], axis=0)])
        best = np.maximum.accumulate((found / (found + others + EPS))[::-1])[::-1]
        share = found / np.maximum(annotations, 1.0)
        reached = np.searchsorted(RECALLS[1:], share, side="right")
        total = best[0] + np.sum(best[1:] * np.diff(reached, axis=0), axis=0)
        precision[k], recall[k] = (
            np.where(annotations > 0.0, values, np.nan) for values in (total / len(RECALLS), share[-1])
        )
    return {"ap": precision, "ar": recall}
