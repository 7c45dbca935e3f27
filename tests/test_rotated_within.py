"""Rotated boxes by where they are: `below`, `above`, `nms` and `soft_nms` against the matrix of all pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import boxloss as bl
from boxloss.shapes.rotated.shape import ROTATED
from boxloss.verbs.nms import numba as nms_engine
from boxloss.verbs.within import numba as within
from errors import check_error, of_shape
from of_all_pairs import check_soft_nms, check_within, survivors

FORMAT = {"format": "cxcywha"}


@pytest.fixture(autouse=True)
def strips_for_few(monkeypatch):
    """Strips for the smallest sets too."""
    monkeypatch.setattr(within, "PAIRS_FOR_STRIPS", 0)
    monkeypatch.setattr(nms_engine, "BOXES_FOR_STRIPS", 0)


def spread(rng, n, span, dtype="float64"):
    """Boxes of very different sizes and forms at any angle."""
    centre, sides = rng.uniform(-span, span, (n, 2)), np.exp(rng.uniform(np.log(0.05), np.log(40.0), (n, 2)))
    return np.concatenate([centre, sides, rng.uniform(-4.0, 4.0, (n, 1))], axis=-1).astype(dtype)


def alike(rng, n, span):
    """Boxes much alike, about diamonds: the middle of these holds more of their area than of their width."""
    boxes = np.tile([0.0, 0.0, 8.0, 8.0, np.pi / 4], (n, 1)) + rng.normal(0, 1, (n, 5)) * [span, span, 0.5, 0.5, 0.1]
    boxes[::3, 3] = 1.0
    return boxes


def squares_and_diamonds(rng, n):
    """An IoU of 0.59 of boxes of which one is enclosed by sides of 1.1 and the other by sides of 2."""
    boxes = np.where(rng.random((n, 1)) < 0.5, [0.0, 0.0, 1.1, 1.1, 0.0], [0.0, 0.0, 2**0.5, 2**0.5, np.pi / 4])
    return boxes + np.concatenate([rng.normal(0, 0.02, (n, 2)), np.zeros((n, 3))], axis=-1)


def coincident(rng, n):
    """Boxes of few places, sides and angles, some of them without area, inverted or not numbers."""
    boxes = rng.integers(0, 5, (n, 5)).astype("float64") - [0, 0, 1, 1, 0]
    boxes[:, 4] *= np.pi / 4
    boxes[rng.random(n) < 0.05, rng.integers(0, 5)] = np.nan
    return boxes


SETS = {
    "sparse": lambda rng, n: spread(rng, n, 300.0),
    "crowded": lambda rng, n: spread(rng, n, 10.0),
    "diamonds": lambda rng, n: alike(rng, n, 3.0),
    "squares and diamonds": squares_and_diamonds,
    "coincident": coincident,
    "far away": lambda rng, n: spread(rng, n, 40.0) + [1e6, -1e6, 0, 0, 0],
}
# A score in one float type and a loss in the other. The loop is one for all formulas and shapes, and test_within.py has
# both in both: test_what_the_matrix_says in float32, test_sparse_and_crowded in float64.
COMPILED = (
    ("float32", bl.iou_score, True, (0.0, 0.3, 0.57, 0.8, 0.95)),
    ("float64", bl.giou, False, (0.05, 0.5, 1.0, 1.3)),
)
every_set = pytest.mark.parametrize("name", SETS)


@every_set
@pytest.mark.parametrize(("dtype", "loss", "above", "thresholds"), COMPILED)
def test_what_the_matrix_says(name, dtype, loss, above, thresholds, rng):
    pred, target = (SETS[name](rng, n).astype(dtype) for n in (200, 300))
    pred[:20] = target[:20]
    assert max(check_within(loss, pred, target, t, above, **FORMAT) for t in thresholds) > 20


def test_infinite_and_huge_boxes(rng):
    pred = spread(rng, 60, 40.0)
    pred[::7, :4] *= 1e12
    check_within(bl.iou_score, pred, pred, 0.1, True, **FORMAT)
    pred[5, 2], pred[6, 4], pred[7, 0] = np.inf, 1e9, -np.inf
    check_within(bl.iou_score, pred, pred, 0.1, True, **FORMAT)


def test_axis_aligned_with_rotated(rng):
    pred, target = spread(rng, 80, 20.0), spread(rng, 90, 20.0)
    corners = bl.convert(target, "cxcywha", "xyxy")
    formats = {"format": ("cxcywhd", "xyxy")}
    matrix = bl.iou_score.pairwise(pred, corners, **formats)
    i, j, value = bl.iou_score.above(pred, corners, 0.1, **formats)
    assert len(i) > 5
    np.testing.assert_array_equal(np.stack([i, j]), np.nonzero(matrix > 0.1))
    np.testing.assert_array_equal(value, matrix[i, j])


LOSSES = [bl.get(name) for name in bl.losses()] + [2.0 * bl.giou + 0.1 * bl.l1, bl.LogIoU(min_iou=0.5)]


def is_defined(loss):
    try:
        loss.program.structure.check_shape(ROTATED)
    except ValueError:
        return False
    return True


BOUNDED = [loss for loss in LOSSES if loss.per_distance > 0.0 and is_defined(loss)]


@pytest.mark.parametrize("loss", BOUNDED, ids=repr)
def test_bound_of_boxes_apart(loss, rng):
    """What `below` passes over is really not below: the value is at least `per_distance` times 1 - IoU."""
    pred, target = np.concatenate([spread(rng, 2000, 15.0), alike(rng, 1000, 3.0)]), spread(rng, 3000, 15.0)
    target[2000:] = alike(rng, 1000, 3.0)
    options = {**FORMAT, "engine": "array"}
    value = loss(pred, target, **options)
    score = bl.iou_score(pred, target, **options)
    assert (score == 0.0).any()
    assert (score > 0.1).any()
    assert (value >= loss.per_distance * (1.0 - score) * (1.0 - 1e-9)).all()


# --- Suppression ----------------------------------------------------------------------------------------------------


def quotients(boxes):
    """The IoU of all with all; NaN where it is that of two boxes without area."""
    matrix = bl.iou_score.pairwise(boxes, boxes, **FORMAT)
    areas = bl.area(boxes, format="cxcywha")
    return np.where(areas[:, None] + areas > 0.0, matrix, np.nan)


@every_set
@pytest.mark.parametrize("by_strips", [False, True])
def test_survivors(name, by_strips, rng, monkeypatch):
    monkeypatch.setattr(nms_engine, "BOXES_FOR_STRIPS", 0 if by_strips else 10**9)
    boxes, scores, labels = SETS[name](rng, 400), rng.integers(0, 100, 400) / 100, rng.integers(0, 3, 400)
    score = quotients(boxes)
    for threshold in (0.0, 0.31, 0.52, 0.87):
        found = bl.nms(boxes, scores, threshold=threshold, **FORMAT)
        assert found.tolist() == survivors(score > threshold, scores)
    found = bl.nms(boxes, scores, labels=labels, threshold=0.4, **FORMAT)
    assert found.tolist() == survivors(score > 0.4, scores, labels)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.05, 0.27, 0.43, 0.71]), st.sampled_from(["float32", "float64"]))
def test_survivors_of_coincident_boxes(seed, threshold, dtype):
    rng = np.random.default_rng(seed)
    boxes, scores = coincident(rng, 40).astype(dtype), rng.integers(0, 4, 40) / 4
    found = bl.nms(boxes, scores, threshold=threshold, **FORMAT).tolist()
    assert found == survivors(quotients(boxes) > threshold, scores)


def test_powerboxes(rng):
    """An independent one, by polygons, of boxes in degrees."""
    powerboxes = pytest.importorskip("powerboxes")
    for boxes in (spread(rng, 300, 10.0), spread(rng, 1000, 60.0), alike(rng, 200, 3.0)):
        boxes, scores = bl.convert(boxes, "cxcywha", "cxcywhd"), rng.permutation(len(boxes)) / len(boxes)
        expected = sorted(powerboxes.rotated_nms(boxes, scores, 0.5, -1.0).tolist())
        assert sorted(bl.nms(boxes, scores, format="cxcywhd").tolist()) == expected


def test_other_metrics_and_degrees(rng):
    boxes, scores = alike(rng, 200, 4.0), rng.random(200)
    is_alike = bl.diou.pairwise(boxes, boxes, **FORMAT) < 0.6
    degrees = bl.convert(boxes, "cxcywha", "cxcywhr")
    found = bl.nms(degrees, scores, metric=bl.diou, threshold=0.4, format="cxcywhr")
    assert found.tolist() == survivors(is_alike, scores)


def test_soft_nms(rng):
    boxes, scores = alike(rng, 60, 6.0), rng.integers(1, 20, 60) / 20
    check_soft_nms(boxes, scores, quotients(boxes), **FORMAT)


def test_array_libraries(backend, rng):
    boxes, scores = alike(rng, 40, 4.0), rng.random(40)
    expected = survivors(quotients(boxes) > 0.5, scores)
    if backend.name != "dask":
        kept = bl.nms(backend.asarray(boxes), backend.asarray(scores), **FORMAT)
        assert backend.to_numpy(kept).tolist() == expected
    i, j, value = bl.iou_score.above(backend.asarray(boxes), backend.asarray(boxes[:9]), 0.4, **FORMAT)
    matrix = bl.iou_score.pairwise(boxes, boxes[:9], **FORMAT)
    np.testing.assert_array_equal(np.nonzero(matrix > 0.4), [backend.to_numpy(i), backend.to_numpy(j)])
    np.testing.assert_allclose(backend.to_numpy(value), matrix[matrix > 0.4], rtol=1e-12)


def test_errors():
    box, score = np.ones((3, 5)), np.ones(3)
    text = "boxes must have shape (N, 5); got (1, 3, 5)"
    check_error(lambda: bl.nms(box[None], score, **FORMAT), ValueError, text)
    check_error(lambda: bl.nms(box[:, :4], score, **FORMAT), ValueError, of_shape("boxes", 5, (3, 4)))
    text = "pred of below and above must have shape (N, 5); got (5,)"
    check_error(
        lambda: bl.iou.below(box[0], box, 0.5, **FORMAT),
        ValueError,
        "pred of a pairwise matrix must have shape (..., N, 5); got (5,)",
    )
    text = "target of below and above must have shape (N, 5); got (1, 3, 5)"
    check_error(lambda: bl.iou.below(box, box[None], 0.5, **FORMAT), ValueError, text)
    text = (
        "format 'xyxyxyxy' is one to convert from: eight numbers that may be no rectangle have no loss. "
        "Give boxloss.convert(boxes, 'xyxyxyxy', 'cxcywha') and format='cxcywha'"
    )
    corners = np.ones((3, 8))
    for call in (
        lambda: bl.nms(corners, score, format="xyxyxyxy"),
        lambda: bl.iou(corners, corners, format="xyxyxyxy"),
        lambda: bl.iou(box, corners, format=("cxcywha", "xyxyxyxy")),
    ):
        check_error(call, ValueError, text)
