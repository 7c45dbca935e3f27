"""`below` and `above`: the pairs of a matrix within a threshold, against the matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import boxloss as bl
from boxloss.verbs.within import numba as within
from errors import check_error
from generators import boxes
from of_all_pairs import check_within

both_engines = pytest.mark.parametrize("engine", ["array", "numba"])
CASES = {
    "giou below": (bl.giou, False),
    "log_iou below": (bl.LogIoU(min_iou=0.5), False),
    "sum below": (2.0 * bl.giou + 0.1 * bl.l1, False),
    "l1 below": (bl.l1, False),
    "shape_iou below": (bl.ShapeIoU(scale=1.0), False),
    "iou_score below": (bl.iou_score, False),
    "iou_score above": (bl.iou_score, True),
}


def spread(rng, n, span):
    """Boxes of very different sizes, in a square so large that most do not overlap."""
    centre, half = rng.uniform(-span, span, (n, 2)), np.exp(rng.uniform(np.log(0.05), np.log(20.0), (n, 2)))
    return np.concatenate([centre - half, centre + half], axis=-1)


@pytest.fixture(autouse=True)
def strips_for_few(monkeypatch):
    """Strips for the smallest sets too."""
    monkeypatch.setattr(within, "PAIRS_FOR_STRIPS", 0)


# For which there are no strips at any threshold: they take the same way, so the second is not compiled.
WITHOUT_STRIPS = ("l1 below", "iou_score below")
COMPILED = [name for name in CASES if name not in WITHOUT_STRIPS[1:]]


@pytest.mark.parametrize(
    ("name", "engine"), [(name, "array") for name in CASES] + [(name, "numba") for name in COMPILED]
)
def test_what_the_matrix_says(name, engine, rng, monkeypatch):
    monkeypatch.setattr(within, "ROOM", 1000)  # several turns
    loss, above = CASES[name]
    pred, target = spread(rng, 150, 30.0).astype("float32"), spread(rng, 333, 30.0).astype("float32")
    pred[40:60] = target[:20]
    pred[3, 1], target[4, 2], target[9] = np.nan, np.nan, target[9, [2, 3, 0, 1]]
    thresholds = (-0.5, 0.0, 0.3, 0.6, 1.0, 1.2, 40.0)
    counts = [check_within(loss, pred, target, t, above, engine=engine) for t in thresholds]
    assert max(counts) > 20
    assert all(loss.needed_overlap(t, above) is None for t in thresholds) == (name in WITHOUT_STRIPS)


@pytest.mark.parametrize("span", [1.0, 100.0, 1e5])
def test_sparse_and_crowded(span, rng):
    pred, target = spread(rng, 400, span), spread(rng, 500, span)
    for threshold in (0.0, 0.5):
        check_within(bl.iou_score, pred, target, threshold, True)
        check_within(bl.giou, pred, target, 1.0 - threshold, False)


def test_contact_and_boxes_without_area():
    """A grid of boxes that touch, points and lines, each with its equal."""
    x, y, w, h = (axis.reshape(-1) for axis in np.meshgrid(*[np.arange(3.0)] * 4))
    grid = np.stack([x, y, x + w, y + h], axis=-1)
    for threshold in (0.0, 0.5):
        assert check_within(bl.iou_score, grid, grid, threshold, True) >= len(grid)
        check_within(bl.giou, grid, grid, 1.0 - threshold, False)


def test_far_away_and_infinite(rng):
    pred = boxes(rng, 50)
    pred[::7] *= 1e12
    pred[1::7] += 1e15
    check_within(bl.iou_score, pred, pred, 0.1, True)
    pred[5, 2] = np.inf
    check_within(bl.iou_score, pred, pred, 0.1, True)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1, 1 / 3, 0.5, 0.9]), st.sampled_from(["float32", "float64"]))
def test_any_boxes(seed, threshold, dtype):
    """Coordinates of few values, so that edges and centres coincide; inverted boxes too."""
    rng = np.random.default_rng(seed)
    pred, target = (rng.integers(0, 7, (n, 4)).astype(dtype) / 3 for n in (20, 30))
    check_within(bl.iou_score, pred, target, threshold, True)


def test_formats_types_and_threads(rng, monkeypatch):
    monkeypatch.setattr(within, "ROWS_OF_STRIPS", 7)
    bl.set_num_threads(2)
    pred, target = (np.round(boxes(rng, n) * 20).astype("int64") for n in (50, 60))
    options = {"format": ("cxcywh", "xywh"), "eps": 0.5}
    assert check_within(bl.giou, pred, target, 0.9, False, **options)


@both_engines
def test_nothing(engine, rng):
    for pred, target in ((0, 3), (3, 0)):
        found = bl.giou.below(boxes(rng, pred), boxes(rng, target), 0.5, engine=engine)
        assert [array.shape for array in found] == [(0,)] * 3


@pytest.mark.parametrize("engine", ["auto", "array"])
def test_array_libraries(backend, engine, rng):
    pred, target = boxes(rng, 12), boxes(rng, 9)
    matrix = bl.giou.pairwise(pred, target, engine="array")
    i, j = np.nonzero(matrix < 1.2)
    found = bl.giou.below(backend.asarray(pred), backend.asarray(target), 1.2, engine=engine)
    assert len(i) > 3
    np.testing.assert_array_equal(backend.to_numpy(found[0]), i)
    np.testing.assert_array_equal(backend.to_numpy(found[1]), j)
    np.testing.assert_allclose(backend.to_numpy(found[2]), matrix[i, j], rtol=1e-12)


def test_errors():
    box = np.ones((3, 4))
    text = "pred of below and above must have shape (N, 4); got (1, 3, 4)"
    check_error(lambda: bl.giou.below(box[None], box, 0.5), ValueError, text)
    text = "target of below and above must have shape (N, 4); got (1, 3, 4)"
    check_error(lambda: bl.giou.above(box, box[None], 0.5), ValueError, text)
    check_error(lambda: bl.giou.below(box, box, np.nan), ValueError, "threshold must be finite; got nan")
    check_error(lambda: bl.giou.below(box, box, "1"), TypeError, "threshold must be a number; got the string '1'")
