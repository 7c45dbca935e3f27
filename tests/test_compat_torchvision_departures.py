"""Where `boxloss.compat.torchvision` leaves torchvision: contact, points, sides of zero, inverted boxes, integers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import boxloss as bl
import boxloss.compat.torchvision as compat
from torchvision_calls import LOSSES, SCORES, values_and_grads


@pytest.fixture(scope="module")
def ops():
    from torchvision_ops import ops

    return ops


@pytest.fixture
def torch():
    import torch

    return torch


@pytest.mark.torch
@pytest.mark.parametrize("name", LOSSES + SCORES)
def test_contact_has_the_mean_of_both_slopes(name, ops):
    """Values agree there, and slopes beside it; at contact torchvision takes the slope of one side."""
    pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[2.0, 0, 4, 6]])
    theirs = [values_and_grads(getattr(ops, name), pred + [0, 0, step, 0], target) for step in (0.0, 1e-9, -1e-9)]
    found = values_and_grads(getattr(compat, name), pred, target)
    assert_allclose(found[0], theirs[0][0], atol=1e-15)
    for side in (1, 2):
        assert_allclose(found[side], (theirs[1][side] + theirs[2][side]) / 2, atol=1e-8)
        assert abs(found[side] - theirs[0][side]).max() > 0.01


POINTS = [[1.0, 1, 1, 1]], [[1.0, 1, 1, 1], [2, 2, 2, 2]]


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("box_iou", [[1.0, 0.0]]),
        ("generalized_box_iou", [[1.0, -1.0]]),
        ("distance_box_iou", [[1.0, -1.0]]),
        ("complete_box_iou", [[1.0, -1.0]]),
    ],
)
def test_scores_of_points_are_numbers(name, values, ops, torch):
    """0 / 0 there (pytorch/vision issues 3404 and 6974). Here equal points match, and others have an IoU of 0."""
    pair = [torch.tensor(side, dtype=torch.float64) for side in POINTS]
    assert torch.isnan(getattr(ops, name)(*pair)).all()
    assert_allclose(getattr(compat, name)(*pair), values, atol=1e-6)


@pytest.mark.torch
def test_losses_of_equal_points(ops, torch):
    """An eps above 0 makes their IoU 0, here as there (pytorch/vision issue 7746); its CIoU is NaN, of atan(0 / 0)."""
    point = torch.ones((1, 4))
    for name, theirs in zip(LOSSES, (1.0, 1.0, np.nan), strict=True):
        assert_allclose(getattr(ops, name)(point, point), [theirs])
        assert_allclose(getattr(compat, name)(point, point), [1.0])
    assert bl.giou(point, point) == 0.0


@pytest.mark.torch
def test_gradients_of_boxes_with_a_side_of_zero_are_numbers(ops):
    """d atan(w / h) at h = 0 is infinity times 0 there."""
    pair = np.asarray([[0.0, 1, 2, 1]]), np.asarray([[0.0, 0, 2, 2]])
    assert np.isnan(values_and_grads(ops.complete_box_iou_loss, *pair)[1]).any()
    assert np.isfinite(values_and_grads(compat.complete_box_iou_loss, *pair)[1]).all()


@pytest.mark.torch
def test_inverted_sides_count_as_zero(ops, torch):
    """They make negative areas there, and an IoU of -4 out of two boxes that do not overlap."""
    pair = torch.tensor([[2.0, 0, 0, 2]]), torch.tensor([[5.0, 5, 6, 6]])
    pair[0][0, 2] = -2.0
    wanted = ops.generalized_box_iou(*pair)
    assert not -1.0 <= wanted.item() <= 1.0
    assert -1.0 <= compat.generalized_box_iou(*pair).item() <= 1.0


@pytest.mark.torch
def test_areas_of_integers_do_not_overflow(ops, torch):
    """50,000 squared is beyond int32; here the matrix is computed in floats."""
    pair = [torch.tensor([[0, 0, 50_000, side]], dtype=torch.int32) for side in (50_000, 25_000)]
    assert ops.box_iou(*pair).item() < 0.0
    assert compat.box_iou(*pair).item() == pytest.approx(0.5)
