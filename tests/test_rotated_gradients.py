"""Gradients of boxes with an angle against differences, at kinks too, and in the format of the caller."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import boxloss as bl
from rotated_boxes import ENGINES, LOSSES, STEP, boxes, differences, engine_of


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_central_differences(name, rng):
    loss, pred, target = LOSSES[name], boxes(rng, 400), boxes(rng, 400)
    for engine in ENGINES:
        _, grads = loss.value_and_grad(pred, target, wrt="both", format="cxcywha", engine=engine)
        for which, grad in enumerate(grads):
            expected = differences(loss, pred, target, which)
            error = np.abs(grad - expected).max(-1) / (1.0 + np.abs(expected).max(-1))
            assert error.max() < 2e-7


@pytest.mark.parametrize("turn", [0.0, 90.0, 180.0, -270.0])
@pytest.mark.parametrize("angle", [30.0, 33.0, 10.0, -45.0])
@pytest.mark.parametrize("name", ["iou", "giou", "diou", "eiou", "siou", "inner"])
def test_gradients_at_kinks_are_means_of_both_sides(name, angle, turn, rng):
    """Boxes some quarter turns apart, or but for rounding: the extents of each along the other have a kink."""
    loss, n = LOSSES[name], 300
    pred, target = boxes(rng, n), boxes(rng, n)
    pred[:, 4], target[:, 4] = angle + turn, angle
    pred[:, :2], target[:, :2] = pred[:, [1, 0]] * 0.3, target[:, :2] * 0.3
    degree, options = math.pi / 180.0, {"format": "cxcywhd", "engine": engine_of(name)}
    _, grads = loss.value_and_grad(pred, target, wrt="both", **options)
    for which, grad in enumerate(grads):
        step = np.asarray([0, 0, 0, 0, STEP / degree])
        ends = [loss(*((pred + s, target) if which == 0 else (pred, target + s)), **options) for s in (step, -step)]
        assert_allclose(grad[:, 4] / degree, (ends[0] - ends[1]) / (2 * STEP), rtol=0, atol=2e-5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["iou", "giou", "diou", "ciou", "eiou", "siou"])
def test_half_a_turn_in_radians_is_a_match(name, dtype, engine, rng):
    """Though a float is not pi: the value and all of its derivatives are 0."""
    target = boxes(rng, 200)
    target[:, 4] = rng.uniform(-1.5, 0.0, 200)
    pred = target + [0, 0, 0, 0, math.pi]
    given = [side.astype(dtype) for side in (pred, target)]
    value, grads = LOSSES[name].value_and_grad(*given, wrt="both", format="cxcywha", engine=engine)
    turned = np.abs(given[0][:, 4] - given[1][:, 4] - np.asarray(math.pi, dtype)) == 0.0  # to the last bit
    assert turned.sum() > 40
    for found in (value[turned], *(grad[turned] for grad in grads)):
        assert_array_equal(found, 0.0)


@pytest.mark.parametrize("format", ["cxcywhd", "cxcywhr", "xywhr", "xyxy"])
def test_gradients_are_in_the_format_of_the_caller(format, rng):
    """Of pred in one format and target in another, an axis-aligned box among them."""
    target = boxes(rng, 50)
    pred = np.concatenate([boxes(rng, 50)[:, :2], np.exp(rng.uniform(0, 1, (50, 2)))], axis=1)
    if format == "xyxy":
        pred[:, 2:] += pred[:, :2]
    else:
        pred = np.concatenate([pred, rng.uniform(-400, 400, (50, 1))], axis=1)
    both = {"format": (format, "cxcywha")}
    _, (d_pred, d_target) = bl.giou.value_and_grad(pred, target, wrt="both", **both)
    assert d_pred.shape == pred.shape
    for boxes_of, grad, place in ((pred, d_pred, 0), (target, d_target, 1)):
        for k in range(grad.shape[1]):
            step = np.zeros(grad.shape[1])
            step[k] = STEP
            ends = [
                bl.giou(*((boxes_of + s, target) if place == 0 else (pred, boxes_of + s)), **both, engine="array")
                for s in (step, -step)
            ]
            assert_allclose(grad[:, k], (ends[0] - ends[1]) / (2 * STEP), rtol=0, atol=1e-8)
