"""Boxes in space by where they stand: `below`, `above`, `nms` and `soft_nms` against the matrix of all pairs."""

import numpy as np
import pytest

import boxloss as bl
from boxloss.shapes.solid.shape import SOLID, TURNED_SOLID
from boxloss.verbs.nms import numba as nms_engine
from boxloss.verbs.within import numba as within
from of_all_pairs import check_soft_nms, check_within, survivors

FORMATS = ("xyzxyz", "cxcyczwlh", "cxcyczwlha")
LOSSES = [*map(bl.get, bl.losses()), 2.0 * bl.giou + 0.1 * bl.l1, bl.LogIoU(min_iou=0.5)]


@pytest.fixture(autouse=True)
def strips_for_few(monkeypatch):
    """Strips for the smallest sets too."""
    monkeypatch.setattr(within, "PAIRS_FOR_STRIPS", 0)
    monkeypatch.setattr(nms_engine, "BOXES_FOR_STRIPS", 0)


def spread(rng, n, span, high=20.0):
    """Boxes (cx, cy, cz, w, l, h, yaw) of very different sizes, on a ground of that span and one above the other."""
    centre = rng.uniform(-1.0, 1.0, (n, 3)) * [span, span, high]
    sides = np.exp(rng.uniform(np.log(0.05), np.log(40.0), (n, 3)))
    return np.concatenate([centre, sides, rng.uniform(-4.0, 4.0, (n, 1))], axis=-1)


def stacked(rng, n):
    """Boxes of like ground, of which some stand above others."""
    boxes = np.tile([0.0, 0.0, 0.0, 4.0, 2.0, 1.5, 0.3], (n, 1))
    return boxes + rng.normal(0, 1, (n, 7)) * [0.5, 0.5, 2.0, 0.2, 0.2, 0.2, 0.1]


def coincident(rng, n):
    """Boxes of few places, sides and yaws, some of them without volume, inverted, far away or not numbers."""
    boxes = rng.integers(0, 5, (n, 7)).astype("float64") - [0, 0, 0, 1, 1, 1, 0]
    boxes[:, 6] *= np.pi / 4
    boxes[rng.random(n) < 0.05, rng.integers(0, 7)] = np.nan
    boxes[rng.random(n) < 0.05, :3] += 1e6
    return boxes


SETS = {
    "sparse": lambda rng, n: spread(rng, n, 300.0),
    "crowded": lambda rng, n: spread(rng, n, 10.0, 3.0),
    "stacked": stacked,
    "coincident": coincident,
}
# A score in one float type and a loss in the other. The loop is one for all formulas and shapes, and test_within.py has
# both in both: test_what_the_matrix_says in float32, test_sparse_and_crowded in float64.
COMPILED = (
    ("float32", bl.iou_score, True, (0.0, 0.3, 0.57, 0.95)),
    ("float64", bl.giou, False, (0.05, 0.5, 1.0, 1.3)),
)
every_set = pytest.mark.parametrize("name", SETS)
every_format = pytest.mark.parametrize("format", FORMATS)


def given(boxes, format, dtype="float64"):
    """The boxes in a format; those along the axes without the yaw."""
    own = boxes if format == "cxcyczwlha" else boxes[:, :6]
    if format == "xyzxyz":
        own = np.concatenate([own[:, :3] - 0.5 * own[:, 3:], own[:, :3] + 0.5 * own[:, 3:]], axis=-1)
    return np.ascontiguousarray(own.astype(dtype))


@every_format
@every_set
def test_what_the_matrix_says(name, format, rng):
    pred, target = (SETS[name](rng, n) for n in (200, 300))
    pred[:20] = target[:20]
    for dtype, loss, above, thresholds in COMPILED:
        own, other = given(pred, format, dtype), given(target, format, dtype)
        assert max(check_within(loss, own, other, t, above, format=format) for t in thresholds) >= 15


@pytest.mark.parametrize("place", range(7))
def test_an_infinite_box(place, rng):
    boxes = spread(rng, 60, 40.0)
    boxes[5, place] = np.inf if place < 6 else 1e5
    check_within(bl.iou_score, boxes, boxes, 0.1, True, format="cxcyczwlha")


def test_strips_are_used(rng, monkeypatch):
    """Boxes that are found by where they stand are compared with few others."""
    seen = []
    whole = within.strips_of
    monkeypatch.setattr(within, "strips_of", lambda *arguments: seen.append(whole(*arguments)) or seen[-1])
    for format in FORMATS:
        boxes = given(spread(rng, 100, 300.0), format)
        bl.iou_score.above(boxes, boxes, 0.5, format=format)
        bl.nms(boxes, rng.random(100), format=format)
    assert len(seen) == 2 * len(FORMATS)
    assert all(strips is not None and len(strips.starts) > 2 for strips in seen)


def is_defined(loss, shape):
    try:
        loss.program.structure.check_shape(shape)
    except ValueError:
        return False
    return True


@every_format
def test_bound_of_boxes_apart(format, rng):
    """What `below` passes over is really not below: the value is at least `per_distance` times 1 - IoU."""
    shape = TURNED_SOLID if format == "cxcyczwlha" else SOLID
    pred, target = (given(np.concatenate([spread(rng, 2000, 15.0, 5.0), stacked(rng, 1000)]), format) for _ in range(2))
    options = {"format": format, "engine": "array"}
    score = bl.iou_score(pred, target, **options)
    assert (score == 0.0).any()
    assert (score > 0.1).any()
    bounded = [loss for loss in LOSSES if loss.per_distance > 0.0 and is_defined(loss, shape)]
    assert len(bounded) > 5
    for loss in bounded:
        value = loss(pred, target, **options)
        assert (value >= loss.per_distance * (1.0 - score) * (1.0 - 1e-9)).all(), loss


# --- Suppression ----------------------------------------------------------------------------------------------------


def quotients(boxes, format):
    """The IoU of all with all; NaN where it is that of two boxes without volume."""
    matrix = bl.iou_score.pairwise(boxes, boxes, format=format)
    volumes = bl.area(boxes, format=format)
    return np.where(volumes[:, None] + volumes > 0.0, matrix, np.nan)


@every_format
@every_set
def test_survivors(name, format, rng):
    boxes, scores, labels = (
        given(SETS[name](rng, 300), format),
        rng.integers(0, 100, 300) / 100,
        rng.integers(0, 3, 300),
    )
    score = quotients(boxes, format)
    for threshold in (0.0, 0.31, 0.87):
        found = bl.nms(boxes, scores, threshold=threshold, format=format)
        assert found.tolist() == survivors(score > threshold, scores)
    found = bl.nms(boxes, scores, labels=labels, threshold=0.4, format=format)
    assert found.tolist() == survivors(score > 0.4, scores, labels)


@every_format
def test_soft_nms(format, rng):
    boxes, scores = given(stacked(rng, 60), format), rng.integers(1, 20, 60) / 20
    check_soft_nms(boxes, scores, quotients(boxes, format), format=format)
