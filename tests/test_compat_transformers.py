"""`boxloss.compat.transformers` on every array library; `tests/peers` compares it with transformers itself."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose

import boxloss as bl
import boxloss.compat.transformers as compat
from errors import BOXES, check_error, table
from generators import mixed


def areas_of_unions(one, two):
    """Sides of corners, one pair at a time."""
    union = np.empty((len(one), len(two)))
    for i, p in enumerate(one):
        for j, t in enumerate(two):
            shared = np.clip(np.minimum(p[2:], t[2:]) - np.maximum(p[:2], t[:2]), 0, None).prod()
            union[i, j] = (p[2:] - p[:2]).prod() + (t[2:] - t[:2]).prod() - shared
    return union


def test_every_library(backend, rng):
    one, two = (10.0 * side for side in mixed(rng, 6))
    given = [backend.asarray(side) for side in (one, two)]
    iou, union = compat.box_iou(*given)
    backend.assert_like(iou, bl.iou_score.pairwise(one, two, engine="array"))
    backend.assert_like(union, areas_of_unions(one, two), rtol=1e-10)
    backend.assert_like(compat.generalized_box_iou(*given), 1 - bl.giou.pairwise(one, two, engine="array"))


def test_batches_and_no_boxes(rng):
    batch = np.stack([10.0 * side for side in mixed(rng, 5)])
    for function in (lambda a, b: compat.box_iou(a, b)[1], compat.generalized_box_iou):
        assert_allclose(function(batch, batch[0])[1], function(batch[1], batch[0]))
        assert function(batch[0, :0], batch[1]).shape == (0, len(batch[1]))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64"])
def test_union_has_the_type_of_the_iou(dtype):
    boxes = np.asarray([[0, 0, 300, 300], [100, 100, 300, 400]], dtype=dtype)
    iou, union = compat.box_iou(boxes, boxes)
    assert union.dtype == iou.dtype
    assert_allclose(union, areas_of_unions(boxes.astype("f8"), boxes.astype("f8")), rtol=1e-6)


def test_boxes_without_area():
    """Nothing is divided by 0: equal points match, and their union is empty."""
    points = np.asarray([[1.0, 1, 1, 1], [2, 2, 2, 2]])
    iou, union = compat.box_iou(points, points)
    assert iou.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert union.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert compat.generalized_box_iou(points, points).tolist() == [[1.0, -1.0], [-1.0, 1.0]]


def test_inverted_sides_count_as_zero():
    iou, union = compat.box_iou(np.asarray([[3.0, 0, 1, 2]]), np.asarray([[0.0, 0, 4, 1]]))
    assert (iou, union) == (0.0, 4.0)


@pytest.mark.torch
def test_the_union_is_differentiable(rng):
    """By central differences, away from kinks."""
    import torch

    pred, target = (torch.tensor(10.0 * side) for side in mixed(rng, 4))
    pred.requires_grad_()
    assert torch.autograd.gradcheck(lambda p: compat.box_iou(p, target), pred, atol=1e-4)


def test_signatures():
    for name in compat.__all__:
        assert list(inspect.signature(getattr(compat, name)).parameters) == ["boxes1", "boxes2"]


INVERTED, NAN = BOXES[:, ::-1], np.asarray([[0.0, 0, 1, np.nan], [0, 0, 1, 1]])
WANTED = "must be corners with x1 <= x2 and y1 <= y2; got"


@table(
    (
        "inverted",
        lambda: compat.generalized_box_iou(INVERTED, BOXES),
        ValueError,
        f"boxes1 {WANTED} 2 of 2 that are inverted or NaN",
    ),
    (
        "nan",
        lambda: compat.generalized_box_iou(BOXES, NAN),
        ValueError,
        f"boxes2 {WANTED} 1 of 2 that are inverted or NaN",
    ),
    (
        "shape",
        lambda: compat.box_iou(BOXES[:, :3], BOXES),
        ValueError,
        "boxes1 must have shape (..., 4); got (2, 3)",
    ),
    (
        "array",
        lambda: compat.generalized_box_iou(BOXES, [[0, 0, 1, 1]]),
        TypeError,
        "boxes2 must be an array of a library that follows the array API standard; got builtins.list. "
        "Convert it first, for example with numpy.asarray(boxes2)",
    ),
)
def test_errors(call, kind, text):
    check_error(call, kind, text)
