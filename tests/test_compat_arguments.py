"""The arguments of the functions that the profiles of other libraries have, and what is said of wrong ones."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import boxloss as bl
from boxloss.compat import darknet, fvcore, keras, keras_cv, mmdet, mmyolo, paddle, yolov5, yolov6
from boxloss.verbs import select
from compat_recorded import PRED, TARGET
from errors import check_error, table
from generators import mixed


@pytest.fixture
def nothing_compiled(monkeypatch):
    """The array engine for all: a kernel for each function would take a minute."""
    monkeypatch.setattr(select, "is_compiler_off", lambda: True)


class TestMmdet:
    """Weights, divisors, reductions and classes."""

    def test_reductions(self, nothing_compiled, rng):
        pred, target = mixed(rng, 6)
        weight = rng.uniform(0.0, 1.0, 6)
        none = mmdet.giou_loss(pred, target, weight, "none", avg_factor=3)
        assert_allclose(none, weight * mmdet.giou_loss(pred, target, reduction="none"))
        assert_allclose(mmdet.giou_loss(pred, target, weight), none.mean())
        assert_allclose(mmdet.giou_loss(pred, target, weight, "sum"), none.sum())
        assert_allclose(mmdet.giou_loss(pred, target, weight, avg_factor=3), none.sum() / (3 + 2.0**-23), rtol=1e-15)
        assert_allclose(mmdet.giou_loss(pred, target, weight, avg_factor=0), none.sum() * 2.0**23, rtol=1e-15)
        columns = mmdet.bounded_iou_loss(pred, target, reduction="none")
        of_each = rng.uniform(0.0, 1.0, (6, 4))
        assert_allclose(mmdet.bounded_iou_loss(pred, target, of_each), (columns * of_each).mean())
        assert_allclose(mmdet.bounded_iou_loss(pred, target, of_each, "sum"), (columns * of_each).sum())
        assert_allclose(
            mmdet.balanced_l1_loss(pred, target, of_each, avg_factor=2),
            (mmdet.balanced_l1_loss(pred, target, reduction="none") * of_each).sum() / (2 + 2.0**-23),
        )

    def test_classes(self, nothing_compiled, rng):
        pred, target = mixed(rng, 6)
        of_each = rng.uniform(0.0, 1.0, (6, 4))
        loss = mmdet.IoULoss(mode="linear", loss_weight=2.0)
        assert_allclose(loss(pred, target, of_each, 4.0), mmdet.iou_loss(
            pred, target, of_each.mean(-1), avg_factor=4.0, mode="linear"
        ) * 2.0)  # fmt: skip
        assert mmdet.IoULoss(linear=True)(pred, target) == mmdet.iou_loss(pred, target, mode="linear")
        none = mmdet.CIoULoss(eps=1e-3)(pred, target, reduction_override="none")
        assert_allclose(none, mmdet.ciou_loss(pred, target, reduction="none", eps=1e-3))
        bounded = mmdet.BoundedIoULoss(beta=0.5)(pred, target, of_each)
        assert_allclose(bounded, mmdet.bounded_iou_loss(pred, target, of_each, beta=0.5))
        for name, options in (("SIoULoss", {"neg_gamma": True}), ("EIoULoss", {"smooth_point": 0.3})):
            function = getattr(mmdet, f"{name.lower()[:4]}_loss")
            wanted = function(pred, target, eps=1e-6, **options)
            assert_allclose(getattr(mmdet, name)(**options)(pred, target), wanted)

    def test_mmyolo_returns_scores_too(self, nothing_compiled, rng):
        pred, target = mixed(rng, 6)
        options = {"iou_mode": "siou", "bbox_format": "xyxy"}
        loss, iou = mmyolo.IoULoss(**options, reduction="sum", loss_weight=3.0)(pred, target, np.ones((6, 4)))
        assert_allclose(loss, 3.0 * (1 - iou).sum())
        assert_allclose(iou, mmyolo.bbox_overlaps(pred, target, **options))
        assert_allclose(mmyolo.IoULoss(bbox_format="xyxy", return_iou=False)(pred, pred), 0.0, atol=1e-6)
        assert abs(mmyolo.bbox_overlaps(pred, target, **options, siou_theta=2.0) - iou).max() > 1e-3


def test_weights_of_coordinates(backend, nothing_compiled, rng):
    """Their mean is the weight of a pair, of arrays that have no method for it too."""
    pred, target, of_each = (backend.asarray(a) for a in (*mixed(rng, 6), rng.uniform(0.0, 1.0, (6, 4))))
    weight = backend.asarray(backend.to_numpy(of_each).mean(-1))
    for loss in (mmdet.GIoULoss(), mmyolo.IoULoss(bbox_format="xyxy", return_iou=False)):
        values = [backend.to_numpy(loss(pred, target, factor)) for factor in (of_each, weight)]
        assert_allclose(*values, rtol=1e-14)


def test_yolov6(nothing_compiled, rng):
    pred, target = mixed(rng, 6)
    column = yolov6.IOUloss("xyxy", "GIoU")(pred, target)
    assert column.shape == (6, 1)
    assert yolov6.IOUloss("xyxy", "giou")(pred[0], target).shape == (6,)
    assert_allclose(yolov6.IOUloss("xyxy", "giou", "mean")(pred, target), column.mean())


def test_keras(nothing_compiled):
    one, two = np.asarray([[0.0, 0, 2, 2], [-4, -4, -1, -1]]), np.asarray([[0.0, 0, 2, 4]])
    masked = keras.compute_iou(one, two, "XYXY", use_masking=True, mask_val=-7)
    assert_allclose(masked, [[0.5], [-7]], atol=1e-7)
    assert_allclose(keras_cv.compute_iou(one, two, "xyxy", True), [[0.5], [-1]], atol=1e-7)
    relative = two / [10.0, 20, 10, 20]
    found = keras.compute_iou(relative, relative * [1, 1, 1, 0.5], "rel_xyxy", image_shape=(20, 10, 3))
    assert_allclose(found, [[0.5]], rtol=1e-7)
    # In units of the image 1e-7 counts more.
    assert keras_cv.compute_iou(relative / 1e3, relative / 1e3, "rel_xyxy")[0, 0] < 0.5


def test_paddle(nothing_compiled):
    pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
    score = 1 - paddle.GIoULoss()(pred, target)
    reweighted = paddle.GIoULoss(loss_weight=2.0)(pred, target, loc_reweight=np.asarray([0.5]))
    assert_allclose(reweighted, 2.0 * (1 - 0.1 * score - 0.9 * score * 0.5))
    assert_allclose(paddle.GIoULoss(reduction="sum")(pred, target, 3.0), 3.0 * (1 - score[0, 0]))
    assert_allclose(paddle.IouLoss(loss_square=False, ciou=True)(pred.T, target.T), 2.5 * (1 - 2 / 63), rtol=1e-8)


def test_fvcore_and_detectron2(nothing_compiled, rng):
    pair = mixed(rng, 5)
    assert_allclose(fvcore.diou_loss(*pair, "sum"), bl.DIoU(eps=1e-7)(*pair).sum())
    assert_allclose(fvcore.ciou_loss(*pair, eps=1e-3), bl.CIoU(eps=1e-3)(*pair), rtol=1e-12)
    assert_allclose(fvcore.smooth_l1_loss(*pair, 1e-9, "mean"), abs(pair[0] - pair[1]).mean())
    assert fvcore.smooth_l1_loss(*(side[:0] for side in pair), 1.0, "mean") == 0.0


def test_darknet_step_is_not_a_gradient():
    """Of CIoU it depends on the unit of boxes."""
    pred, target = np.asarray([10.0, 10, 2, 1]), np.asarray([10.6, 10.3, 1, 2])
    steps = [scale * darknet.dx_box_iou(scale * pred, scale * target, "ciou") for scale in (1.0, 10.0)]
    assert abs(steps[0] - steps[1]).max() > 1.0


@pytest.mark.filterwarnings("error")
def test_darknet_step_of_ciou_for_two_boxes_without_area_is_nan_as_there():
    none, other, box = np.asarray([1.0, 1, 0, 0]), np.asarray([3.0, 1, 2, 0]), np.asarray([1.0, 1, 2, 2])
    for pair in ((none, none), (none, other)):
        assert np.isnan(darknet.dx_box_iou(*pair, "ciou")[2:]).all()
        assert all(np.isfinite(darknet.dx_box_iou(*pair, kind)).all() for kind in ("iou", "giou", "diou"))
        assert np.isfinite(darknet.box_ciou(*pair))
    assert np.isfinite(darknet.dx_box_iou(none, box, "ciou")).all()
    assert np.isfinite(darknet.dx_box_iou(box, none, "ciou")).all()


@pytest.mark.torch
def test_a_divisor_may_be_a_tensor(nothing_compiled):
    import torch

    pred, target = torch.tensor(PRED, requires_grad=True), torch.tensor(TARGET)
    factor = torch.tensor(2.0, dtype=torch.float64)
    loss = mmdet.GIoULoss()(pred, target, avg_factor=factor)
    loss.backward()
    assert_allclose(loss.item(), mmdet.giou_loss(target, pred.detach(), avg_factor=2.0).item())


def test_distances_of_unsigned_integers_do_not_wrap_around():
    """In their own type 0 - 1 is 255."""
    from boxloss.compat.fvcore import smooth_l1_loss
    from boxloss.compat.mmdet import balanced_l1_loss

    pred, target = np.asarray([[0, 0, 10, 10]], np.uint8), np.asarray([[1, 1, 11, 11]], np.uint8)
    floats = pred.astype(float), target.astype(float)
    for call in (lambda *boxes: smooth_l1_loss(*boxes, 1.0), balanced_l1_loss):
        np.testing.assert_array_equal(call(pred, target), call(*floats))


# --- Errors ---------------------------------------------------------------------------------------------------------


@table(
    ("box1", lambda: yolov5.bbox_iou(PRED[:, :3], TARGET), ValueError, "box1 must have shape (..., 4); got (8, 3)"),
    ("box2", lambda: yolov5.bbox_iou(PRED, TARGET[0, 0]), ValueError, "box2 must have shape (..., 4); got ()"),
    ("eps", lambda: fvcore.giou_loss(PRED, TARGET, eps=-1.0), ValueError, "eps must not be negative; got -1.0"),
    (
        "mode",
        lambda: mmdet.bbox_overlaps(PRED, TARGET, "diou"),
        ValueError,
        "mode must be one of 'iou', 'iof', 'giou'; got 'diou'",
    ),
    (
        "aligned",
        lambda: mmdet.bbox_overlaps(PRED, TARGET[:3], is_aligned=True),
        ValueError,
        "bboxes1 and bboxes2 must hold as many boxes if is_aligned=True; got 8 and 3",
    ),
    (
        "bboxes1",
        lambda: mmdet.bbox_overlaps(PRED[:, :2], TARGET),
        ValueError,
        "bboxes1 must have shape (..., 4); got (8, 2)",
    ),
    (
        "iou-mode",
        lambda: mmdet.iou_loss(PRED, TARGET, mode="cubic"),
        ValueError,
        "mode must be one of 'linear', 'square', 'log'; got 'cubic'",
    ),
    (
        "avg_factor",
        lambda: mmdet.iou_loss(PRED, TARGET, reduction="sum", avg_factor=1.0),
        ValueError,
        'avg_factor is the divisor of reduction="mean"; got it with reduction="sum"',
    ),
    (
        "beta",
        lambda: mmdet.bounded_iou_loss(PRED, TARGET, beta=0.0),
        ValueError,
        "beta must be greater than 0 (1e-30 or more); got 0.0",
    ),
    (
        "smooth_point",
        lambda: mmdet.eiou_loss(PRED, TARGET, smooth_point=0.0),
        ValueError,
        "smooth_point must be greater than 0 (1e-30 or more); got 0.0",
    ),
    (
        "iou_type",
        lambda: yolov6.IOUloss(iou_type="eiou"),
        ValueError,
        "iou_type must be one of 'iou', 'giou', 'diou', 'ciou', 'siou'; got 'eiou'",
    ),
    (
        "keras-format",
        lambda: keras.compute_ciou(PRED, TARGET, "rel_xyxy"),
        ValueError,
        "bounding_box_format must be one of 'xyxy', 'yxyx', 'xywh', 'center_xywh'; got 'rel_xyxy'",
    ),
    (
        "keras-image",
        lambda: keras.compute_iou(PRED, TARGET, "rel_xyxy"),
        TypeError,
        "image_size must be a pair (height, width), which format 'rel_xyxy' reads; got None",
    ),
    (
        "darknet-kind",
        lambda: darknet.dx_box_iou(PRED, TARGET, "mse"),
        ValueError,
        "iou_loss must be one of 'iou', 'giou', 'diou', 'ciou'; got 'mse'",
    ),
    (
        "array",
        lambda: fvcore.smooth_l1_loss([0.0], TARGET, 1.0),
        TypeError,
        "input must be an array of a library that follows the array API standard; got builtins.list. "
        "Convert it first, for example with numpy.asarray(input)",
    ),
)
def test_errors(call, kind, text):
    check_error(call, kind, text)
