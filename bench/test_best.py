"""The verbs that keep the best of a matrix, against the matrix itself, and against spatial indexes and suppressions."""

from functools import partial

import numpy as np
import powerboxes
import pytest

import boxloss as bl


@pytest.fixture(autouse=True)
def one_thread():
    """Everything on one thread, as the peers are."""
    before = bl.get_num_threads()
    bl.set_num_threads(1)
    yield
    bl.set_num_threads(before)


def anywhere(count, density):
    """Boxes with sides from 10 to 100, as many on an area as give each so many others that it touches."""
    rng = np.random.default_rng(0)
    side = np.exp(rng.uniform(np.log(10.0), np.log(100.0), (count, 2)))
    span = (2.0 * side.mean()) * np.sqrt(count / density)
    centre = rng.uniform(0.0, span, (count, 2))
    boxes = np.concatenate([centre - 0.5 * side, centre + 0.5 * side], axis=1)
    return boxes, rng.permutation(count) / count


@pytest.mark.parametrize("name", ["iou", "giou", "ciou"])
def test_nearest_and_topk(name, compare, boxes, smoke):
    rows, columns = (1000, 300) if smoke else (10_000, 1000)
    pred, target = boxes(rows)[0], boxes(columns)[1]
    loss, out = bl.get(name), np.zeros((rows, columns), np.float32)
    contestants = {
        "pairwise(out=)": partial(loss.pairwise, pred, target, out=out),
        "nearest": partial(loss.nearest, pred, target),
        "topk(10)": partial(loss.topk, pred, target, 10),
        "pairwise and argmin": lambda: loss.pairwise(pred, target, out=out).argmin(axis=1),
    }
    np.testing.assert_array_equal(contestants["nearest"]()[1], contestants["pairwise and argmin"]())
    row = {"loss": name, "dtype": "float32", "threads": 1}
    compare("nearest", row, contestants, per="pair", count=rows * columns, budget=6.0)


@pytest.mark.parametrize("density", [0.1, 30.0], ids=["sparse", "crowded"])
def test_above(density, compare, smoke):
    count = 2000 if smoke else 100_000
    pred, _ = anywhere(count, density)
    target = pred + np.random.default_rng(1).uniform(-5, 5, pred.shape)
    contestants = {"above(0.5)": partial(bl.iou_score.above, pred, target, 0.5)}
    row = {"boxes": count, "density": density, "threads": 1}
    compare("above", row, contestants, per="box", count=count, budget=6.0)


@pytest.mark.parametrize("density", [0.1, 30.0], ids=["sparse", "crowded"])
@pytest.mark.parametrize("count", [1000, 20_000, 100_000])
def test_nms(count, density, compare, smoke):
    if smoke and count > 1000:
        pytest.skip("a short run")
    boxes, scores = anywhere(count, density)
    contestants = {
        "nms": partial(bl.nms, boxes, scores),
        "powerboxes, R-tree": lambda: powerboxes.rtree_nms(boxes, scores, 0.5, -1.0),
    }
    if count <= 1000:
        contestants["powerboxes"] = lambda: powerboxes.nms(boxes, scores, 0.5, -1.0)
    kept = set(contestants["nms"]().tolist())
    assert all(set(np.asarray(call()).tolist()) == kept for call in contestants.values())
    row = {"boxes": count, "density": density, "threads": 1}
    compare("nms", row, contestants, per="box", count=count, budget=6.0)


@pytest.mark.parametrize("density", [0.1, 30.0], ids=["sparse", "crowded"])
@pytest.mark.parametrize("count", [1000, 20_000])
def test_rotated_nms(count, density, compare, smoke):
    if smoke and count > 1000:
        pytest.skip("a short run")
    corners, scores = anywhere(count, density)
    boxes = bl.convert(corners, "xyxy", "cxcywhd")
    boxes[:, 4] = np.random.default_rng(1).uniform(-90, 90, count)
    contestants = {  # powerboxes panics on crowded sets
        "nms": partial(bl.nms, boxes, scores, format="cxcywhd"),
        "nms without angles": partial(bl.nms, corners, scores),
    }
    row = {"boxes": count, "density": density, "threads": 1}
    compare("rotated_nms", row, contestants, per="box", count=count, budget=6.0)
