"""`nearest` and `topk`: the best of a matrix that is never written, against the matrix."""

from functools import partial

import numpy as np
import pytest

import boxloss as bl
from best_of_rows import Insensitive, best_of, check
from boxloss.verbs.pairwise import array, rows
from cases import BY_NAME, CASES
from errors import check_error
from generators import boxes

# Every loss by the array engine; the compiled loop is one for all, so there a few that differ in what they prepare and
# compute: their operations are those of l1, siou and sums too. Those of siou are compiled in test_rotated.py as well.
COMPILED = ("giou", "log_iou", "ciou", "iou_score", "focaler_inner_siou")
both_engines = pytest.mark.parametrize("engine", ["array", "numba"])


@pytest.mark.parametrize(
    ("case", "engine"),
    [(case, "array") for case in CASES] + [(BY_NAME[name], "numba") for name in COMPILED],
    ids=lambda value: getattr(value, "name", value),
)
def test_what_the_matrix_says(case, engine, rng):
    pred, target = boxes(rng, 20).astype("float32").reshape(2, 10, 4), boxes(rng, 37).astype("float32")
    k = 4 if engine == "array" or case.name in ("giou", "iou_score", "log_iou") else 0  # the same function of a row
    check(case.loss, pred, np.concatenate([target, target]), engine, k=k)  # each target twice: ties
    pred[0, 3, 1], target[5] = np.nan, target[5, [2, 3, 0, 1]]
    target[7, 0] = np.nan
    check(case.loss, pred, target, engine, mask=rng.random((2, 37)) < 0.3, k=k)


@both_engines
@pytest.mark.parametrize("count", [1, 3, 16, 67])
def test_what_is_left_out_has_no_value_whatever_the_formula(count, engine, rng):
    pred, target = boxes(rng, 6).reshape(2, 3, 4), 10.0 + boxes(rng, count)
    for mask in (None, rng.random(count) < 0.5, rng.random((2, count)) < 0.5, np.zeros(count, bool)):
        check(Insensitive(), pred, target, engine, mask=mask, k=2)


@pytest.mark.parametrize("places", [(0, 1), (1, 8), (3, 67), (64, 73), (73, 64)])
def test_zeros_are_those_of_their_targets(places):
    """0 and -0 are equal, so that the first counts, with its own sign."""
    boxes = np.asarray([[2.0, -2, 8, 2], [0, 4, 4, 4]], np.float32)
    target = np.full((80, 4), [3, -2, 8, 3], np.float32)
    target[list(places)] = boxes
    matrix = bl.piou2.pairwise(boxes[:1], target, engine="numba")
    assert np.signbit(matrix[0, list(places)]).tolist() == [True, False], "what this test needs"
    for value, index in (
        bl.piou2.nearest(boxes[:1], target, engine="numba"),
        (one[:, 0] for one in bl.piou2.topk(boxes[:1], target, 1, engine="numba")),
    ):
        assert index.tolist() == [min(places)]
        assert np.signbit(value[0]) == np.signbit(matrix[0, min(places)])


@both_engines
@pytest.mark.parametrize("name", ["iou_score", "giou"])
@pytest.mark.parametrize("k", [1, 10, 100, 257, 3000])
def test_many_targets(name, k, engine, rng, monkeypatch):
    """Several blocks, and several pieces of each."""
    monkeypatch.setattr(rows, "BLOCK_OF_TARGETS", 1024)
    monkeypatch.setattr(rows, "VALUES_AT_A_TIME", 256)
    monkeypatch.setattr(array, "PAIRS_ON_CPU", 7000)
    check(BY_NAME[name].loss, boxes(rng, 9), boxes(rng, 2500), engine, k=k)


@both_engines
@pytest.mark.parametrize("k", [1, 7, 8, 9, 63, 64, 65, 170, 200, 256, 257])
def test_many_ties(k, engine, rng, monkeypatch):
    """Boxes of few places: hundreds of targets of one value, at the bound of the best too, in several blocks."""
    monkeypatch.setattr(rows, "BLOCK_OF_TARGETS", 256)
    monkeypatch.setattr(rows, "VALUES_AT_A_TIME", 128)
    pred, target = (rng.integers(0, 3, (n, 4)).astype("float64") + [0, 0, 3, 3] for n in (6, 700))
    check(bl.iou_score, pred, target, engine, k=k)
    check(bl.giou, pred, target, engine, k=k)


@both_engines
def test_many_of_targets_that_mostly_count(engine, rng):
    """Of two batches one has enough targets that count, and the other too few: its rows are put in order as a whole."""
    pred, target, mask = boxes(rng, 6).reshape(2, 3, 4), boxes(rng, 1300), np.ones((2, 1300), bool)
    mask[0, ::2], mask[1, 200:] = False, False
    target[5] = np.nan
    for name in ("giou", "iou_score"):
        check(BY_NAME[name].loss, pred, target, engine, mask=mask, k=300)


@both_engines
@pytest.mark.parametrize("shapes", [((3, 1), (4,)), ((1,), (3,)), ((2, 2), ()), ((0, 2), (2,))])
def test_batches_broadcast(shapes, engine, rng):
    pred, target = (boxes(rng, 3 * int(np.prod(s))).reshape(*s, 3, 4) for s in shapes)
    check(bl.giou, pred, target, engine)


@both_engines
def test_batches_that_only_the_mask_tells_apart(engine, rng):
    check(bl.giou, boxes(rng, 8).reshape(2, 4, 4), boxes(rng, 20), engine, mask=rng.random((2, 20)) < 0.5)


@both_engines
def test_without_targets(engine, rng):
    for loss, none in ((bl.giou, np.inf), (bl.iou_score, -np.inf)):
        value, index = loss.nearest(boxes(rng, 3), np.empty((0, 4)), engine=engine)
        assert (value.tolist(), index.tolist()) == ([none] * 3, [-1] * 3)
        value, index = loss.topk(boxes(rng, 3), boxes(rng, 1), 2, engine=engine)
        assert (value[:, 1].tolist(), index.tolist()) == ([none] * 3, [[0, -1]] * 3)
        assert loss.nearest(np.empty((0, 4)), boxes(rng, 3), engine=engine)[0].shape == (0,)


@both_engines
def test_infinite_losses_are_values_too(engine):
    """Squares that overflow, behind a target of NaN."""
    pred, target = np.zeros((1, 4)), np.full((3, 4), 1e200)
    target[0] = np.nan
    value, index = bl.l2.nearest(pred, target, engine=engine)
    assert (value.tolist(), index.tolist()) == ([np.inf], [1])
    assert bl.l2.topk(pred, target, 3, engine=engine)[1].tolist() == [[1, 2, -1]]


@pytest.mark.parametrize("dtype", ["float64", "float16", "int64"])
def test_types_and_formats(dtype, rng):
    pred, target = (np.round(boxes(rng, n) * 20).astype(dtype) for n in (5, 9))
    check(bl.ciou, pred, target, "auto", format=("cxcywh", "rel_xywh"), image_size=(2, 3), eps=1e-3)


def test_threads(rng, monkeypatch):
    monkeypatch.setattr(rows, "CHUNK_OF_PAIRS", 100)
    bl.set_num_threads(2)
    check(bl.giou, boxes(rng, 60).reshape(3, 20, 4), boxes(rng, 50), "numba")


def test_sums_know_whether_they_are_scores():
    assert (2.0 * bl.iou_score).is_score
    assert (bl.iou_score * 1.0 + -0.5 * bl.l1).is_score
    assert not (bl.giou + bl.l1).is_score
    assert not (-1.0 * bl.iou_score).is_score


@pytest.mark.parametrize("backend_engine", ["auto", "array"])
def test_array_libraries(backend, backend_engine, rng):
    pred, target = boxes(rng, 12).reshape(2, 6, 4), boxes(rng, 7)
    mask = rng.random((2, 7)) < 0.6
    given = [backend.asarray(a) for a in (pred, target, mask)]
    for loss in (bl.ciou, bl.iou_score):
        matrix = np.where(mask[:, None], loss.pairwise(pred, target, engine="array"), np.nan)
        value, index = best_of(matrix, loss.is_score, 3)
        found = loss.topk(*given[:2], 3, target_mask=given[2], engine=backend_engine)
        backend.assert_like(found[0], value)
        np.testing.assert_array_equal(backend.to_numpy(found[1]), index)
        found = loss.nearest(*given[:2], target_mask=given[2], engine=backend_engine)
        backend.assert_like(found[0], value[..., 0])
        np.testing.assert_array_equal(backend.to_numpy(found[1]), index[..., 0])


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"target_mask": np.ones(3)}, TypeError, "target_mask must be of a boolean type; got float64"),
        (
            {"target_mask": np.ones((4, 3), bool)},
            ValueError,
            "target_mask must have a truth for each target, of a shape that broadcasts to (3,); got (4, 3)",
        ),
        (
            {"target_mask": np.ones(1, bool)},
            ValueError,
            "target_mask must have a truth for each target, of a shape that broadcasts to (3,); got (1,)",
        ),
        ({"engine": "gpu"}, ValueError, "engine must be one of 'auto', 'array', 'numba', 'cuda'; got 'gpu'"),
    ],
)
def test_errors(options, kind, text):
    box = np.ones((3, 4))
    check_error(lambda: bl.giou.nearest(box, box, **options), kind, text)
    check_error(lambda: bl.giou.topk(box, box, 2, **options), kind, text)


def test_errors_of_k():
    box = np.ones((3, 4))
    check_error(lambda: bl.giou.topk(box, box, 0), ValueError, "k must be at least 1; got 0")
    check_error(lambda: bl.giou.topk(box, box, 1.5), TypeError, "k must be a whole number; got float")
    check_error(lambda: bl.giou.topk(box, box, True), TypeError, "k must be a whole number; got bool")
    for k in (2**31, 10**20):
        text = f"k must be at most 2147483647; got {k}"
        check_error(partial(bl.giou.topk, box, box, k), ValueError, text)
