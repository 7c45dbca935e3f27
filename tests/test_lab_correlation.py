"""Pairs with a seed, and how closely a loss follows the IoU."""

import hashlib

import numpy as np
import pytest
from scipy import stats

import boxloss as bl
from boxloss import data, lab
from boxloss.lab import correlation
from boxloss.lab.correlation import conditional_spread, isotonic_residual, kendall_tau, rank_correlation
from errors import BOXES, check_error, table

GOOD = lab.generate("mixed", 50)


@pytest.mark.parametrize(("name", "digest"), [("fixed", "410fb31ed7bc958b"), ("mixed", "e6fcfeff5e7caa46")])
def test_pairs_are_the_same_bits_everywhere(name, digest):
    pairs = lab.generate(name, 1000, seed=7)
    assert hashlib.sha256(pairs.pred.tobytes() + pairs.target.tobytes()).hexdigest()[:16] == digest
    assert not np.array_equal(lab.generate(name, 1000, seed=8).pred, pairs.pred)


def test_pairs_are_what_they_say():
    fixed, mixed = (lab.generate(name, 20_000, seed=3) for name in ("fixed", "mixed"))
    assert (len(fixed), fixed.name) == (20_000, "20,000 pairs, fixed target size, seed 3")
    np.testing.assert_allclose(fixed.target[:, 2:] - fixed.target[:, :2], 24.0, rtol=1e-12)
    sides = mixed.target[:, 2:] - mixed.target[:, :2]
    octaves = np.bincount(np.floor(np.log2(sides / 8.0 * (1 + 1e-12))).astype(int).reshape(-1)) / sides.size
    assert len(octaves) == 6
    np.testing.assert_allclose(octaves, 1 / 6, atol=0.01)
    for pairs in (fixed, mixed):
        iou = bl.iou_score(pairs.pred, pairs.target)
        assert bl.validate(pairs.pred).valid.all()
        assert 0.10 < np.mean(iou == 0.0) < 0.14
        assert (np.histogram(iou[iou > 0.0], 10, (0.0, 1.0))[0] > 0.03 * len(iou)).all()


def test_l1_at_an_iou_of_two_fifths():
    """Of square targets of side 24: from 0.6 sides, one edge moved in, to 1.5, one moved out."""
    found = lab.correlate(bl.l1, "fixed", count=200_000)
    at_level = found.value[np.abs(found.iou - 0.4) < 1e-3]
    assert 0.6 * 24 * 0.99 <= at_level.min() < 18.0
    assert 33.0 < at_level.max() <= 1.5 * 24 * 1.01
    edge = np.asarray([[0.0, 0, 24, 24]])
    for x2, total in ((0.4 * 24, 14.4), (2.5 * 24, 36.0)):
        pred = np.asarray([[0.0, 0, x2, 24]])
        np.testing.assert_allclose([bl.iou_score(pred, edge)[0], bl.l1(pred, edge)[0]], [0.4, total], rtol=1e-12)


def test_ranks_against_all_pairs_of_pairs():
    rng = np.random.default_rng(0)
    value, iou = rng.integers(0, 6, 60).astype(float), rng.integers(0, 4, 60) / 4.0  # with many ties
    a, b = (np.sign(v[:, None] - v) for v in (value, iou))
    tau = np.sum(a * b) / np.sqrt(np.sum(a != 0) * np.sum(b != 0))
    x, y = ([np.sum(v < e) + 0.5 * (np.sum(v == e) + 1) for e in v] for v in (value, iou))
    np.testing.assert_allclose(
        [rank_correlation(value, iou), kendall_tau(value, iou)], [np.corrcoef(x, y)[0, 1], tau], rtol=1e-12
    )


def test_isotonic_residual_against_its_definition():
    """The least squares of values that never rise: the min-max formula of Barlow et al., over every interval."""
    rng = np.random.default_rng(1)
    iou = np.repeat(np.linspace(0.0, 1.0, 12), 3)  # ties
    value = rng.normal(size=36) - iou
    level = np.arange(36) // 3
    mean = [[value[(level >= i) & (level <= j)].mean() if i <= j else 0.0 for j in range(12)] for i in range(12)]
    fit = np.asarray([max(min(mean[i][j] for i in range(k + 1)) for j in range(k, 12)) for k in range(12)])
    residual = np.sum((value - fit[level]) ** 2) / np.sum((value - value.mean()) ** 2)
    shuffled = rng.permutation(36)
    np.testing.assert_allclose(isotonic_residual(value[shuffled], iou[shuffled]), residual, rtol=1e-12)


def test_conditional_spread():
    iou = np.repeat([0.0, 0.105, 0.505], 1000)
    value = np.tile(np.linspace(0.0, 1.0, 1000), 3)
    np.testing.assert_allclose(conditional_spread(value, iou), 1.0, rtol=1e-3)
    np.testing.assert_allclose(conditional_spread(value + 10.0 * (iou == 0.505), iou), 0.9 / 10.775, rtol=1e-2)
    assert conditional_spread(iou, iou) == 0.0
    assert np.isnan(conditional_spread(value[::100], iou[::100]))  # 10 pairs a bin


def test_a_monotone_loss_follows_the_iou_perfectly():
    for pairs in ("fixed", "mixed"):
        for a in (found := lab.correlate(bl.squared_iou, pairs, count=5000)).all, found.overlapping:
            np.testing.assert_allclose([a.spearman, a.kendall, a.residual], [-1.0, -1.0, 0.0], atol=1e-12)


def test_overlapping_pairs_are_those_with_iou():
    found = lab.correlate(bl.giou, GOOD)
    assert found.all.size == len(found.value) == 50
    assert found.overlapping.size == np.sum(found.iou > 0.0) < 50
    np.testing.assert_array_equal(found.value, bl.giou(GOOD.pred, GOOD.target))
    rho = stats.spearmanr(found.value[found.iou > 0.0], found.iou[found.iou > 0.0]).statistic
    assert found.overlapping.spearman == rho


def test_sizes_matter_to_l1_and_not_to_ciou():
    fixed, mixed = ([lab.correlate(loss, p, count=20_000).all for loss in (bl.l1, bl.ciou)] for p in ("fixed", "mixed"))
    assert fixed[0].spearman < -0.95
    assert mixed[0].spearman > -0.75
    assert mixed[1].spearman < -0.98
    assert mixed[0].high / mixed[0].low > 10.0 > 1.2 > mixed[1].high / mixed[1].low


def test_what_there_are_no_pairs_for_is_nan():
    apart = lab.correlate(bl.giou, (BOXES[:1], BOXES[:1] + 5.0))
    assert apart.all.size == 1
    assert apart.overlapping.size == 0
    for a in (apart.all, apart.overlapping):
        assert np.isnan(a[1:]).all()


def test_arrays_broadcast():
    found = lab.correlate(bl.l1, (BOXES, BOXES[0]))
    np.testing.assert_array_equal(found.value, [0.0, 5.0])
    assert found.pairs.name == "2 pairs"


def test_pairs_of_coco_files():
    pairs = lab.coco_pairs(*data.sample())
    iou = bl.iou_score(pairs.pred, pairs.target)
    assert pairs.name == "101 matches of ground_truth.json, IoU of 0.1 or more"
    assert iou.min() >= 0.1
    assert (iou >= 0.5).sum() <= len(lab.coco_pairs(*data.sample(), iou_threshold=0.5)) < len(pairs) == 101
    assert lab.correlate(bl.ciou, pairs).all.spearman < lab.correlate(bl.l1, pairs).all.spearman < -0.8


@table(
    ("loss", lambda: lab.correlate("l1", GOOD), TypeError, "loss must be a loss such as boxloss.giou; got str"),
    (
        "name",
        lambda: lab.correlate(bl.l1, "mix"),
        ValueError,
        "name must be one of 'fixed', 'mixed', 'rotated'; got 'mix'",
    ),
    (
        "pairs",
        lambda: lab.correlate(bl.l1, 3),
        TypeError,
        "pairs must be the name of a generator, Pairs, or two arrays (pred, target); got int",
    ),
    (
        "shape",
        lambda: lab.correlate(bl.l1, (BOXES, BOXES[:, :3])),
        ValueError,
        "target must have shape (..., 4); got (2, 3)",
    ),
    (
        "broadcast",
        lambda: lab.correlate(bl.l1, (BOXES, np.zeros((3, 4)))),
        ValueError,
        "the leading shapes of pred and target must broadcast; got (2,) and (3,)",
    ),
    (
        "none",
        lambda: lab.correlate(bl.l1, (BOXES[:0], BOXES[:0])),
        ValueError,
        "pairs must hold at least one pair; got none",
    ),
    (
        "finite",
        lambda: lab.correlate(bl.l1, (BOXES * np.nan, BOXES)),
        ValueError,
        "pairs must be of finite boxes; got NaN or infinity",
    ),
    ("count", lambda: lab.generate("fixed", 0), ValueError, "count must be at least 1; got 0"),
    ("seed", lambda: lab.generate("fixed", 1, -1), ValueError, "seed must not be negative; got -1"),
    ("seed type", lambda: lab.generate("fixed", 1, 0.5), TypeError, "seed must be a whole number; got float"),
    (
        "threshold",
        lambda: lab.coco_pairs(*data.sample(), iou_threshold=2),
        ValueError,
        "iou_threshold must be between 0 and 1, not 2",
    ),
)
def test_errors(call, kind, text):
    check_error(call, kind, text)


@pytest.mark.parametrize("few", [correlation.FEW, 1])
def test_kendall_is_that_of_scipy_to_the_last_bit(few, rng, monkeypatch):
    monkeypatch.setattr(correlation, "FEW", few)
    for size in (2, 3, 10, 101, 3000):
        for values in (2, 5, 100, 10**9):
            a = rng.integers(0, values, size) / 7.0
            for b in (rng.integers(0, values, size) * 1.0, a + rng.integers(0, values, size) // 5, -a, a.copy()):
                expected = stats.kendalltau(a, b).statistic
                np.testing.assert_array_equal(kendall_tau(a, b), expected)
    assert np.isnan(kendall_tau(np.asarray([1.0, np.nan, 3.0]), np.arange(3.0)))
    assert (
        kendall_tau(np.asarray([1.0, np.inf, -np.inf]), np.arange(3.0))
        == stats.kendalltau([1, 3, 0], range(3)).statistic
    )
