"""The best of each row on a GPU: every bit is that of the matrix, however many threads share a row."""

import numpy as np
import pytest

import boxloss as bl
import rotated_boxes
from best_of_rows import Insensitive, best_of
from boxloss.verbs.nearest import cuda as nearest
from generators import boxes

# Alone or with others: a block compares its warps, and in each the lanes.
alone_or_together = pytest.mark.parametrize("lanes", [1, 256], indirect=True)


@pytest.fixture
def lanes(request, monkeypatch):
    """So many threads share a row of `nearest`, whatever the sizes."""
    monkeypatch.setattr(nearest, "lanes_a_row", lambda *sizes: request.param)


def matrix_of(library, loss, pred, target, mask=None, **options):
    """The matrix by the same engine, NaN where a target does not count."""
    matrix = library.to_numpy(loss.pairwise(pred, target, engine=library.engine, **options))
    return matrix if mask is None else np.where(mask[..., None, :], matrix, np.nan)


def check_nearest(library, loss, pred, target, mask=None, **options):
    given = library.asarray(pred), library.asarray(target)
    matrix = matrix_of(library, loss, *given, mask, **options)
    options["target_mask"] = None if mask is None else library.asarray(mask)
    value, index = loss.nearest(*given, engine=library.engine, **options)
    expected = best_of(matrix, loss.is_score, 1)
    library.check_kind(value, matrix.shape[:-1], matrix.dtype.name)
    library.check_kind(index, matrix.shape[:-1], "int64")
    np.testing.assert_array_equal(library.to_numpy(value), expected[0][..., 0])
    np.testing.assert_array_equal(library.to_numpy(index), expected[1][..., 0])


def check_topk(library, loss, pred, target, k, mask=None, **options):
    given = library.asarray(pred), library.asarray(target)
    matrix = matrix_of(library, loss, *given, mask, **options)
    options["target_mask"] = None if mask is None else library.asarray(mask)
    value, index = loss.topk(*given, k, engine=library.engine, **options)
    expected = best_of(matrix, loss.is_score, k)
    library.check_kind(value, (*matrix.shape[:-1], k), matrix.dtype.name)
    library.check_kind(index, (*matrix.shape[:-1], k), "int64")
    np.testing.assert_array_equal(library.to_numpy(value), expected[0])
    np.testing.assert_array_equal(library.to_numpy(index), expected[1])


def of_all_kinds(rng, n):
    """Ordinary boxes, every seventh inverted, every fifteenth of NaN; each other one twice."""
    some = np.repeat(boxes(rng, n), 2, axis=0)[:n]
    some[3::7] = some[3::7, [2, 1, 0, 3]]
    some[5::15, 2] = np.nan
    return some


def of_few_places(rng, n):
    """Boxes each of which stands many times."""
    return rng.integers(0, 3, (n, 4)).astype("float64") + [0, 0, 3, 3]


# --- Sizes at the bounds of warps, blocks and what is staged at a time ------------------------------------------------


@pytest.mark.parametrize(
    ("lanes", "rows", "columns"),
    [
        *((1, 1, 1), (1, 257, 33), (1, 3, 257)),
        *((32, 1, 1), (32, 8, 33), (32, 9, 257), (32, 33, 31)),
        *((256, 1, 1), (256, 2, 255), (256, 3, 1025)),
    ],
    indirect=["lanes"],
)
@pytest.mark.usefixtures("lanes")
def test_nearest_of_sizes(rows, columns, library, rng):
    check_nearest(library, bl.giou, of_all_kinds(rng, rows), of_all_kinds(rng, columns))
    check_nearest(library, bl.giou, boxes(rng, rows), boxes(rng, columns))


@pytest.mark.parametrize(
    ("k", "rows", "columns"), [(1, 1, 1), (1, 9, 257), (5, 8, 256), (31, 3, 33), (32, 2, 300), (32, 7, 31)]
)
def test_topk_of_sizes(k, rows, columns, library, rng):
    check_topk(library, bl.giou, of_all_kinds(rng, rows), of_all_kinds(rng, columns), k)
    check_topk(library, bl.giou, boxes(rng, rows), boxes(rng, columns), k)


@pytest.mark.parametrize("k", [33, 70])
def test_more_than_the_kernel_keeps(k, library, rng):
    check_topk(library, bl.giou, of_all_kinds(rng, 5), of_all_kinds(rng, 60), k)


def test_worst_order(library, rng):
    """Each target beats all before it."""
    pred = np.asarray([[0.0, 0, 1, 1]])
    target = pred + np.linspace(5.0, 0.0, 100)[:, None]
    check_topk(library, bl.giou, pred, target, 10)
    check_topk(library, bl.giou, pred, target[::-1], 10)


# --- Ties, masks, batches ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lanes", "loss"),
    [(1, bl.iou_score), (32, bl.giou), (256, bl.iou_score)],
    ids=["1-iou_score", "32-giou", "256-iou_score"],
    indirect=["lanes"],
)
@pytest.mark.usefixtures("lanes")
def test_nearest_of_ties(loss, library, rng):
    check_nearest(library, loss, of_few_places(rng, 12), of_few_places(rng, 300))


@pytest.mark.parametrize(("k", "loss"), [(8, bl.iou_score), (32, bl.giou)], ids=["8-iou_score", "32-giou"])
def test_topk_of_ties(k, loss, library, rng):
    check_topk(library, loss, of_few_places(rng, 12), of_few_places(rng, 300), k)


@alone_or_together
@pytest.mark.usefixtures("lanes")
def test_nearest_with_a_mask(library, rng):
    pred, target, mask = of_all_kinds(rng, 24).reshape(3, 8, 4), of_all_kinds(rng, 70), rng.random((3, 70)) < 0.3
    mask[1] = False
    check_nearest(library, bl.giou, pred, target, mask)
    check_nearest(library, bl.giou, pred, boxes(rng, 70), mask)


def test_topk_with_a_mask(library, rng):
    pred, target, mask = of_all_kinds(rng, 24).reshape(3, 8, 4), of_all_kinds(rng, 70), rng.random((3, 70)) < 0.2
    mask[1] = False
    check_topk(library, bl.giou, pred, target, 12, mask)
    check_topk(library, bl.iou_score, pred[0], boxes(rng, 70), 12, mask[0])


@alone_or_together
@pytest.mark.usefixtures("lanes")
def test_masked_targets_have_no_value_whatever_the_formula(library, rng):
    pred, target, mask = boxes(rng, 8), 10.0 + boxes(rng, 70), rng.random(70) < 0.3
    check_nearest(library, Insensitive(), pred, target, mask)
    check_topk(library, Insensitive(), pred, target, 30, mask)


@pytest.mark.parametrize("shapes", [((3, 1), (4,)), ((1,), (3,)), ((2, 2), ()), ((0, 2), (2,))])
def test_batches_broadcast(shapes, library, rng):
    pred, target = (boxes(rng, 3 * int(np.prod(s))).reshape(*s, 3, 4) for s in shapes)
    check_nearest(library, bl.giou, pred, target)
    check_topk(library, bl.giou, pred, target, 2)


def of_infinite_values():
    """Squares that overflow behind targets of NaN, and the same with one that does not."""
    pred, target = np.zeros((2, 4)), np.full((2, 40, 4), 1e200)
    target[:, :35] = np.nan
    target[1, 38] = 3.0
    return pred, target


@alone_or_together
@pytest.mark.usefixtures("lanes")
def test_infinite_values_may_be_the_nearest(library):
    check_nearest(library, bl.l2, *of_infinite_values())


def test_infinite_values_are_in_order_too(library):
    check_topk(library, bl.l2, *of_infinite_values(), 7)


def test_without_targets_or_preds(library, rng):
    for loss in (bl.giou, bl.iou_score):
        check_nearest(library, loss, boxes(rng, 3), boxes(rng, 0))
        check_nearest(library, loss, boxes(rng, 0), boxes(rng, 3))
        check_topk(library, loss, boxes(rng, 3), boxes(rng, 0), 2)
        check_topk(library, loss, boxes(rng, 0), boxes(rng, 3), 2)


# --- Losses, types and kinds of box -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("lanes", "precision"), [(1, "float32"), (32, "float64")], indirect=["lanes"])
@pytest.mark.usefixtures("lanes")
def test_what_a_loss_prepares_of_a_box(precision, library, rng):
    pred, target = (side.astype(precision) for side in (boxes(rng, 40), of_all_kinds(rng, 70)))
    options = {"format": ("cxcywh", "rel_xywh"), "image_size": (2, 3), "eps": 1e-3}
    check_nearest(library, bl.ciou, pred, target, **options)
    check_topk(library, bl.ciou, pred, target, 9, **options)


def test_boxes_with_an_angle(library, rng):
    """Their six numbers are no multiple of those of 16 bytes."""
    pred, target = (rotated_boxes.boxes(rng, n).astype("float32") for n in (20, 50))
    check_nearest(library, bl.iou, pred, target, format="cxcywha")


def test_boxes_that_are_not_aligned(library, rng):
    """Views of which no box begins at a multiple of 16 bytes."""
    pred, target = boxes(rng, 20), boxes(rng, 50)
    odd = [library.asarray(np.concatenate([[0.0], side.reshape(-1)]))[1:].reshape(-1, 4) for side in (pred, target)]
    expected = bl.giou.nearest(library.asarray(pred), library.asarray(target), engine=library.engine)
    for result, known in zip(bl.giou.nearest(*odd, engine=library.engine), expected, strict=True):
        library.check_equal(result, known)
