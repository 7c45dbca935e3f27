"""Intervals and comparisons: resamples are evaluations of images drawn anew."""

import numpy as np
import pytest

import boxloss as bl
from boxloss.data import sample
from boxloss.evaluation.bootstrap import draws, interval_of, resampled

ENGINES = ("array", "numba")


def without_ties(seed, detector=0):
    """A set of 12 images whose scores all differ."""
    rng = np.random.default_rng(seed)
    n = 60
    corner, size = rng.uniform(0, 200, (n, 2)), rng.uniform(5, 120, (n, 2))
    image, category = rng.integers(0, 12, n), rng.integers(0, 3, n)
    truth = {"image": image, "category": category, "box": np.concatenate([corner, corner + size], axis=1)}
    rng = np.random.default_rng([seed, detector])
    moved = truth["box"] + rng.normal(0, 0.06, (n, 4)) * np.tile(size, 2)
    found = {"image": image, "category": category, "box": moved, "score": rng.permutation(n) / n}
    more = {key: np.concatenate([values, values[: n // 2]]) for key, values in found.items()}
    more["score"] = rng.permutation(len(more["score"])) / 100.0
    return truth | {"crowd": rng.random(n) < 0.1}, more


def drawn_anew(one, counts):
    """The boxes of images that were drawn so often, each time as an image of its own."""
    parts = []
    for image, count in enumerate(counts):
        inside = np.flatnonzero(np.asarray(one["image"]) == image)
        for copy_number in range(int(count)):
            parts.append(
                {k: np.asarray(v)[inside] for k, v in one.items()} | {"image": inside * 0 + image + 100 * copy_number}
            )
    return {key: np.concatenate([part[key] for part in parts]) for key in one}


@pytest.mark.parametrize("engine", ENGINES)
def test_resamples_are_evaluations_of_images_drawn_anew(engine):
    truth, found = without_ties(3)
    result = bl.evaluate(truth, found, engine=engine)
    names = ["ap", "ap75", "ap_medium", "ar_1", "ar_100"]
    weights = next(iter(draws(12, 8, 5)))
    assert weights.sum(axis=0).tolist() == [12] * 32
    values = resampled(result._parts.marks, result.settings, names, [weights], engine)
    for lane in range(8):
        again = bl.evaluate(drawn_anew(truth, weights[:, lane]), drawn_anew(found, weights[:, lane]), engine="array")
        expected = again.table()
        for name in names:
            own = dict(zip(expected["category_id"].tolist(), expected[name], strict=True))
            np.testing.assert_allclose(values[name][lane], [own.get(k, np.nan) for k in range(3)], atol=1e-12)
    interval = result.interval(0.8, names, resamples=8, seed=5)
    mean = np.nanmean(values["ap"][:8], axis=1)
    assert interval["ap"] == pytest.approx(interval_of(mean, result.ap, 0.8, 12))
    assert interval["ap"].low < result.ap < interval["ap"].high


def test_weights_of_one_are_the_evaluation():
    result = bl.evaluate(*sample())
    for engine in ENGINES:
        values = resampled(result._parts.marks, result.settings, result.settings.names, [np.ones((20, 32))], engine)
        for name in result.settings.names:
            np.testing.assert_allclose(values[name][0], result.table()[name], atol=1e-12)


def test_comparison_is_paired():
    truth, found = without_ties(3)
    one, other = bl.evaluate(truth, found), bl.evaluate(truth, without_ties(3, detector=1)[1])
    same = one.compare(one, resamples=64)
    assert same.difference["ap"] == 0.0
    assert same.interval["ap"] == (0.0, 0.0)
    compared = one.compare(other, resamples=64, names=["ap", "ar_100"])
    assert compared.difference["ap"] == one.ap - other.ap
    back = other.compare(one, resamples=64)
    assert back.interval["ap"] == pytest.approx((-compared.interval["ap"].high, -compared.interval["ap"].low))
    apart = [e.interval(resamples=512)["ap"] for e in (one, other)]
    together = one.compare(other, resamples=512).interval["ap"]
    width = together.high - together.low
    assert width < sum(i.high - i.low for i in apart)
    table = compared.table()
    assert list(table["difference"]) == sorted(table["difference"], reverse=True)
    of_one, of_other = (dict(zip(e.table()["category_id"], e.table()["ap"], strict=True)) for e in (one, other))
    for category, difference in zip(table["category_id"], table["difference"], strict=True):
        assert difference == of_one[category] - of_other[category]


def test_comparison_of_detectors_that_see_other_images_and_categories():
    truth, found = without_ties(3)
    more = {key: np.append(found[key], found[key][:1], axis=0) for key in found}
    more["image"][-1], more["category"][-1] = 99, 98
    compared = bl.evaluate(truth, found).compare(bl.evaluate(truth, more), resamples=32)
    assert compared.interval["ap"] == (0.0, 0.0)
    assert list(compared.categories) == [0, 1, 2]


def test_by_default_of_the_main_statistics_those_that_there_are():
    result = bl.evaluate(*sample(), iou_thresholds=[0.6, 0.75])
    assert list(result.interval(resamples=2)) == ["ap", "ap75"]
    assert list(result.compare(result, resamples=2).difference) == ["ap", "ap75"]


def test_one_image_has_no_interval():
    """Drawn anew it is the same: an interval without width would be called a difference."""
    truth = {"image": [1, 1, 2, 3], "category": [1, 1, 1, 2], "box": [[0, 0, 9, 9]] * 4}
    found = truth | {"score": [0.9, 0.8, 0.7, 0.6]}
    worse = {key: np.asarray(column)[[0, 2]] for key, column in found.items()}
    compared = bl.evaluate(truth, found).compare(bl.evaluate(truth, worse), resamples=50)
    assert compared.table()["category_id"].tolist() == [2, 1]
    assert np.isnan(compared.table()["low"]).tolist() == [True, False]
    assert not np.isnan(compared.interval["ap"]).any()
    one = {key: np.asarray(column)[:2] for key, column in found.items()}
    alone = bl.evaluate({key: one[key] for key in truth}, one)
    assert np.isnan(alone.interval(resamples=50)["ap"]).all()
    assert np.isnan(alone.compare(alone, resamples=50).interval["ap"]).all()


def test_intervals_are_those_of_scipy():
    """That of BCa, whose acceleration is 0 for the mean of a symmetrical sample."""
    stats = pytest.importorskip("scipy.stats")
    rng, numbers = np.random.default_rng(0), np.arange(-3.0, 4.0)
    found = stats.bootstrap((numbers,), np.mean, method="BCa", n_resamples=999, rng=rng)
    values = found.bootstrap_distribution
    assert interval_of(values, 0.0, 0.95, 7) == pytest.approx(tuple(found.confidence_interval), abs=1e-9)
    for estimate in (-0.5, 0.3):  # of which these values are biased
        bias = stats.norm.ppf(np.mean(values < estimate) + 0.5 * np.mean(values == estimate))
        share = stats.norm.cdf(2.0 * bias + stats.norm.ppf([0.05, 0.95]))
        assert interval_of(values, estimate, 0.9, 7) == pytest.approx(tuple(np.quantile(values, share)), abs=1e-9)


def test_intervals_of_values_that_are_all_on_one_side():
    for estimate, values in ((1.0, np.ones(50)), (2.0, np.linspace(0.0, 1.0, 50)), (-1.0, np.linspace(0.0, 1.0, 50))):
        low, high = interval_of(values, estimate, 0.95, 9)
        assert values.min() <= low <= high <= values.max()


def test_what_is_equal_but_for_rounding_is_a_tie():
    """The resample of all images once has the sums of the estimate in another order."""
    values = np.asarray([0.3] * 20 + [0.5273267326732674] * 60 + [0.866] * 20)
    low, high = interval_of(values, 0.5273267326732672, 0.95, 2)
    assert (low, high) == (0.3, 0.866)
    assert interval_of(values, 0.5273267326732672, np.nextafter(1.0, 0.0), 2) == (0.3, 0.866)
