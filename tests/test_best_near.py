"""`nearest` among the targets around a pred, and what all verbs over pairs of boxes compute on other CPUs."""

import numpy as np
import pytest

import boxloss as bl
from best_of_rows import check
from boxloss.engines.numba import compile, vectors
from boxloss.verbs.nearest import numba as nearest
from boxloss.verbs.pairwise import numba as matrices
from boxloss.verbs.pairwise import rows
from cases import CASES
from generators import boxes

BOUNDED = [case.loss for case in CASES if case.loss.without_overlap() is not None]


def of_every_kind(rng, count, dtype):
    """Boxes alone and in crowds, many of them equal; without an area, tiny, huge, inverted, infinite and with NaN."""
    some = np.concatenate([boxes(rng, count), rng.integers(0, 4, (count, 4)) + [0.0, 0, 2, 2], 1e3 + boxes(rng, count)])
    some[::17, 2:] = some[::17, :2]
    some[1::19] *= 1e-18
    some[2::23] *= 1e14
    some[3::29] = some[3::29][:, [2, 3, 0, 1]]
    some[4::31, 2] = np.inf
    some[6::41] = [-np.inf, -np.inf, np.inf, np.inf]
    some[7::43] = [2e38, 2e38, 3e38, 3e38]
    some[5::37, 1] = np.nan
    return rng.permutation(some).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", BOUNDED, ids=repr)
def test_the_best_of_targets_around_a_pred(loss, dtype, rng, monkeypatch):
    """Found in groups that a pred touches, where what is there is better than what boxes without overlap may have."""
    monkeypatch.setattr(nearest, "MANY_PREDS", 1)
    monkeypatch.setattr(nearest, "MANY_TARGETS", 1)
    monkeypatch.setattr(nearest, "CHUNK_OF_PAIRS", 10_000)
    looked_at = []
    fill = rows.fill
    monkeypatch.setattr(rows, "fill", lambda value, *given: looked_at.append(len(value)) or fill(value, *given))
    pred, target = of_every_kind(rng, 40, dtype), of_every_kind(rng, 90, dtype)
    check(loss, pred, target, "numba", k=0)
    assert 0 < sum(looked_at) < len(pred), "some have nothing around them"
    for mask in (rng.random(len(target)) < 0.6, np.zeros(len(target), bool)):
        check(loss, pred, target, "numba", mask=mask, k=0)
    check(loss, pred[:1], target[:1], "numba", k=0)
    check(loss, target, target[::-1], "numba", k=0, eps=1e-7 if hasattr(loss, "eps") else None)
    looked_at.clear()
    check(loss, 1e5 + pred, target, "numba", k=0)
    assert loss.is_score or sum(looked_at) > 0.8 * len(pred), "all but some have no more than a huge one"


def test_inverted_boxes_are_points_that_others_may_be_too(monkeypatch):
    """Where they are upright: no pred touches their corners as given, and of equal ones the first counts."""
    monkeypatch.setattr(nearest, "MANY_PREDS", 1)
    monkeypatch.setattr(nearest, "MANY_TARGETS", 1)
    point, inverted = [5.0, 5, 5, 5], [5.0, 5, 3, 3]
    apart = [[4.0, 4, 4.5, 4.5]] * 40 + [[100.0, 100, 110, 110]] * 40
    for first, second in ((inverted, point), (point, inverted)):
        target = np.asarray([first, second, *apart])
        for loss in (bl.iou, bl.iou_score, bl.giou):
            check(loss, np.asarray([point, inverted, *apart]), target, "numba", k=0)
            check(loss, np.asarray([point, inverted, *apart]), target[::-1], "numba", k=0)


class Reward(bl.L1):
    """Better the further boxes are apart, without a bound."""

    @staticmethod
    def formula(xp, e):
        return -xp.abs(e), -xp.sign(e)


@pytest.mark.parametrize(
    "loss",
    [
        bl.giou + Reward(),
        bl.giou + bl.Focal(2.0 * bl.iou + Reward()),
        bl.giou - 1e-3 * bl.l1,
        bl.giou + bl.Scaled(-1.0 * bl.l1, ratio=0.5),
        bl.giou + bl.Interpolated(bl.Scaled(bl.l1 - bl.l2, ratio=0.5), alpha=0.5),
    ],
    ids=repr,
)
def test_a_sum_with_what_may_be_negative_has_no_bound(loss):
    assert loss.without_overlap() is None
    assert loss.needed_overlap(0.5, False) is None


def test_a_formula_or_relations_of_another_class_have_no_bound():
    class Other:
        formula = staticmethod(lambda xp, *given: given)

    class Mixed(Other, bl.GIoU):
        pass

    class OfRelations(bl.IoU):
        relations = ("areas",)

    assert Mixed().without_overlap() is OfRelations().without_overlap() is None
    assert bl.iou.without_overlap() == 1.0


@pytest.mark.parametrize("is_wide", [False, True], ids=["AVX2", "AVX-512"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_vectors_of_this_and_of_another_cpu(dtype, is_wide, rng, monkeypatch):
    """Matrices too, of every width around that of a vector, on several threads: each entry and none beside them."""
    monkeypatch.setattr(vectors, "has_avx512", lambda: is_wide)
    monkeypatch.setattr(nearest, "MANY_PREDS", 1)
    monkeypatch.setattr(nearest, "MANY_TARGETS", 1)
    monkeypatch.setattr(matrices, "CHUNK_OF_PAIRS", 40)
    for name in ("_entries", "_addresses"):
        monkeypatch.setattr(compile, name, {})
    vectors.lanes_of.cache_clear()
    try:
        pred, target = (boxes(rng, count).astype(dtype) for count in (50, 200))
        expected = bl.ciou.pairwise(pred, target, engine="array")
        for width in (*range(1, 36), 63, 64, 65, 200):
            room = np.full((52, width), np.nan, dtype)
            bl.ciou.pairwise(pred, target[:width], out=room[1:-1], engine="numba")
            np.testing.assert_allclose(room[1:-1], expected[:, :width], rtol=2e-4, atol=1e-5)
            assert np.isnan(room[[0, -1]]).all()
        check(bl.ciou, pred, target, "numba")
        i, j, value = bl.ciou.below(pred, target, 0.9, engine="numba")
        matrix = bl.ciou.pairwise(pred, target, engine="numba")
        np.testing.assert_array_equal((i, j), np.nonzero(matrix < np.asarray(0.9, dtype)))
        np.testing.assert_array_equal(value, matrix[i, j])
    finally:
        vectors.lanes_of.cache_clear()


class Heedless(bl.IoU):
    """As the IoU loss, but 0 for what is no box."""

    per_distance = 1.0

    def evaluate(self, xp, pair):
        value, gradient = super().evaluate(xp, pair)
        return xp.where(value == value, value, 0.0), gradient


def test_what_fills_up_the_last_group_is_no_target_whatever_the_formula(rng, monkeypatch):
    monkeypatch.setattr(nearest, "MANY_PREDS", 1)
    monkeypatch.setattr(nearest, "MANY_TARGETS", 1)
    check(Heedless(), boxes(rng, 60), boxes(rng, 37), "numba", k=0)


def test_few_boxes_are_not_put_into_groups(monkeypatch, rng):
    monkeypatch.setattr(nearest.near, "groups_of", None)
    few, many = boxes(rng, 10), boxes(rng, nearest.MANY_PREDS)
    check(bl.giou, many, few, "numba", k=0)
    check(bl.giou, few, many, "numba", k=0)
    with pytest.raises(TypeError):
        bl.giou.nearest(many, many[: nearest.MANY_TARGETS], engine="numba")
