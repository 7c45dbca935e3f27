"""What `evaluate` and its results say of options and questions that are none."""

import re

import numpy as np
import pytest

import boxloss as bl
from boxloss.data import sample
from coco_sets import COLUMNS
from errors import check_error

BOTH = {"image": [1], "category": [1], "box": [[0, 0, 1, 1]]}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"iou_thresholds": []}, "iou_thresholds must be 1 to 62 numbers; got shape (0,)"),
        ({"iou_thresholds": [0.5, 1.5]}, "iou_thresholds must be between 0 and 1; got [0.5, 1.5]"),
        ({"areas": {"small": (5, 1)}}, "areas must be ranges (low, high); got (5, 1) for 'small'"),
        ({"areas": {"small": 5}}, "areas must be ranges (low, high); got 5 for 'small'"),
        ({"areas": {"10": (0, 1)}}, "names of areas must be words; got '10'"),
        ({"max_detections": (0, 1)}, "max_detections must be whole numbers above 0; got (0, 1)"),
        ({"max_detections": 2**63}, "max_detections must be whole numbers above 0; got 9223372036854775808"),
        ({"areas": {"own": (0, 10**400)}}, f"areas must be ranges (low, high); got {(0, 10**400)!r} for 'own'"),
        ({"max_detections": "a"}, "max_detections must be whole numbers above 0; got 'a'"),
        ({"max_detections": (1.5,)}, "max_detections must be whole numbers above 0; got (1.5,)"),
        ({"engine": "cuda"}, "engine must be one of 'auto', 'numba', 'array'; got 'cuda'"),
        (
            {"format": "xxyy"},
            "format must be one of 'xyxy', 'xywh', 'cxcywh', 'yxyx', 'cxcywha', 'cxcywhd', 'cxcywhr', 'xywhr', "
            "'xyxyxyxy'; got 'xxyy'",
        ),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        bl.evaluate(BOTH, BOTH | {"score": [0.5]}, **options)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda e: e.statistic("map"), "'map' is no statistic: there are ap, ap50, ap75, ap_small"),
        (lambda e: e.statistic("ap_huge"), "'ap_huge' is no statistic: there are ap, ap50"),
        (lambda e: e.statistic("ap33"), "ap33 needs 0.33 among iou_thresholds"),
        (lambda e: e.curve(9), "category must be an id, 1 (person), 2 (car), 3 (dog), "),
        (lambda e: e.curve(1, 0.33), "iou must be one of iou_thresholds, "),
        (lambda e: e.curve(1, area="huge"), "area must be one of 'all', 'small', 'medium', 'large'; got 'huge'"),
        (lambda e: e.table(per="image"), "per must be 'category' or 'iou'; got 'image'"),
        (lambda e: e.interval(95), "level must be between 0 and 1; got 95"),
        (lambda e: e.interval(resamples=0), "resamples must be a whole number above 0; got 0"),
        (lambda e: e.compare(bl.evaluate(*sample(), iou_thresholds=[0.5])), "same iou_thresholds"),
        (lambda e: e.compare(bl.evaluate(BOTH, BOTH | {"score": [1]})), "same ground truth"),
        (lambda e: e.compare(e, resamples=1).table("ar_1"), "'ar_1' was not compared: there are 'ap', 'ap50', 'ap75'"),
    ],
)
def test_wrong_questions(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call(bl.evaluate(*sample()))


def test_some_of_many_categories_are_told_and_no_others():
    many = {"image": [1] * 9, "category": list(range(9)), "box": [[0, 0, 5, 5]] * 9}
    with pytest.raises(ValueError, match=r"category must be an id, 0, 1, 2, 3, 4, 5, 6, 7 and 1 more; got 'x'"):
        bl.evaluate(many, many | {"score": [1] * 9}).curve("x")
    none = {"image": [], "category": [], "box": []}
    with pytest.raises(ValueError, match=r"category must be an id, of which there are none; got 1"):
        bl.evaluate(none, none | {"score": []}).curve(1)


def test_one_number_of_detections():
    """As a number alone is one of a tuple."""
    one, several = (bl.evaluate(*COLUMNS, format="xywh", max_detections=most) for most in (100, (100,)))
    np.testing.assert_equal(one.statistics, several.statistics)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"areas": None}, "areas must be a dict of ranges (low, high) by name; got NoneType"),
        ({"areas": [(0, 1)]}, "areas must be a dict of ranges (low, high) by name; got list"),
        ({"iou_thresholds": "abc"}, "iou_thresholds must be numbers; got 'abc'"),
        ({"iou_thresholds": [[0.5], [0.5, 0.6]]}, "iou_thresholds must be numbers; got [[0.5], [0.5, 0.6]]"),
        ({"max_detections": [[1], [1, 2]]}, "max_detections must be numbers; got [[1], [1, 2]]"),
    ],
)
def test_options_of_another_kind(options, text):
    columns = {"image": [1], "category": [1], "box": [[0, 0, 1, 1]]}
    check_error(lambda: bl.evaluate(columns, columns | {"score": [1.0]}, **options), TypeError, text)
