"""What `nms` and `soft_nms` take at the ends of their ranges, and what they say of all else."""

import numpy as np
import pytest

import boxloss as bl
from boxloss.compat.torchvision import nms as torchvision_nms
from boxloss.verbs import select
from errors import check_error

BOX, SCORE = np.ones((3, 4)), np.ones(3)


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: bl.nms(BOX[None], SCORE), ValueError, "boxes must have shape (N, 4); got (1, 3, 4)"),
        (
            lambda: bl.nms(BOX, SCORE[:2]),
            ValueError,
            "scores must have one number a box, shape (3,); got (2,)",
        ),
        (lambda: bl.nms(BOX, SCORE, labels=SCORE), TypeError, "labels must be of an integer type; got float64"),
        (
            lambda: bl.nms(BOX, SCORE, batch=np.ones((3, 1), int)),
            ValueError,
            "batch must have one number a box, shape (3,); got (3, 1)",
        ),
        (lambda: bl.nms(BOX, SCORE > 0), TypeError, "scores must be of a real type; got bool"),
        (
            lambda: bl.nms(BOX, SCORE, metric="iou"),
            TypeError,
            "metric must be a score or a loss of boxloss, such as iou_score; got str",
        ),
        (lambda: bl.nms(BOX, SCORE, max_kept=0), ValueError, "max_kept must be at least 1; got 0"),
        (lambda: bl.nms(BOX, SCORE, max_kept=True), TypeError, "max_kept must be a whole number; got bool"),
        (lambda: bl.soft_nms(BOX, SCORE, max_kept=True), TypeError, "max_kept must be a whole number; got bool"),
        (lambda: bl.nms(BOX, SCORE, threshold=np.inf), ValueError, "threshold must be finite; got inf"),
        (
            lambda: bl.nms(BOX, SCORE, threshold=2),
            ValueError,
            "threshold must be from 0 to 1, as IoUScore is; got 2.0, with which no box is removed",
        ),
        (
            lambda: bl.nms(BOX, SCORE, threshold=-0.1, metric=bl.iou),
            ValueError,
            "threshold must be from 0 to 1, as 1 - IoU is; got -0.1, with which all but the first box are removed",
        ),
        (
            lambda: bl.nms(BOX, SCORE, threshold=1.5, metric=bl.l1),
            ValueError,
            "threshold must be at most 1, as 1 - L1 is; got 1.5, with which no box is removed",
        ),
        (
            lambda: bl.soft_nms(BOX, SCORE, method="linear", threshold=50),
            ValueError,
            "threshold must be from 0 to 1, as IoUScore is; got 50.0, with which no box is removed",
        ),
        (
            lambda: bl.soft_nms(BOX, SCORE, method="hard"),
            ValueError,
            "method must be one of 'gaussian', 'linear'; got 'hard'",
        ),
        (lambda: bl.soft_nms(BOX, SCORE, sigma=0), ValueError, "sigma must be greater than 0 (1e-30 or more); got 0.0"),
    ],
)
def test_errors(call, kind, text):
    check_error(call, kind, text)


def test_more_than_there_are_is_all_of_them():
    boxes, scores = np.asarray([[0.0, 0, 10, 10], [20, 0, 30, 10], [20, 0, 30, 10]]), np.asarray([0.1, 0.2, 0.3])
    for most in (3, 2**70):
        np.testing.assert_array_equal(bl.nms(boxes, scores, max_kept=most), [2, 0])
        np.testing.assert_array_equal(bl.soft_nms(boxes, scores, max_kept=most)[0], bl.soft_nms(boxes, scores)[0])
    assert bl.nms(boxes[:0], scores[:0], max_kept=2**70).shape == (0,)


def test_ids_may_be_as_far_apart_as_integers_are():
    boxes, scores = np.asarray([[0.0, 0, 10, 10]] * 4), np.asarray([0.1, 0.2, 0.3, 0.4])
    labels = np.asarray([-(2**63), 2**63 - 1, -(2**63), 0])
    np.testing.assert_array_equal(bl.nms(boxes, scores, labels=labels), [3, 2, 1])
    np.testing.assert_array_equal(bl.nms(boxes, scores, batch=labels), [3, 2, 1])


@pytest.mark.filterwarnings("error")
def test_infinite_scores_and_limits_warn_of_nothing():
    boxes, scores = np.asarray([[0.0, 0, 10, 10]] * 4, np.float32), np.asarray([np.inf, np.inf, 1.0, -np.inf])
    np.testing.assert_array_equal(torchvision_nms(boxes, scores, 1e300), range(4))
    np.testing.assert_array_equal(bl.nms(boxes, scores, threshold=-1e300, metric=bl.l1), [0])


def test_thresholds_at_the_ends_of_a_metric_and_beyond_them_as_libraries_take_them(monkeypatch):
    boxes, scores = np.asarray([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 5], [20, 0, 30, 10]]), np.arange(4.0)
    assert bl.nms(boxes, scores, threshold=1).tolist() == [3, 2, 1, 0]
    assert bl.nms(boxes, scores, threshold=0).tolist() == [3, 2]
    assert torchvision_nms(boxes, scores, 2.0).tolist() == [3, 2, 1, 0]
    assert torchvision_nms(boxes, scores, -0.5).tolist() == [3]
    assert bl.nms(boxes, scores, threshold=-4.5, metric=bl.l1).tolist() == [3, 2]
    monkeypatch.setattr(select, "is_compiler_off", lambda: True)  # a kernel takes a limit whatever it is of
    assert bl.nms(boxes, scores, threshold=-0.5, metric=bl.giou).tolist() == [3, 2]
    assert bl.nms(boxes, scores, threshold=-4.0, metric=bl.l1).tolist() == [3, 2, 1]  # 5 apart are 1 - 5
    assert bl.nms(boxes, scores, threshold=-4.5, metric=bl.l1).tolist() == [3, 2]
    assert bl.nms(boxes, scores, threshold=-3.0, metric=bl.Scaled(bl.eiou, 1.0)).tolist() == [3]


@pytest.mark.parametrize("score", ["-1.0", "inf"])
def test_soft_nms_lowers_scores_that_are_not_negative(score):
    text = f"scores of soft_nms must be 0 or more and finite, to be lowered by a factor; got {score}"
    check_error(lambda: bl.soft_nms(BOX[:1], np.asarray([float(score)])), ValueError, text)


def test_a_score_above_1_leaves_nothing():
    """Of a metric such as twice the IoU, which 1 minus it would make negative."""
    boxes, scores = np.asarray([[0.0, 0, 10, 10]] * 3), np.asarray([0.9, 0.8, 0.7])
    indices, lowered = bl.soft_nms(boxes, scores, method="linear", metric=2.0 * bl.iou_score, min_score=-1.0)
    assert (indices.tolist(), lowered.tolist()) == ([0, 1, 2], [0.9, 0.0, 0.0])


def test_no_scores():
    for call in (bl.nms, bl.soft_nms):
        with pytest.raises(TypeError, match=r"^scores must be an array"):
            call(BOX, None)
