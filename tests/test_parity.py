"""The same numbers as other libraries, under their conventions; and where one of them is wrong, why.

Conventions: torchvision adds its eps to denominators, so its losses are compared with ``eps=1e-7``; powerboxes returns
distances, 1 - score; pycocotools takes (x, y, w, h), detections first.
"""

import numpy as np
import powerboxes
import pytest
from numpy.testing import assert_allclose
from pycocotools import mask

import boxloss as bl
import generators

TORCHVISION_EPS = 1e-7
TORCHVISION_LOSSES = {
    "giou": "generalized_box_iou_loss",
    "diou": "distance_box_iou_loss",
    "ciou": "complete_box_iou_loss",
}
ENGINES = ["array", "numba"]


def pairs_of(kind, scale):
    """Pairs of one kind, at a scale at which an eps of 1e-7 counts for much or for little."""
    pred, target = kind(np.random.default_rng(7), 300)
    return scale * pred, scale * target


KINDS = (generators.overlapping, generators.disjoint, generators.nested, generators.aligned)
PAIRS = {f"{kind.__name__}-{scale}": pairs_of(kind, scale) for kind in KINDS for scale in (0.01, 100.0)}
PIXELS = pairs_of(generators.mixed, 100.0)


@pytest.fixture(scope="module")
def ops():
    from torchvision_ops import ops

    return ops


def torch_value_and_grads(function, pred, target):
    """Values of a torch function, and autograd's gradients with respect to both boxes."""
    import torch

    pred, target = (torch.from_numpy(boxes).requires_grad_() for boxes in (pred, target))
    value = function(pred, target)
    return value.detach().numpy(), [g.numpy() for g in torch.autograd.grad(value.sum(), (pred, target))]


# --- torchvision ----------------------------------------------------------------------------------------------------


@pytest.mark.torch
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("pairs", PAIRS)
@pytest.mark.parametrize("name", TORCHVISION_LOSSES)
def test_torchvision_losses_and_their_autograd_gradients(ops, name, pairs, engine):
    function = getattr(ops, TORCHVISION_LOSSES[name])
    wanted, wanted_grads = torch_value_and_grads(lambda p, t: function(p, t, eps=TORCHVISION_EPS), *PAIRS[pairs])
    value, grads = bl.get(name).value_and_grad(*PAIRS[pairs], wrt="both", eps=TORCHVISION_EPS, engine=engine)
    assert_allclose(value, wanted, rtol=1e-12, atol=1e-12)
    for grad, wanted_grad in zip(grads, wanted_grads, strict=True):
        assert_allclose(grad, wanted_grad, rtol=1e-9, atol=1e-11 * np.abs(wanted_grad).max())


@pytest.mark.torch
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("name", "theirs", "options"),
    [
        ("iou", "box_iou", {}),
        ("giou", "generalized_box_iou", {}),
        ("diou", "distance_box_iou", {"eps": 0.0}),
        ("ciou", "complete_box_iou", {"eps": 0.0}),
    ],
)
def test_torchvision_pairwise_scores(ops, name, theirs, options, engine):
    import torch

    pred, target = PIXELS
    pred = pred[:37]
    score = getattr(ops, theirs)(torch.from_numpy(pred), torch.from_numpy(target), **options).numpy()
    assert_allclose(bl.get(name).pairwise(pred, target, engine=engine), 1.0 - score, rtol=1e-12, atol=1e-12)


@pytest.mark.torch
def test_torchvision_giou_of_two_identical_points_is_one(ops):
    """0 / (0 + eps) is an IoU of 0, so a match costs 1 there (pytorch/vision issue 7746); here it costs nothing."""
    import torch

    point = np.zeros((1, 4))
    theirs = ops.generalized_box_iou_loss(torch.from_numpy(point), torch.from_numpy(point))
    assert theirs.item() == 1.0
    assert bl.giou(point, point) == 0.0


@pytest.mark.torch
def test_torchvision_eps_is_a_tenth_of_a_small_box(ops):
    """4 x 4 pixels of a 4000-pixel image have an area of 1e-6 in normalised coordinates, and eps is 1e-7."""
    import torch

    box = np.asarray([[0.5, 0.5, 0.501, 0.501]])
    theirs = ops.generalized_box_iou_loss(torch.from_numpy(box), torch.from_numpy(box)).item()
    assert theirs == pytest.approx(1.0 - 1.0 / 1.1)
    assert bl.giou(box, box, eps=TORCHVISION_EPS)[0] == pytest.approx(theirs)
    assert bl.giou(box, box) == 0.0


@pytest.mark.torch
def test_torchvision_is_nan_for_boxes_without_a_side(ops):
    """box_iou divides 0 by 0 (pytorch/vision issues 3404 and 6974) and the CIoU loss takes atan(0 / 0)."""
    import torch

    pred, target = np.asarray([[1.0, 1, 1, 1]]), np.asarray([[2.0, 2, 2, 2]])
    theirs = torch.from_numpy(pred), torch.from_numpy(target)
    assert torch.isnan(ops.box_iou(*theirs)).all()
    assert torch.isnan(ops.complete_box_iou_loss(*theirs)).all()
    assert bl.iou_score.pairwise(pred, target) == 0.0
    assert bl.ciou(pred, target) == 2.0


@pytest.mark.torch
def test_torchvision_takes_one_side_of_the_kink_at_contact(ops):
    """Its mask makes the intersection constant where boxes touch; here the gradient is the mean of both sides."""
    pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[2.0, 0, 4, 2]])
    _, (theirs, _) = torch_value_and_grads(ops.distance_box_iou_loss, pred, target)
    step = 1e-7 * np.asarray([0.0, 0, 1, 0])
    at, above, below = (bl.diou(pred + s, target)[0] for s in (0.0, step, -step))
    right, left = (above - at) / 1e-7, (at - below) / 1e-7
    assert theirs[0, 2] == pytest.approx(left, abs=1e-6)
    assert bl.diou.value_and_grad(pred, target)[1][0, 2] == pytest.approx((left + right) / 2, abs=1e-6)
    assert left - right > 0.1


# --- powerboxes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 3e-6)])
@pytest.mark.parametrize("theirs", ["iou_distance", "parallel_iou_distance", "giou_distance", "parallel_giou_distance"])
def test_powerboxes_distances(theirs, dtype, tolerance, engine):
    pred, target = (boxes.astype(dtype) for boxes in PIXELS)
    loss = bl.giou if "giou" in theirs else bl.iou
    wanted = getattr(powerboxes, theirs)(pred[:37], target)
    assert_allclose(loss.pairwise(pred[:37], target, engine=engine), wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("theirs", "boxes", "wrong", "right"),
    [
        # Divides by the diagonal of the intersection instead of that of the enclosing box.
        ("diou_distance", [[0.0, 0, 2, 2], [1, 1, 3, 3]], 1 - 1 / 7 + 2 / 2, 1 - 1 / 7 + 2 / 18),
        ("diou_distance", [[0.0, 0, 4, 4], [2, 1, 6, 6]], 1 - 1 / 5 + 6.25 / 13, 1 - 1 / 5 + 6.25 / 72),
        # No distance term where the boxes do not overlap, which is where the loss is there for it.
        ("diou_distance", [[0.0, 0, 2, 2], [10, 10, 12, 12]], 1.0, 1 + 200 / 288),
        ("ciou_distance", [[0.0, 0, 2, 2], [10, 10, 12, 12]], 1.0, 1 + 200 / 288),
        # 0 / 0 for a box without area against itself.
        ("iou_distance", [[1.0, 1, 1, 1], [1, 1, 1, 1]], np.nan, 0.0),
        ("giou_distance", [[1.0, 1, 1, 1], [1, 1, 1, 1]], np.nan, 0.0),
    ],
)
def test_powerboxes_is_wrong(theirs, boxes, wrong, right):
    """A release that repairs one of these fails its row; then it belongs in the test above."""
    pred, target = np.split(np.asarray(boxes), 2)
    assert_allclose(getattr(powerboxes, theirs)(pred, target), [[wrong]], rtol=1e-12)
    loss = bl.get(theirs.removesuffix("_distance"))
    assert_allclose(loss.pairwise(pred, target), [[right]], rtol=1e-12)


# --- pycocotools ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_pycocotools_iou(engine):
    detections, truths = (bl.convert(boxes, "xyxy", "xywh") for boxes in PIXELS)
    wanted = mask.iou(detections[:37], truths, np.zeros(len(truths), np.uint8))
    score = bl.iou_score.pairwise(detections[:37], truths, format="xywh", engine=engine)
    assert_allclose(score, wanted, rtol=1e-12, atol=1e-12)
    assert np.count_nonzero(wanted) > 37  # enough that overlap


def test_pycocotools_scores_boxes_that_touch_zero():
    detection, truth = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[2.0, 0, 2, 2]])
    assert mask.iou(detection, truth, [0]) == 0.0
    assert bl.iou_score.pairwise(detection, truth, format="xywh") == 0.0


def test_pycocotools_scores_a_box_without_area_zero_against_itself():
    """It divides by max(union, eps), so a perfect match of such boxes is a miss; here it is a match."""
    box = np.asarray([[5.0, 5, 0, 0]])
    assert mask.iou(box, box, [0]) == 0.0
    assert bl.iou_score.pairwise(box, box, format="xywh") == 1.0
