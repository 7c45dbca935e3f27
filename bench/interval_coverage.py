"""How many intervals of AP have the AP that they are of, on simulated sets: ``python bench/interval_coverage.py``.

It prints the table of the section "How sure is it?" of docs/from-loss-to-map.md, in some minutes.
"""

from typing import Any

import numpy as np

import boxloss as bl
from boxloss.evaluation.bootstrap import draws, interval_of, resampled
from boxloss.evaluation.statistics import mean_of_categories

IMAGES, SAMPLES, RESAMPLES = 20_000, 80, 300
SIZES = ((200, 3), (100, 20), (500, 80), (100, 80))  # images of a sample, and categories

Columns = dict[str, Any]


def population(rng: np.random.Generator, categories: int) -> tuple[Columns, Columns]:
    """All images: boxes of categories of which the k-th has 1 / k of the boxes of the first, and a detector's."""
    share = 1.0 / np.arange(1, categories + 1)
    share /= share.sum()

    def boxes(mean: float) -> tuple[Any, Any, Any]:
        image = np.repeat(np.arange(IMAGES), rng.poisson(mean, IMAGES))
        corner, side = rng.uniform(0, 500, (len(image), 2)), rng.uniform(20, 120, (len(image), 2))
        return image, rng.choice(categories, len(image), p=share), np.concatenate([corner, corner + side], axis=1)

    image, category, box = boxes(8.0)
    side = np.tile(box[:, 2:] - box[:, :2], 2)
    difficulty = rng.normal(size=IMAGES)[image]  # images are hard or easy as a whole
    error = 0.05 * np.exp(0.4 * difficulty + rng.normal(0, 0.5, len(box)))
    moved = box + rng.normal(size=box.shape) * side * error[:, None]
    moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1.0)
    score = 1.0 / (1.0 + np.exp(-(1.5 - 10.0 * error + rng.normal(0, 0.7, len(box)))))
    wrong = boxes(3.0)
    wrong_score = 1.0 / (1.0 + np.exp(-(rng.normal(-0.5, 0.8, len(wrong[0])))))
    is_found = rng.uniform(size=len(box)) < 0.85
    truth = {"image": image, "category": category, "box": box}
    right = image[is_found], category[is_found], moved[is_found], score[is_found]
    both = (np.concatenate(columns) for columns in zip(right, (*wrong, wrong_score), strict=True))
    return truth, dict(zip(("image", "category", "box", "score"), both, strict=True))


def some(columns: Columns, images: Any) -> Columns:
    """The rows of some images."""
    is_there = np.isin(columns["image"], images)
    return {name: column[is_there] for name, column in columns.items()}


def row(rng: np.random.Generator, images: int, categories: int) -> str:
    """One size of samples as a row of the table."""
    truth, found = population(rng, categories)
    of_all = bl.evaluate(truth, found).ap
    aps, hits = [], np.zeros(2)
    for _ in range(SAMPLES):
        drawn = rng.choice(IMAGES, images, replace=False)
        result = bl.evaluate(some(truth, drawn), some(found, drawn))
        count = len(result.images)  # of some nothing was drawn
        weights = list(draws(count, RESAMPLES, 0))
        values = resampled(result._parts.marks, result.settings, ["ap"], weights, "numba")["ap"]
        means = mean_of_categories(values[:RESAMPLES])
        aps.append(result.ap)
        ends = np.asarray([interval_of(means, result.ap, 0.95, count), np.percentile(means, [2.5, 97.5])])
        hits += (ends[:, 0] <= of_all) & (of_all <= ends[:, 1])
    corrected, plain = (f"{100 * share:.0f} %" for share in hits / SAMPLES)
    return f"| {images} | {categories} | {of_all:.3f} | {np.mean(aps):.3f} | {corrected} | {plain} |"


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    for size in SIZES:
        print(row(rng, *size), flush=True)
