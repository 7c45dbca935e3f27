"""The loss classes of keras_cv: axes, weights, reductions, batches, gradients and errors, without keras_cv."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose

import boxloss as bl
from boxloss.compat import keras_cv
from boxloss.verbs import select
from compat_recorded import PRED, TARGET
from errors import check_error, no_array, table

EACH = {"axis": "no_reduction", "reduction": "none"}


@pytest.fixture(autouse=True)
def nothing_compiled(monkeypatch):
    """The array engine for all: a kernel for each function would take a minute."""
    monkeypatch.setattr(select, "is_compiler_off", lambda: True)


def overlapping(rng, *shape):
    """Boxes of which each overlaps each other."""
    return rng.uniform(-1.0, 1.0, (2, *shape, 4)) + [0, 0, 4, 4]


def every_loss():
    """One of each class, without a reduction."""
    return [
        *(keras_cv.IoULoss("xyxy", mode, **EACH) for mode in ("log", "linear", "quadratic")),
        keras_cv.GIoULoss("xyxy", **EACH),
        keras_cv.CIoULoss("xyxy", reduction=None),
        keras_cv.SmoothL1Loss(reduction="none"),
    ]


def test_signatures():
    """As in the files of keras_cv 0.9; `nox -s parity` reads these."""
    signatures = {
        "IoULoss": "(bounding_box_format, mode='log', axis=-1, **kwargs)",
        "GIoULoss": "(bounding_box_format, axis=-1, **kwargs)",
        "CIoULoss": "(bounding_box_format, eps=1e-07, **kwargs)",
        "SmoothL1Loss": "(l1_cutoff=1.0, **kwargs)",
    }
    for name, wanted in signatures.items():
        found = inspect.signature(getattr(keras_cv, name))
        bare = [p.replace(annotation=inspect.Parameter.empty) for p in found.parameters.values()]
        assert str(inspect.Signature(bare)) == wanted


def test_the_mean_is_of_the_scores(backend, rng):
    """By default the loss is that of all pairs together."""
    true, pred = overlapping(rng, 6)
    iou = bl.IoUScore()(true, pred).mean()
    arrays = [backend.asarray(side) for side in (true, pred)]
    for mode, wanted in (("log", -np.log(iou)), ("linear", 1 - iou), ("quadratic", 1 - iou**2)):
        for reduction in ("sum", "mean", "none", "sum_over_batch_size", "mean_with_sample_weight"):
            found = keras_cv.IoULoss("xyxy", mode, reduction=reduction)(*arrays)
            assert_allclose(backend.to_numpy(found), wanted, rtol=1e-7)
    found = keras_cv.GIoULoss("xyxy")(*arrays)
    assert_allclose(backend.to_numpy(found), bl.GIoU(eps=1e-7)(true, pred).mean(), rtol=1e-7)


def test_formats(rng):
    true, pred = overlapping(rng, 5)
    for name in ("IoULoss", "GIoULoss", "CIoULoss"):
        wanted = getattr(keras_cv, name)("xyxy")(true, pred)
        for theirs, ours in (("xyWH", "xywh"), ("center_xywh", "cxcywh"), ("rel_XYWH", "xywh"), ("rel_xyxy", "xyxy")):
            converted = [bl.convert(side, "xyxy", ours) for side in (true, pred)]
            assert_allclose(getattr(keras_cv, name)(theirs)(*converted), wanted, rtol=1e-13)


def test_weights_and_reductions(backend, rng):
    true, pred = (backend.asarray(side) for side in overlapping(rng, 4, 6))
    weight = rng.uniform(0.0, 1.0, (4, 6))
    values = backend.to_numpy(keras_cv.CIoULoss("xyxy", reduction="none")(true, pred))
    assert_allclose(values, 1 - backend.to_numpy(keras_cv.compute_ciou(true, pred, "xyxy")))

    def found(reduction, weight, kind=None):
        return backend.to_numpy(
            keras_cv.CIoULoss("xyxy", reduction=reduction)(true, pred, backend.asarray(weight, kind))
        )

    assert_allclose(found("none", weight), values * weight)
    assert_allclose(found(None, weight[..., None]), values * weight)
    assert_allclose(found("sum", weight), (values * weight).sum())
    assert_allclose(found("mean", weight), (values * weight).mean())
    assert_allclose(found("sum_over_batch_size", weight[0]), (values * weight[0]).mean())
    assert_allclose(found("mean_with_sample_weight", weight), (values * weight).sum() / weight.sum())
    assert_allclose(found("mean_with_sample_weight", 0 * weight), 0.0)
    assert_allclose(found("sum", weight > 0.5, "bool"), (values * (weight > 0.5)).sum())
    assert_allclose(found("sum", 2 * np.ones((4, 6)), "int32"), 2 * values.sum())


def test_weights_of_one_axis_more_or_less(rng):
    true, pred = overlapping(rng, 5)
    weight = rng.uniform(0.0, 1.0, 5)
    loss = keras_cv.IoULoss("xyxy", **EACH)
    assert_allclose(loss(true, pred, weight[:, None]), (loss(true, pred) * weight)[:, None])
    assert_allclose(keras_cv.IoULoss("xyxy")(true, pred, weight), keras_cv.IoULoss("xyxy")(true, pred) * weight.mean())
    column = keras_cv.SmoothL1Loss(reduction="none")
    assert_allclose(
        column(true[:, None], pred[:, None], weight), column(true[:, None], pred[:, None]) * weight[:, None]
    )


@pytest.mark.parametrize("shape", [(2, 5), (5, 2), (3, 3)])
def test_batches_are_not_compared_in_pairs(backend, rng, shape):
    """The k-th true box of image k with each prediction there; keras_cv's CIoU alone takes pairs."""
    true, pred = overlapping(rng, *shape)
    few = min(shape)
    arrays = [backend.asarray(side) for side in (true, pred)]
    for loss, score in ((keras_cv.IoULoss, bl.IoUScore()), (keras_cv.GIoULoss, None)):
        options = {"mode": "linear"} if score else {}
        wanted = np.stack([(score or bl.GIoU())(true[k, k], pred[k]) for k in range(few)], axis=1)
        wanted = 1 - wanted if score else wanted
        found = loss("xyxy", **options, **EACH)(*arrays)
        assert_allclose(backend.to_numpy(found), wanted, rtol=1e-6)
        assert_allclose(loss("xyxy", **options, reduction="none")(true, pred), wanted.mean(-1), rtol=1e-6)
        assert_allclose(loss("xyxy", **options, axis=0, reduction="sum")(true, pred), wanted.mean(0).sum(), rtol=1e-6)
        flat = [side.reshape(-1, 4) for side in (true, pred)]
        assert loss("xyxy", **options, **EACH)(*flat).shape == (len(flat[0]),)
        same = np.broadcast_to(true[0], true.shape)
        assert_allclose(loss("xyxy", **EACH)(true[0], pred), loss("xyxy", **EACH)(same, pred))
    assert keras_cv.CIoULoss("xyxy", reduction=None)(true, pred).shape == shape


def test_smooth_l1_has_a_step_unless_it_ends_at_one():
    true, pred = np.zeros((1, 4)), np.asarray([[0.25, -0.5, 2.0, 1.0]])
    assert_allclose(keras_cv.SmoothL1Loss()(true, pred), (0.03125 + 0.125 + 1.5 + 0.5) / 4)
    assert_allclose(keras_cv.SmoothL1Loss(0.3)(true, pred), (0.03125 + 0.0 + 1.5 + 0.5) / 4)
    unsigned = np.asarray([[0, 0, 1, 9]], np.uint8), np.asarray([[1, 0, 0, 9]], np.uint8)
    assert_allclose(keras_cv.SmoothL1Loss()(*unsigned), 0.25)


def test_dtypes(backend):
    """That of the boxes; half precision and integers as in the losses of this package."""
    for dtype, wanted in (("float32", "float32"), ("float64", "float64"), ("int32", "float64")):
        true, pred = (backend.asarray(np.asarray(side), dtype) for side in ([[0, 0, 2, 2]], [[1, 1, 3, 3]]))
        for loss in every_loss():
            assert loss(true, pred).dtype == backend.dtype(wanted)
            assert loss(true, pred, backend.asarray([0.5], "float64")).dtype == backend.dtype(wanted)


@pytest.mark.filterwarnings("error")
def test_an_iou_of_zero(backend):
    true, pred = np.asarray([[0.0, 0, 1, 1], [0, 0, 1, 1]]), np.asarray([[2.0, 2, 3, 3], [0, 0, 1, 1]])
    found = keras_cv.IoULoss("xyxy", **EACH)(backend.asarray(true), backend.asarray(pred))
    assert_allclose(backend.to_numpy(found), [np.inf, 1e-7], rtol=1e-6)
    alone = keras_cv.IoULoss("xyxy")(backend.asarray(true[:1]), backend.asarray(pred[:1]))
    assert backend.to_numpy(alone) == np.inf
    assert np.isnan(keras_cv.IoULoss("xyxy")(true * np.nan, pred))


@pytest.mark.filterwarnings("error")
def test_no_boxes(backend):
    """The loss of nothing is 0."""
    for shape in ((0, 4), (2, 0, 4), (0, 3, 4)):
        none = backend.asarray(np.zeros(shape), "float64")
        for name in ("IoULoss", "GIoULoss", "CIoULoss"):
            assert float(backend.to_numpy(getattr(keras_cv, name)("xyxy")(none, none))) == 0.0
        assert float(backend.to_numpy(keras_cv.SmoothL1Loss()(none, none))) == 0.0


def test_name_and_dtype_change_nothing(rng):
    true, pred = overlapping(rng, 3)
    loss = keras_cv.GIoULoss("xyxy", name="box", dtype="float16")
    assert (loss.name, loss.dtype, loss.axis, loss.bounding_box_format) == ("box", "float16", -1, "xyxy")
    assert loss(true, pred) == keras_cv.GIoULoss("xyxy")(true, pred)
    assert keras_cv.CIoULoss("xyxy", eps=1.0)(true, pred) == keras_cv.CIoULoss("xyxy")(true, pred)


# --- Gradients ------------------------------------------------------------------------------------------------------


def differences(function, side, step=1e-6):
    """Central differences of a function of an array."""
    found = np.zeros_like(side)
    for index in np.ndindex(side.shape):
        moved = np.zeros_like(side)
        moved[index] = step
        found[index] = (function(side + moved) - function(side - moved)) / (2 * step)
    return found


@pytest.mark.torch
@pytest.mark.parametrize("shape", [(4,), (2, 3)])
def test_gradients(rng, shape):
    import torch

    true, pred = overlapping(rng, *shape)
    losses = [*every_loss(), keras_cv.IoULoss("xyxy"), keras_cv.IoULoss("xyxy", "quadratic"), keras_cv.GIoULoss("xyxy")]
    for loss in losses:
        tensors = [torch.tensor(side, requires_grad=True) for side in (true, pred)]
        loss(*tensors).sum().backward()
        by_true = differences(lambda side, loss=loss: loss(side, pred).sum(), true)
        by_pred = differences(lambda side, loss=loss: loss(true, side).sum(), pred)
        for tensor, wanted in zip(tensors, (by_true, by_pred), strict=True):
            assert_allclose(tensor.grad, wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.torch
def test_gradients_are_finite_where_nothing_overlaps():
    import torch

    true, pred = torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([[2.0, 2, 3, 3]], requires_grad=True)
    for options in ({}, EACH):
        (gradient,) = torch.autograd.grad(keras_cv.IoULoss("xyxy", **options)(true, pred).sum(), pred)
        assert (gradient == 0.0).all()


# --- Errors ---------------------------------------------------------------------------------------------------------


FORMATS = "'xyxy', 'yxyx', 'xywh', 'center_xywh', 'rel_xyxy', 'rel_yxyx', 'rel_xywh'"
REDUCTIONS = "'sum_over_batch_size', 'mean', 'mean_with_sample_weight', 'sum', 'none'"
IOU = keras_cv.IoULoss("xyxy")


@table(
    (
        "format",
        lambda: keras_cv.CIoULoss("cxcywh"),
        ValueError,
        f"bounding_box_format must be one of {FORMATS}; got 'cxcywh'",
    ),
    (
        "mode",
        lambda: keras_cv.IoULoss("xyxy", mode="square"),
        ValueError,
        "mode must be one of 'linear', 'quadratic', 'log'; got 'square'",
    ),
    (
        "axis",
        lambda: keras_cv.GIoULoss("xyxy", axis="none"),
        ValueError,
        "axis must be an integer or 'no_reduction'; got 'none'",
    ),
    (
        "reduction",
        lambda: keras_cv.GIoULoss("xyxy", reduction="auto"),
        ValueError,
        f"reduction must be one of {REDUCTIONS}; got 'auto'",
    ),
    ("cutoff", lambda: keras_cv.SmoothL1Loss(np.nan), ValueError, "l1_cutoff must be finite; got nan"),
    ("size", lambda: IOU(TARGET, PRED[:, :3]), ValueError, "y_pred must have shape (..., 4); got (8, 3)"),
    ("one", lambda: IOU(TARGET[0], PRED), ValueError, "y_true must have shape (..., N, 4); got (4,)"),
    (
        "axes",
        lambda: IOU(TARGET, PRED[None, None]),
        ValueError,
        "y_pred must have shape (N, 4) or (B, N, 4); got (1, 1, 8, 4)",
    ),
    ("count", lambda: IOU(TARGET, PRED[:3]), ValueError, "y_true and y_pred must hold as many boxes; got 8 and 3"),
    (
        "ciou-count",
        lambda: keras_cv.CIoULoss("xyxy")(TARGET[:1], PRED),
        ValueError,
        "y_true and y_pred must hold as many boxes; got 1 and 8",
    ),
    ("array", lambda: IOU(TARGET.tolist(), PRED), TypeError, no_array("y_true", "builtins.list")),
    ("weight", lambda: IOU(TARGET, PRED, [1.0]), TypeError, no_array("sample_weight", "builtins.list")),
)
def test_errors(call, kind, text):
    check_error(call, kind, text)
