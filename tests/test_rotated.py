"""Boxes with an angle beside axis-aligned boxes, by every verb and library, and what is refused of them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import boxloss as bl
from alone import alone
from rotated_boxes import LOSSES, boxes, engine_of

# --- Beside axis-aligned boxes --------------------------------------------------------------------------------------


def turned_scene(boxes, turns):
    """Axis-aligned boxes of format cxcywh, with all of the plane turned by quarter turns, in degrees."""
    x, y, w, h = np.moveaxis(boxes, -1, 0)
    for _ in range(turns % 4):
        x, y = -y, x
    return np.stack([x, y, w, h, np.full_like(x, 90.0 * turns)], axis=-1)


def turned_back(gradient, turns):
    """The gradient of boxes of format cxcywh from that of `turned_scene`."""
    x, y, w, h, _ = np.moveaxis(gradient, -1, 0)
    for _ in range(turns % 4):
        x, y = y, -x
    return np.stack([x, y, w, h], axis=-1)


@pytest.mark.parametrize("turns", [0, 1, 2, -3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LOSSES)
def test_boxes_at_quarter_turns_are_axis_aligned_boxes(name, dtype, turns, rng):
    """At ties too: the coordinates are integers, so that many edges are on one line."""
    loss = LOSSES[name]
    pred, target = (
        np.concatenate([rng.integers(-4, 4, (500, 2)), 2 * rng.integers(1, 5, (500, 2))], axis=1).astype(dtype)
        for _ in range(2)
    )
    options = {"wrt": "both", "engine": engine_of(name)}
    value, grads = loss.value_and_grad(pred, target, **options, format="cxcywh")
    sides = turned_scene(pred, turns), turned_scene(target, turns)
    found, found_grads = loss.value_and_grad(*sides, **options, format="cxcywhd")
    bound = 4e-15 if dtype == "float64" else 3e-6
    assert_allclose(found, value, rtol=bound, atol=bound)
    for grad, expected in zip(found_grads, grads, strict=True):
        assert_allclose(turned_back(grad, turns), expected, rtol=bound, atol=bound)


def test_axis_aligned_box_is_one_with_the_angle_0(rng):
    pred = rng.uniform(0, 4, (50, 4))  # half of them inverted
    target = boxes(rng, 50)
    value, (d_pred, d_target) = bl.ciou.value_and_grad(pred, target, wrt="both", format=("xyxy", "cxcywha"))
    upright = np.concatenate([pred[:, :2], np.maximum(pred[:, :2], pred[:, 2:])], axis=1)
    rotated = np.concatenate([bl.convert(upright, "xyxy", "cxcywh"), np.zeros((50, 1))], axis=1)
    expected, (_, expected_target) = bl.ciou.value_and_grad(rotated, target, wrt="both", format="cxcywha")
    assert_allclose(value, expected, rtol=1e-13)
    assert_allclose(d_target, expected_target, rtol=1e-9, atol=1e-12)
    assert np.isfinite(d_pred).all()
    assert_array_equal(bl.ciou(target, pred, format=("cxcywha", "xyxy")).shape, value.shape)


# --- Engines and verbs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
def test_matrix_is_that_of_pairs(name, rng):
    loss, pred, target = LOSSES[name], boxes(rng, 30), boxes(rng, 20)
    given = {"format": "cxcywha"}
    matrix = alone(loss, LOSSES.values()).pairwise(pred, target, **given)
    assert_allclose(matrix, loss(pred[:, None], target[None], **given, engine="array"), rtol=1e-12, atol=1e-14)
    engine = "numba" if name in ("giou", "siou") else "array"  # the compiled loop is one for all losses
    value, index = loss.nearest(pred, target, **given, engine=engine)
    matrix = loss.pairwise(pred, target, **given, engine=engine)
    assert_array_equal(value, matrix.min(-1))
    assert_array_equal(index, matrix.argmin(-1))


@pytest.mark.parametrize("name", ["ciou", "siou", "interpolated", "l1"])
def test_libraries_agree(name, backend, rng):
    loss, pred, target = LOSSES[name], boxes(rng, 30), boxes(rng, 30)
    expected, expected_grads = loss.value_and_grad(pred, target, wrt="both", format="cxcywha", engine="array")
    given = [backend.asarray(side) for side in (pred, target)]
    value, grads = loss.value_and_grad(*given, wrt="both", format="cxcywha")
    backend.assert_like(value, expected, rtol=1e-12, atol=1e-13)
    for grad, wanted in zip(grads, expected_grads, strict=True):
        backend.assert_like(grad, wanted, rtol=1e-10, atol=1e-12)
    matrix = loss.pairwise(*given, format="cxcywha")
    backend.assert_like(matrix, loss.pairwise(pred, target, format="cxcywha"), rtol=1e-12, atol=1e-13)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # of torch.compile's own making
def test_torch_differentiates_and_compiles(rng):
    import torch

    pred, target = (torch.from_numpy(boxes(rng, 20)).requires_grad_() for _ in range(2))

    def step(pred, target):
        return bl.giou(pred, target, format="cxcywha", reduction="mean")

    _, expected = bl.giou.value_and_grad(pred, target, wrt="both", format="cxcywha", reduction="mean")
    # What Inductor compiles instead is in test_torch_inlined.py; writing C++ of this would take a minute.
    for function in (step, torch.compile(step, fullgraph=True, backend="aot_eager")):
        found = torch.autograd.grad(function(pred, target), (pred, target))
        for grad, wanted in zip(found, expected, strict=True):
            assert torch.allclose(grad, wanted, rtol=1e-12, atol=1e-14)


# --- What is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (
            bl.MPDIoU((4, 4)),
            "MPDIoU is not defined for rotated boxes: it compares edges of axis-aligned boxes in a plane. "
            "Defined for them are iou, log_iou, squared_iou, giou and others",
        ),
        (
            2.0 * bl.iou + bl.gcd,
            "GCD is not defined for rotated boxes: it is a loss of axis-aligned boxes. "
            "Defined for them are shape_iou, eiou, siou, iou and others",
        ),
        (
            bl.Focal(bl.piou),
            "PIoU is not defined for rotated boxes: it compares edges of axis-aligned boxes in a plane. "
            "Defined for them are siou, shape_iou, iou, log_iou and others",
        ),
    ],
    ids=["relation", "sum", "modifier"],
)
def test_losses_that_are_not_defined_say_so(loss, text, rng):
    with pytest.raises(ValueError, match=f"^{text}$"):
        loss(boxes(rng, 2), boxes(rng, 2), format="cxcywha")


def test_shape_of_the_array_is_that_of_the_format(rng):
    with pytest.raises(ValueError, match=r"pred must have shape \(\.\.\., 5\); got \(3, 4\)"):
        bl.iou(np.ones((3, 4)), boxes(rng, 3), format="cxcywha")
    with pytest.raises(ValueError, match=r"target must have shape \(\.\.\., 4\); got \(3, 5\)"):
        bl.iou(boxes(rng, 3), boxes(rng, 3), format=("cxcywha", "xyxy"))
