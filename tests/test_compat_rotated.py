"""The rotated boxes of `boxloss.compat.torchvision` and `mmcv`, against torchvision and published values."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import boxloss as bl
from boxloss.compat import mmcv, torchvision
from errors import check_error, of_shape, table

FORMATS = ("cxcywhr", "xywhr", "xyxyxyxy")
pairs_of_formats = pytest.mark.parametrize(("one", "other"), [(i, o) for i in FORMATS for o in FORMATS])


def rotated(rng, n=40):
    """Boxes (cx, cy, w, h, degrees), among them quarter turns."""
    numbers = np.concatenate([rng.uniform(-50, 50, (n, 2)), rng.uniform(1, 40, (n, 2))], axis=-1)
    return np.concatenate([numbers, rng.integers(-8, 9, (n, 1)) * 22.5], axis=-1)


# --- torchvision ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ops():
    from torchvision_ops import ops

    return ops


@pytest.mark.torch
@pairs_of_formats
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 2e-13), ("float32", 2e-6), ("int32", 0.0)])
def test_box_convert(one, other, dtype, tolerance, ops, rng):
    import torch

    given = torch.tensor(bl.convert(rotated(rng), "cxcywhr", one)).to(getattr(torch, dtype)).reshape(4, 10, -1)
    found, wanted = (module.box_convert(given, one, other) for module in (torchvision, ops))
    assert found.dtype == wanted.dtype
    assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * 60)
    assert found.data_ptr() != given.data_ptr()


@pytest.mark.torch
def test_gradient_of_box_convert(ops, rng):
    import torch

    given = torch.tensor(rotated(rng), requires_grad=True)
    found, wanted = (
        torch.autograd.grad((m.box_convert(given, "cxcywhr", "xyxyxyxy") ** 2).sum(), given)[0]
        for m in (torchvision, ops)
    )
    assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.torch
def test_there_is_no_other_conversion_there(ops):
    import torch

    box = torch.ones((1, 4))
    text = "torchvision converts no boxes from 'xyxy' to 'xywhr'; boxloss.convert(boxes, 'xyxy', 'xywhr') does"
    check_error(lambda: torchvision.box_convert(box, "xyxy", "xywhr"), NotImplementedError, text)
    with pytest.raises(NotImplementedError):
        ops.box_convert(box, "xyxy", "xywhr")


@pairs_of_formats
def test_box_convert_of_every_library(one, other, backend, rng):
    boxes = rotated(rng, 8)
    given, wanted = (bl.convert(boxes, "cxcywhr", name) for name in (one, other))
    found = np.array(backend.to_numpy(torchvision.box_convert(backend.asarray(given), one, other)))
    if other != "xyxyxyxy" and one == "xyxyxyxy":  # angles by an arc tangent are from -180 to 180
        found[:, 4], wanted[:, 4] = np.cos(np.radians(found[:, 4])), np.cos(np.radians(wanted[:, 4]))
    assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("fmt", FORMATS)
def test_box_iou(fmt, backend, rng):
    boxes = rotated(rng, 12)
    wanted = bl.iou_score.pairwise(boxes[:5], boxes, format="cxcywhr", engine="array")
    given = backend.asarray(bl.convert(boxes, "cxcywhr", fmt))
    backend.assert_like(torchvision.box_iou(given[:5, ...], given, fmt), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("one", "other", "iou"),
    [  # of detectron2's tests, which have the same angles; the last two are 0.27 and 0.31 with those of another sign
        ([5, 5, 10, 6, 55], [5, 5, 10, 6, -35], 3 / 7),
        ([160, 153, 230, 23, -37], [190, 127, 80, 21, -46], 0.0),
        ([3, 3, 8, 2, -45], [6, 0, 8, 2, -45], 0.0),
    ],
)
def test_published_values_of_counterclockwise_degrees(one, other, iou):
    found = torchvision.box_iou(np.asarray([one]), np.asarray([other]), "cxcywhr")
    assert_allclose(found, [[iou]], atol=1e-15)


def test_scores_of_formats_with_other_sizes():
    text = of_shape("boxes2", 5, (1, 4))
    check_error(lambda: torchvision.box_iou(np.ones((1, 5)), np.ones((1, 4)), "xywhr"), ValueError, text)
    text = of_shape("boxes", 8, (1, 5))
    check_error(lambda: torchvision.box_iou(np.ones((1, 5)), np.ones((1, 5)), "xyxyxyxy"), ValueError, text)


# --- mmcv -----------------------------------------------------------------------------------------------------------

ONE = np.asarray([[1.0, 1, 3, 4, 0.5], [2, 2, 3, 4, 0.6], [7, 7, 8, 8, 0.4]], np.float32)
OTHER = np.asarray([[0.0, 2, 2, 5, 0.3], [2, 1, 3, 3, 0.5], [5, 5, 6, 7, 0.4]], np.float32)
PUBLISHED = {
    "iou": [[0.3708, 0.4351, 0], [0.1104, 0.4487, 0.0424], [0, 0, 0.3622]],
    "iof": [[0.4959, 0.5306, 0], [0.1823, 0.5420, 0.1832], [0, 0, 0.4404]],
}
DETS = np.asarray([[6.0, 3, 8, 7, 0.5], [3, 6, 9, 11, 0.6], [3, 7, 10, 12, 0.3], [1, 4, 13, 7, 0.6]])
SCORES = np.asarray([0.7, 0.8, 0.5, 0.9])
MIRROR = np.asarray([1, 1, 1, 1, -1], np.float32)


@pytest.mark.parametrize("mode", PUBLISHED)
@pytest.mark.parametrize("clockwise", [True, False])
def test_box_iou_rotated(mode, clockwise, backend):
    """The values of mmcv's own tests."""
    one, other = (backend.asarray(boxes if clockwise else boxes * MIRROR) for boxes in (ONE, OTHER))
    matrix = backend.to_numpy(mmcv.box_iou_rotated(one, other, mode, clockwise=clockwise))
    pairs = backend.to_numpy(mmcv.box_iou_rotated(one, other, mode, aligned=True, clockwise=clockwise))
    assert_allclose(matrix, PUBLISHED[mode], atol=1e-4)
    assert_allclose(pairs, np.diagonal(PUBLISHED[mode]), atol=1e-4)


def test_mirrored_boxes_are_others():
    assert abs(mmcv.box_iou_rotated(ONE, OTHER * MIRROR) - PUBLISHED["iou"]).max() > 0.05


@pytest.mark.parametrize("clockwise", [True, False])
def test_nms_rotated(clockwise, backend):
    if backend.name == "dask":
        return
    dets = DETS if clockwise else DETS * MIRROR
    given, scores = backend.asarray(dets), backend.asarray(SCORES)
    kept, keep = mmcv.nms_rotated(given, scores, 0.5, clockwise=clockwise)
    assert backend.to_numpy(keep).tolist() == [3, 1, 0]
    assert_allclose(backend.to_numpy(kept), np.concatenate([dets, SCORES[:, None]], axis=1)[[3, 1, 0]])
    for dtype in ("float32", "int64"):
        labels = backend.asarray(np.asarray([1, 0, 1, 0], dtype))
        _, keep = mmcv.nms_rotated(given, scores, 0.5, labels, clockwise)
        assert backend.to_numpy(keep).tolist() == [3, 1, 0, 2]  # as of mmcv's batched_nms


def test_nms_rotated_of_nothing():
    none = np.zeros((0, 5))
    kept, keep = mmcv.nms_rotated(none, np.zeros(0), 0.5)
    assert kept is none
    assert keep is None


@table(
    (
        "mode",
        lambda: mmcv.box_iou_rotated(ONE, OTHER, "giou"),
        ValueError,
        "mode must be one of 'iou', 'iof'; got 'giou'",
    ),
    ("shape", lambda: mmcv.box_iou_rotated(ONE[:, :4], OTHER), ValueError, of_shape("bboxes1", 5, (3, 4))),
    (
        "clockwise",
        lambda: mmcv.box_iou_rotated(ONE, OTHER, clockwise=1),
        TypeError,
        "clockwise must be True or False; got 1",
    ),
    (
        "aligned",
        lambda: mmcv.box_iou_rotated(ONE, OTHER[:2], aligned=True),
        ValueError,
        "bboxes1 and bboxes2 must hold as many boxes if aligned=True; got 3 and 2",
    ),
    ("dets", lambda: mmcv.nms_rotated(ONE[:, :4], SCORES[:3], 0.5), ValueError, of_shape("dets", 5, (3, 4))),
)
def test_errors(call, kind, text):
    check_error(call, kind, text)
