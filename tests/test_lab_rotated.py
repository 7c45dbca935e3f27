"""The lab on boxes with an angle."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import boxloss as bl
from boxloss import lab

TARGET = (0.5, 0.0, 3.0, 1.0, 0.4)


def test_landscape_over_the_angle_is_the_loss_at_each_sample():
    plane = lab.landscape(bl.giou, TARGET, (2.0, 1.5), ((-2.0, 2.0), (-1.0, 1.0)), (8, 6), "xa", pred_center=(0.0, 0.3))
    boxes = np.asarray([[[x, 0.3, 2.0, 1.5, angle] for x in plane.x] for angle in plane.y])
    value, grad = bl.giou.value_and_grad(boxes, np.asarray(TARGET), format="cxcywha")
    assert_array_equal(plane.value, value)
    assert_array_equal(plane.grad, grad[..., [0, 4]])
    assert_array_equal(plane.pred, [np.nan, 0.3, 2.0, 1.5, np.nan])
    assert_array_equal(plane.iou, bl.iou_score(boxes, np.asarray(TARGET), format="cxcywha"))


def test_angle_of_the_prediction_is_that_of_the_target_or_the_one_given():
    extent = ((-1.0, 1.0), (-1.0, 1.0))
    assert lab.landscape(bl.iou, TARGET, (2, 1), extent, 4).pred[4] == 0.4
    assert lab.landscape(bl.iou, TARGET, (2, 1), extent, 4, pred_angle=1.0).pred[4] == 1.0
    plane = lab.landscape(bl.iou, TARGET[:4], (2, 1), extent, 4, pred_angle=1.0)
    assert_array_equal(plane.target, [*TARGET[:4], 0.0])
    assert lab.landscape(bl.iou, TARGET[:4], (2, 1), extent, 4).pred.shape == (4,)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_descent_is_that_of_a_loop(dtype, rng):
    start = np.concatenate([rng.uniform(-1, 1, (200, 2)), rng.uniform(1, 3, (200, 3))], axis=1).astype(dtype)
    target = np.asarray([TARGET], dtype)
    run = lab.descend(bl.giou, start, target, lr=0.05, steps=5, parametrisation="cxcywha")
    state = start.copy()
    for step in range(6):
        bound = 1e-12 if dtype == "float64" else 1e-4
        assert_allclose(run.path[step], state, rtol=bound, atol=bound)
        turn = state[:, 4] - target[:, 4]
        turn = np.abs(turn - math.pi * np.round(turn / math.pi))
        error = np.abs(state[:, :4] - target[:, :4]).sum(1) + turn
        assert_allclose(run.error[step], error.mean(dtype="float64"), rtol=1e-12 if dtype == "float64" else 1e-5)
        iou = bl.iou_score(state, target, format="cxcywha")
        assert_allclose(run.iou[step], iou.mean(dtype="float64"), rtol=1e-12 if dtype == "float64" else 1e-4)
        _, grad = bl.giou.value_and_grad(state, target, format="cxcywha")
        state = state - np.asarray(0.05, dtype) * grad


def test_boxes_with_an_angle_need_their_parametrisation():
    with pytest.raises(
        ValueError, match=r"start holds boxes with an angle, shape \(5,\): give parametrisation='cxcywha'"
    ):
        lab.descend(bl.giou, TARGET, TARGET)
    with pytest.raises(ValueError, match=r"start must have shape \(\.\.\., 5\); got \(4,\)"):
        lab.descend(bl.giou, TARGET[:4], TARGET, parametrisation="cxcywha")


def test_correlation_of_pairs_with_angles():
    pairs = lab.generate("rotated", count=5000)
    assert pairs.format == "cxcywha"
    assert pairs.pred.shape == (5000, 5)
    turn = np.abs(pairs.pred[:, 4] - pairs.target[:, 4])
    assert 0.4 * math.pi < turn.max() <= 0.5 * math.pi
    found = lab.correlate(bl.giou, pairs)
    assert_array_equal(found.iou, bl.iou_score(pairs.pred, pairs.target, format="cxcywha"))
    assert lab.correlate(bl.iou, (pairs.pred, pairs.target)).all.spearman == pytest.approx(-1.0)
    spearman = {name: lab.correlate(bl.get(name), pairs).all.spearman for name in ("l1", "giou", "diou")}
    assert -1.0 < spearman["diou"] < spearman["giou"] < spearman["l1"] < 0.0


def test_simulation_with_angles():
    """Boxes turn to their targets, and where they grow into them a quarter turn on, the IoU alone sees a match."""
    result, by_iou = lab.simulate([bl.diou, bl.iou], "rotated", points=10)
    assert result.cases == 3430
    assert result.iou[-1] > 0.97
    assert by_iou.iou[-1] < 0.5
    assert result.final_error.sum() / result.cases == pytest.approx(result.error[-1])
    assert result.final_iou.mean() == pytest.approx(result.iou[-1])
