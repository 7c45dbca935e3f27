"""Losses of boxes with an angle whose enclosing box is along the image."""

import math

import numpy as np
import powerboxes
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import boxloss as bl
from boxloss.losses.modifiers.axis_enclosing import encloses
from errors import check_error
from rotated_boxes import ENGINES, LOSSES, boxes, differences, engine_of


@pytest.mark.parametrize("name", ["giou", "ciou", "eiou", "siou"])
def test_gradients_with_the_enclosing_box_along_the_image(name, rng):
    loss, pred, target = bl.AxisEnclosing(LOSSES[name]), boxes(rng, 100), boxes(rng, 100)
    _, grads = loss.value_and_grad(pred, target, wrt="both", format="cxcywha", engine=engine_of(name))
    for which, grad in enumerate(grads):
        assert_allclose(grad, differences(loss, pred, target, which), rtol=0, atol=1e-7)


def test_giou_with_the_enclosing_box_along_the_image_is_that_of_powerboxes(rng):
    pred, target = boxes(rng, 100), boxes(rng, 100)
    pred[:, 4], target[:, 4] = np.degrees(pred[:, 4]), np.degrees(target[:, 4])
    matrix = bl.AxisEnclosing(bl.giou).pairwise(pred, target, format="cxcywhd")
    assert_allclose(matrix, powerboxes.rotated_giou_distance(pred, target), rtol=0, atol=1e-13)
    scaled = bl.AxisEnclosing(bl.Scaled(bl.giou, 0.5)), bl.Scaled(bl.AxisEnclosing(bl.giou), 0.5)
    one, other = (loss(pred, target, format="cxcywhd") for loss in scaled)
    assert_array_equal(one, other)
    assert np.abs(one - bl.Scaled(bl.giou, 0.5)(pred, target, format="cxcywhd")).max() > 0.1


@pytest.mark.parametrize("loss", [bl.iou, bl.l1, bl.nwd, bl.Focal(bl.iou), 2.0 * bl.iou + bl.kld, 2.0 * bl.l1])
def test_a_loss_that_reads_no_enclosing_box_is_refused(loss):
    text = (
        f"AxisEnclosing changes the box that encloses two others, which {type(loss).__name__} does not read: give it a "
        "loss such as bl.giou"
    )
    check_error(lambda: bl.AxisEnclosing(loss), ValueError, text)


def test_every_loss_that_reads_one_is_taken(rng):
    """And is another of turned boxes."""
    pred, target = boxes(rng, 20), boxes(rng, 20)
    for name in bl.losses():
        loss = bl.get(name)
        if name not in ("piou", "piou2", "gcd") and encloses(loss):
            values, other = (
                of(pred, target, format="cxcywha", engine="array") for of in (loss, bl.AxisEnclosing(loss))
            )
            assert (values != other).any(), name
    assert [name for name in bl.losses() if encloses(bl.get(name))] == [
        "giou", "diou", "ciou", "eiou", "siou", "wiou", "shape_iou",
    ]  # fmt: skip
    assert encloses(bl.l1 + bl.Focal(bl.giou))


def test_eiou_with_the_enclosing_box_along_the_image_has_no_bound():
    """A long box across the axis along which its width is compared."""
    pred, target = np.asarray([[0.0, 0, 100, 1, math.pi / 2]]), np.asarray([[0.0, 0, 1, 1, 0]])
    assert bl.AxisEnclosing(bl.eiou)(pred, target, format="cxcywha") > 9e3
    ranges = [loss.value_range for loss in (bl.AxisEnclosing(bl.eiou), bl.AxisEnclosing(bl.siou), bl.eiou)]
    assert ranges == ["[0, inf)", bl.siou.value_range, "[0, 3.25)"]


def test_siou_with_the_enclosing_box_along_the_image(rng):
    """Its distance cost relates the offset to the enclosing box, so both are along the image."""
    pred, target = boxes(rng, 100), boxes(rng, 100)
    corners = np.concatenate([bl.convert(side, "cxcywha", "xyxyxyxy").reshape(-1, 4, 2) for side in (pred, target)], 1)
    offset, sides = np.abs(pred[:, :2] - target[:, :2]), corners.max(1) - corners.min(1)
    gamma = 2 - 2 * offset.prod(1, keepdims=True) / (offset**2).sum(1, keepdims=True)
    distance_cost = (1 - np.exp(-gamma * (offset / sides) ** 2)).sum(1)
    larger, smaller = np.maximum(pred[:, 2:4], target[:, 2:4]), np.minimum(pred[:, 2:4], target[:, 2:4])
    shape_cost = ((1 - np.exp(smaller / larger - 1)) ** 4).sum(1)
    expected = bl.iou(pred, target, format="cxcywha") + 0.5 * (distance_cost + shape_cost)
    for engine in ENGINES:
        found = bl.AxisEnclosing(bl.siou)(pred, target, format="cxcywha", engine=engine)
        assert_allclose(found, expected, rtol=0, atol=1e-13)
