"""Arrays of shape (0,), which libraries make of an empty list, as no boxes: of every verb, function and library."""

import numpy as np
import pytest

import boxloss as bl
from boxloss.compat import torchvision, transformers
from boxloss.engines.numba import compile
from errors import BOXES, check_error

TYPES = [("float64", "float32"), ("float32", "float64"), ("float64", "int32"), ("int64", "float32")]


def nothing(backend, dtype="float64"):
    return backend.asarray(np.asarray([]), dtype)


def check(backend, result, shape, dtype):
    assert tuple(result.shape) == shape
    assert result.dtype == backend.dtype(dtype)
    assert backend.to_numpy(result).size == 0


def test_pairs(backend):
    """The type of an empty list is nobody's choice: that of the other array counts."""
    empty, one = nothing(backend), backend.asarray(BOXES[:1], "float32")
    check(backend, bl.giou(empty, empty), (0,), "float64")
    check(backend, bl.giou(empty, one), (0,), "float32")
    value, (d_pred, d_target) = bl.giou.value_and_grad(one, empty, wrt="both", format=("cxcywh", "xyxy"))
    check(backend, value, (0,), "float32")
    check(backend, d_pred, (0, 4), "float32")
    check(backend, d_target, (0, 4), "float32")
    assert float(backend.to_numpy(bl.giou(empty, one, reduction="mean", weight=2.0))) == 0.0


@pytest.mark.parametrize(("dtype", "other"), TYPES)
def test_matrices(dtype, other, backend):
    empty, boxes = nothing(backend, dtype), backend.asarray(BOXES, other)
    expected = "float64" if other == "int32" else other
    check(backend, bl.giou.pairwise(empty, boxes), (0, 2), expected)
    check(backend, bl.giou.pairwise(boxes, empty), (2, 0), expected)
    check(backend, bl.giou.pairwise(empty, empty), (0, 0), "float64" if dtype == "int64" else dtype)


def test_functions_of_boxes(backend):
    empty = nothing(backend)
    check(backend, bl.area(empty), (0,), "float64")
    check(backend, bl.convert(empty, "xywh", "cxcywh"), (0, 4), "float64")
    check(backend, bl.clip_to_image(empty, (4, 5)), (0, 4), "float64")
    for found in bl.validate(empty):
        check(backend, found, (0,), "bool")


@pytest.mark.parametrize("format", ["xyxy", "cxcywha"])
def test_pairs_within_and_suppression(format):
    empty, boxes = np.asarray([]), bl.convert(BOXES, "xyxy", format)
    for pred, target in ((empty, boxes), (boxes, empty), (empty, empty)):
        assert [len(found) for found in bl.giou.below(pred, target, 0.5, format=format)] == [0, 0, 0]
    assert len(bl.nms(empty, empty, format=format)) == 0
    assert [len(found) for found in bl.soft_nms(empty, empty, format=format)] == [0, 0]


@pytest.mark.parametrize("format", ["xyxy", "cxcywha"])
def test_nothing_is_compiled(format, monkeypatch):
    class Own(bl.GIoU):
        """A loss that no other test has a kernel of."""

    def refuse(*asked):
        raise AssertionError(f"nothing is to be compiled; got {asked}")

    monkeypatch.setattr(compile, "_entries", {})
    monkeypatch.setattr(compile, "dispatcher", refuse)
    boxes, given = bl.convert(BOXES, "xyxy", format), {"format": format}
    empty, loss, size = boxes[:0], Own(), boxes.shape[1]
    for dtype in ("float32", "float64"):
        for batch in ((0,), (3, 0)):
            nothing = np.empty((*batch, size), dtype)
            value, grads = loss.value_and_grad(nothing, nothing, wrt="both", weight=np.ones(batch), **given)
            assert [(of.shape, of.dtype) for of in (value, *grads)] == [
                (shape, dtype) for shape in (batch, (*batch, size), (*batch, size))
            ]
            assert loss(nothing, nothing, reduction="mean", **given) == 0.0
    for pred, target in ((empty, boxes), (boxes, empty), (empty, empty)):
        shape = (len(pred), len(target))
        assert loss.pairwise(pred, target, **given).shape == shape
        out = np.empty((2, *shape))
        assert loss.pairwise(np.stack([pred, pred]), target, out=out, **given) is out
        for k, (value, index) in (
            (1, loss.nearest(pred, target, **given)),
            (2, loss.topk(pred, target, 2, target_mask=np.ones(len(target), bool), **given)),
        ):
            assert value.tolist() == (np.inf * np.ones((len(pred), k)[:k])).tolist()
            assert (index == -1).all()
        for found, dtype in zip(loss.below(pred, target, 0.5, **given), (np.int64, np.int64, float), strict=True):
            assert (found.shape, found.dtype) == ((0,), dtype)
    scores, groups = np.empty(0), np.empty(0, np.int64)
    assert bl.nms(empty, scores, labels=groups, batch=groups, metric=loss, max_kept=3, **given).dtype == np.int64
    assert [len(found) for found in bl.soft_nms(empty, scores, metric=loss, **given)] == [0, 0]
    for call in (loss, loss.pairwise, loss.nearest, lambda *pair, **how: loss.below(*pair, 0.5, **how)):
        with pytest.raises(AssertionError, match="nothing is to be compiled"):
            call(boxes, boxes, **given)


def test_the_functions_of_other_libraries(backend):
    empty, boxes = nothing(backend), backend.asarray(BOXES, "float32")
    check(backend, torchvision.box_iou(empty, boxes), (0, 2), "float32")
    check(backend, torchvision.complete_box_iou(boxes, empty), (2, 0), "float32")
    check(backend, torchvision.box_area(empty), (0,), "float64")
    check(backend, torchvision.box_convert(empty, "xyxy", "xywh"), (0, 4), "float64")
    check(backend, torchvision.generalized_box_iou_loss(empty, empty), (0,), "float64")
    for matrix in transformers.box_iou(empty, boxes):
        check(backend, matrix, (0, 2), "float32")
    check(backend, transformers.generalized_box_iou(boxes, empty), (2, 0), "float32")


def test_no_boxes_do_not_broadcast_against_two():
    text = (
        "the leading shapes of pred and target must broadcast; got (0,) and (2,). "
        "Each pred with each target is the pairwise of a loss"
    )
    check_error(lambda: bl.giou(np.asarray([]), BOXES), ValueError, text)
    check_error(lambda: bl.giou(np.empty((3, 0)), BOXES), ValueError, "pred must have shape (..., 4); got (3, 0)")


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_tensors_in_graphs_and_with_gradients():
    import torch

    boxes = torch.tensor(BOXES, dtype=torch.float32, requires_grad=True)
    empty = torch.tensor([], dtype=torch.float64, requires_grad=True)
    for call in (bl.giou.pairwise, torch.compile(bl.giou.pairwise, fullgraph=True, backend="aot_eager")):
        matrix = call(empty, boxes)
        assert (matrix.shape, matrix.dtype) == ((0, 2), torch.float32)
        d_empty, d_boxes = torch.autograd.grad(matrix.sum(), (empty, boxes))
        assert (d_empty.shape, d_empty.dtype) == ((0,), torch.float64)
        assert not d_boxes.any()
    assert torch.func.vmap(lambda b: bl.giou.pairwise(torch.zeros(0), b))(boxes.detach()[None]).shape == (1, 0, 2)
