"""The profiles of other libraries against what `nox -s parity` recorded of these, without them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import boxloss as bl
from boxloss.compat import conventions, mmdet, yolov5
from boxloss.compat.mmdet.formulas import BoundedIoU, ExtendedIoU
from boxloss.verbs import select
from compat_calls import CALLS
from compat_recorded import PRED, RECORDED, TARGET
from generators import mixed

IN_FLOAT32 = ("keras", "darknet", "ultralytics.box_iou")
every_function = pytest.mark.parametrize("name", CALLS)


@pytest.fixture
def nothing_compiled(monkeypatch):
    """The array engine for all: a kernel for each function would take a minute."""
    monkeypatch.setattr(select, "is_compiler_off", lambda: True)


def tolerance(name):
    return 2e-6 if name.startswith(IN_FLOAT32) else 1e-12


def of_pairs(name, *pair):
    """The values of each pair, a row each: of a matrix its diagonal, of a mean one pair after the other."""
    call = CALLS[name]
    values = call.function(*pair)
    if values.ndim == 0:
        return [call.function(*(side[k : k + 1, ...] for side in pair)) for k in range(len(PRED))]
    is_matrix = values.shape == (len(PRED), len(PRED))
    return [values[k, k] if is_matrix else values[k, ...] for k in range(len(PRED))]


@every_function
def test_values(name, backend, nothing_compiled):
    pair = [backend.asarray(bl.convert(side, "xyxy", CALLS[name].format)) for side in (PRED, TARGET)]
    for found, wanted in zip(of_pairs(name, *pair), RECORDED["calls"][name]["values"], strict=True):
        assert_allclose(backend.to_numpy(found).ravel(), wanted, rtol=tolerance(name), atol=tolerance(name))


@pytest.mark.torch
@pytest.mark.parametrize("name", [name for name in CALLS if not name.startswith("darknet")])
def test_gradients(name, nothing_compiled):
    """With respect to both boxes, of a weighted sum where a pair has several values."""
    import torch

    sides = (bl.convert(side, "xyxy", CALLS[name].format) for side in (PRED, TARGET))
    pair = [torch.tensor(side, requires_grad=True) for side in sides]
    rows = of_pairs(name, *pair)
    sum((row.ravel() * torch.linspace(1.0, 2.0, row.numel(), dtype=row.dtype)).sum() for row in rows).backward()
    found = np.concatenate([np.zeros((len(PRED), 4)) if side.grad is None else side.grad for side in pair], axis=1)
    wanted = np.asarray(RECORDED["calls"][name]["grads"])
    for scale in (slice(0, None, 2), slice(1, None, 2)):  # pixels, normalised
        assert_allclose(found[scale], wanted[scale], rtol=0, atol=tolerance(name) * abs(wanted[scale]).max())


LOSSES = (
    conventions.ULTRALYTICS["ciou"](),
    conventions.YOLOV5["giou"](),
    conventions.MMDET_REPELLING_SIOU("linear"),
    conventions.MMDET_CIOU("linear"),
    conventions.MMDET_OVERLAPS["iou"].made("log", 1e-6, clamped=True, least=1e-6),
    conventions.MMDET_OVERLAPS["iof"](),
    conventions.PADDLE["diou"].made("square", 1e-9),
    conventions.KERAS_CV_GIOU(),
    ExtendedIoU(),
    BoundedIoU(),
)


def test_one_kernel_of_all(rng):
    """Value and both gradients are those of the array engine."""
    pair, loss = mixed(rng, 40), sum(LOSSES)
    (value, grads), (wanted, of_array) = (
        loss.value_and_grad(*pair, wrt="both", engine=engine) for engine in ("numba", "array")
    )
    assert_allclose(value, wanted, rtol=1e-12)
    for found, expected in zip(grads, of_array, strict=True):
        assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


DEGENERATE = np.asarray([[1.0, 1, 1, 1], [1, 1, 1, 3], [0, 0, 2, 2], [3, 3, 2, 2], [1, 1, 3, 1]])


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.expression)
def test_boxes_without_area_have_numbers(loss):
    pred, target = DEGENERATE[:, None], DEGENERATE
    value, grads = loss.value_and_grad(pred, target, wrt="both", engine="array")
    assert np.isfinite(value).all()
    assert all(np.isfinite(grad).all() for grad in grads)


def test_an_eps_that_is_given():
    """It is another than the default, where it is added; heights of YOLOv5 count no less."""
    pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    assert_allclose(CALLS["ultralytics.box_iou"].function(pred, target), 1 / 7, rtol=1e-6)
    from boxloss.compat import ultralytics

    assert_allclose(ultralytics.bbox_iou(pred, target, xywh=False, eps=1.0), [[1 / (6 + 6 - 1 + 1)]])
    assert_allclose(ultralytics.bbox_iou(pred + 1, target, xywh=True, eps=1.0).shape, (1, 1))
    assert_allclose(yolov5.bbox_iou(pred, target, xywh=False, eps=4.0), [[1 / (8 + 8 - 1 + 4)]])
    assert_allclose(mmdet.bbox_overlaps(pred, target, eps=14.0), [[1 / 14]])


@pytest.mark.torch
def test_one_graph_of_torch_compile():
    import torch

    function = CALLS["ultralytics.bbox_iou ciou"].function
    pred, target = torch.tensor(PRED, requires_grad=True), torch.tensor(TARGET)
    compiled = torch.compile(lambda p, t: function(p, t).sum(), fullgraph=True, backend="eager")
    (found,), (wanted,) = (torch.autograd.grad(f(pred, target).sum(), pred) for f in (compiled, function))
    assert_allclose(found, wanted, rtol=1e-13)


@pytest.mark.jax
def test_jax():
    import jax

    function = CALLS["mmdet.ciou_loss"].function
    grad = jax.jit(jax.grad(lambda pred, target: function(pred, target).sum()))(*map(jax.numpy.asarray, (PRED, TARGET)))
    wanted = [row[:4] for row in RECORDED["calls"]["mmdet.ciou_loss"]["grads"]]
    assert_allclose(grad, wanted, rtol=1e-9, atol=1e-12)
