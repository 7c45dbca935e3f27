"""Non-maximum suppression, against its definition and, where it can be had, powerboxes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import boxloss as bl
from boxloss.compat.torchvision import batched_nms
from boxloss.compat.torchvision import nms as torchvision_nms
from boxloss.verbs import select
from boxloss.verbs.nms import numba as engine
from boxloss.verbs.nms.turns import turns_of
from errors import check_error
from of_all_pairs import lower_gaussian, soft_survivors, survivors


def is_alike(boxes, i, threshold):
    """What torchvision computes of one box and all."""
    with np.errstate(all="ignore"):
        wh = np.clip(np.minimum(boxes[i, 2:], boxes[:, 2:]) - np.maximum(boxes[i, :2], boxes[:, :2]), 0, None)
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        intersection = wh[:, 0] * wh[:, 1]
        return (intersection / (area[i] + area - intersection)).astype("float64") > threshold


def definition(boxes, scores, threshold, group=None, alike=is_alike):
    """The definition, box by box."""
    return survivors(lambda i: alike(boxes, i, threshold), scores, group)


def draw(rng, n, span, dtype="float64"):
    centre, half = rng.uniform(0, span, (n, 2)), np.exp(rng.uniform(np.log(2), np.log(20), (n, 2)))
    return np.concatenate([centre - half, centre + half], axis=-1).astype(dtype)


@pytest.fixture(params=["all", "strips"])
def way(request, monkeypatch):
    """By comparing all, and by strips."""
    monkeypatch.setattr(engine, "BOXES_FOR_STRIPS", 10**9 if request.param == "all" else 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("span", [60.0, 400.0, 1e5])
def test_survivors(span, dtype, way, rng):
    boxes, scores = draw(rng, 500, span, dtype), rng.random(500)
    boxes[7, 2], boxes[8, :2] = np.nan, boxes[8, 2:]
    for threshold in (0.0, 0.3, 0.5, 0.9):
        kept = bl.nms(boxes, scores, threshold=threshold)
        assert kept.dtype == np.int64
        assert kept.tolist() == definition(boxes, scores, threshold)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.25, 0.3, 1 / 3, 0.5, 0.6]),
    st.sampled_from(["float32", "float64"]),
    st.booleans(),
)
def test_survivors_of_ties(seed, threshold, dtype, by_strips):
    """Boxes of few sizes, many of them equal or without area, some inverted; an IoU is often just the threshold."""
    rng = np.random.default_rng(seed)
    boxes, scores = rng.integers(0, 6, (40, 4)).astype(dtype), rng.integers(0, 4, 40) / 4
    before, engine.BOXES_FOR_STRIPS = engine.BOXES_FOR_STRIPS, 0 if by_strips else 10**9
    try:
        assert bl.nms(boxes, scores, threshold=threshold).tolist() == definition(boxes, scores, threshold)
    finally:
        engine.BOXES_FOR_STRIPS = before


@pytest.mark.parametrize("kind", ["chain", "many sizes", "far away", "groups", "equal"])
def test_survivors_of_boxes_that_strips_find_hard(kind, rng):
    """Boxes that each suppress the next, of sizes that differ by 2^100, far from all others, alone in their group."""
    n, groups = 600, None
    boxes, scores = draw(rng, n, 200.0), rng.random(n)
    if kind == "chain":
        x = np.arange(n) * 2.0
        boxes, scores = np.stack([x, 0 * x, x + 10, 0 * x + 10], axis=-1), np.sort(scores)
    elif kind == "many sizes":
        boxes[::3] = 0.0, 0.0, 5.0, 7.0
        boxes *= np.exp2(rng.integers(-50, 50, n))[:, None]
    elif kind == "far away":
        boxes[5:9] += 1e14
        boxes[9:12, ::2] -= 1e300
        boxes[20] = -1e308, -1e308, 1e308, 1e308
    elif kind == "groups":
        groups = rng.integers(0, 400, n)
    else:
        boxes, scores = np.tile(boxes[:3], (n // 3, 1)), rng.integers(0, 3, n) / 3
    assert bl.nms(boxes, scores, labels=groups).tolist() == definition(boxes, scores, 0.5, groups)


def test_scores_of_all_kinds_give_a_stable_order(rng):
    for scores in (
        rng.normal(size=5000),
        rng.integers(-2, 3, 500) * 1.0,
        1.0 + rng.random(500) * 1e-12,
        rng.choice([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 1.0], 500),
    ):
        np.testing.assert_array_equal(turns_of(scores), np.argsort(-scores, kind="stable"))


def test_powerboxes(rng):
    powerboxes = pytest.importorskip("powerboxes")
    for n, span in ((300, 100.0), (4000, 500.0)):
        boxes, scores = draw(rng, n, span), rng.permutation(n) / n
        assert sorted(bl.nms(boxes, scores)) == sorted(powerboxes.nms(boxes, scores, 0.5, -1.0))


def test_classes_and_batches(way, rng):
    boxes, scores = draw(rng, 300, 100.0), rng.random(300)
    labels, batch = rng.integers(-3, 2, 300), rng.choice([10**12, 5, -7], 300)
    assert bl.nms(boxes, scores, labels=labels).tolist() == definition(boxes, scores, 0.5, labels)
    group = np.unique(np.stack([labels, batch]), axis=1, return_inverse=True)[1].reshape(-1)
    both = definition(boxes, scores, 0.5, group)
    assert bl.nms(boxes, scores, labels=labels, batch=batch).tolist() == both
    few = bl.nms(boxes, scores, labels=labels, batch=batch, max_kept=4).tolist()
    assert few == [i for k, i in enumerate(both) if sum(batch[j] == batch[i] for j in both[:k]) < 4]


@pytest.mark.parametrize("metric", [bl.diou, bl.IoUScore(eps=5.0)])
def test_other_metrics(metric, way, rng):
    check_metric(metric, rng)


def test_iou_as_a_metric(rng, monkeypatch):
    """A loss as DIoU is, whose kernels these are but for the formula; so here without a compiler."""
    monkeypatch.setattr(select, "is_compiler_off", lambda: True)
    check_metric(bl.iou, rng)


def check_metric(metric, rng):
    boxes, scores = draw(rng, 200, 80.0), rng.random(200)
    matrix = metric.pairwise(boxes, boxes)
    alike = matrix > 0.4 if metric.is_score else matrix < 1.0 - 0.4
    expected = definition(boxes, scores, 0.4, alike=lambda boxes, i, threshold: alike[i])
    assert bl.nms(boxes, scores, threshold=0.4, metric=metric).tolist() == expected


def test_formats_integers_and_scores_of_nan():
    boxes, scores = np.asarray([[5, 5, 10, 10], [6, 5, 10, 10], [50, 5, 10, 10]]), np.asarray([np.nan, 0.5, np.inf])
    assert bl.nms(boxes, scores, format="cxcywh").tolist() == [2, 1]
    assert bl.nms(boxes[:0], scores[:0]).tolist() == []


def test_without_a_compiler(rng, monkeypatch):
    monkeypatch.setattr(select, "is_compiler_off", lambda: True)
    boxes, scores, labels = draw(rng, 100, 50.0), rng.random(100), rng.integers(0, 3, 100)
    assert bl.nms(boxes, scores, labels=labels).tolist() == definition(boxes, scores, 0.5, labels)


@pytest.mark.parametrize("method", ["gaussian", "linear"])
def test_soft_nms(method, rng):
    boxes, scores = draw(rng, 60, 40.0), rng.integers(1, 20, 60) / 20
    lower = lower_gaussian if method == "gaussian" else lambda s: np.where(s >= 0.3, 1 - s, 1.0)
    expected = soft_survivors(bl.iou_score(boxes[:, None], boxes), scores, lower)
    indices, found = bl.soft_nms(boxes, scores, method=method, sigma=0.4, min_score=0.05)
    assert indices.tolist() == [i for i, _ in expected]
    np.testing.assert_allclose(found, [s for _, s in expected])
    few, _ = bl.soft_nms(boxes, scores, method=method, sigma=0.4, min_score=0.05, max_kept=5)
    assert few.tolist() == indices.tolist()[:5]


def test_soft_nms_of_classes_does_not_lower_those_of_others(rng):
    boxes, scores = np.tile([[0.0, 0, 2, 2]], (3, 1)), np.asarray([0.9, 0.8, 0.7])
    indices, found = bl.soft_nms(boxes, scores, labels=np.asarray([0, 1, 0]))
    assert indices.tolist() == [0, 1, 2]
    np.testing.assert_allclose(found, [0.9, 0.8, 0.7 * np.exp(-2.0)])


def test_array_libraries(backend, rng):
    boxes, scores, labels = draw(rng, 30, 60.0), rng.random(30), rng.integers(0, 2, 30)
    expected = definition(boxes, scores, 0.5, labels)
    given = [backend.asarray(array) for array in (boxes, scores, labels)]
    if backend.name == "dask":
        text = "boxes must be all there for a suppression; got an array of Dask. Call compute() first"
        check_error(lambda: bl.nms(*given[:2]), TypeError, text)
        return
    kept = bl.nms(*given[:2], labels=given[2])
    assert type(kept) is type(given[0])
    assert backend.to_numpy(kept).tolist() == expected
    for idxs in (given[2], backend.asarray(labels.astype("float32"))):  # torchvision takes a column of numbers too
        assert backend.to_numpy(batched_nms(*given[:2], idxs, 0.5)).tolist() == expected
    two = batched_nms(*given[:2], backend.asarray(labels > labels[0]), 0.5)
    assert backend.to_numpy(two).tolist() == definition(boxes, scores, 0.5, labels > labels[0])
    assert backend.to_numpy(torchvision_nms(*given[:2], 0.7)).tolist() == definition(boxes, scores, 0.7)
    _, lowered = bl.soft_nms(*given[:2])
    assert type(lowered) is type(given[0])


def test_score_of_suppression_is_the_same_with_the_boxes_exchanged(rng):
    """To the last bit, in the kernels: boxes are visited as they lie, not by their scores."""
    from boxloss.suppression.call import QUOTIENT

    boxes = np.concatenate([rng.uniform(-50, 50, (300, 4)), rng.integers(0, 3, (100, 4)) * 1.0])
    for dtype in ("float32", "float64"):
        given = boxes.astype(dtype)
        matrix = QUOTIENT.pairwise(given, given)
        np.testing.assert_array_equal(matrix, matrix.T)


@pytest.mark.parametrize("half", [1e18, 1e20, 1e30, 1e300])
def test_a_box_that_spans_more_strips_than_there_are_whole_numbers(half):
    x = 3.0 * np.arange(450)
    boxes = np.concatenate([[[0.0, -half, 1500, half]], np.stack([x, 0 * x, x + 1, 0 * x + 1], axis=1)])
    assert bl.nms(boxes, np.linspace(1, 0, 451), threshold=0.0).tolist() == [0]
    found = bl.iou_score.above(boxes, boxes, 0.0)
    for one, other in zip(found, bl.iou_score.above(boxes, boxes, 0.0, engine="array"), strict=True):
        np.testing.assert_array_equal(one, other)


OF_SCORES = [
    bl.Scaled(bl.iou_score, 1.2),
    bl.Interpolated(bl.iou_score, 0.1),
    bl.Focal(bl.iou_score),
    2.0 * bl.iou_score,
]


@pytest.mark.parametrize("metric", OF_SCORES, ids=lambda metric: type(metric).__name__)
def test_what_is_made_of_a_score_is_a_score(metric, monkeypatch):
    monkeypatch.setattr(select, "is_compiler_off", lambda: True)
    boxes, scores = np.asarray([[0.0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 10]]), np.asarray([0.9, 0.8, 0.7])
    assert bl.nms(boxes, scores, metric=metric).tolist() == [0, 2]
    assert metric.nearest(boxes, boxes)[1].tolist() == [0, 1, 2]
    i, j, _ = metric.above(boxes, boxes, 0.5)
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)]
