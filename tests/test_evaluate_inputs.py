"""What `boxloss.evaluate` takes, and what it says of all else."""

import re

import numpy as np
import pytest

import boxloss as bl
from boxloss import coco
from coco_sets import COLUMNS, DETECTIONS, TRUTH, write
from errors import check_error

ENGINES = ("array", "numba")


@pytest.fixture
def expected(tmp_path):
    return bl.evaluate(*write(tmp_path, TRUTH, DETECTIONS))


def assert_equal(result, expected):
    np.testing.assert_equal(result.statistics, expected.statistics)


def test_files_arrays_and_what_was_read(tmp_path, expected):
    files = write(tmp_path, TRUTH, DETECTIONS)
    truth = coco.read_ground_truth(files[0])
    found = coco.read_detections(files[1], truth)
    for one in (str(files[0]), files[0], truth):
        for other in (str(files[1]), found, COLUMNS[1] | {"box": corners(COLUMNS[1]["box"])}):
            assert_equal(bl.evaluate(one, other), expected)
    assert_equal(bl.evaluate(*COLUMNS, format="xywh"), expected)
    assert_equal(bl.evaluate(COLUMNS[0], files[1], format="xywh"), expected)


def test_what_json_loads(expected):
    """And what a detector would write there, with numbers and boxes of NumPy."""
    assert_equal(bl.evaluate(TRUTH, DETECTIONS), expected)
    assert_equal(bl.evaluate(TRUTH, {"predictions": DETECTIONS}, format="xywh"), expected)
    text = (
        "format='xyxy' is for columns, and for Parquet and CSV files: boxes of COCO's JSON files are 'xywh', or rotated"
    )
    check_error(lambda: bl.evaluate(TRUTH, DETECTIONS, format="xyxy"), ValueError, text)
    columns = COLUMNS[1] | {"box": corners(COLUMNS[1]["box"])}
    assert_equal(bl.evaluate(TRUTH, columns, format="xyxy"), expected)
    read = coco.read_ground_truth(TRUTH), coco.read_detections(DETECTIONS, coco.read_ground_truth(TRUTH))
    text = "format says how to read boxes, and these were read as 'xywh'; got 'cxcywha'"
    check_error(lambda: bl.evaluate(*read, format="cxcywha"), ValueError, text)
    found = [
        {
            **one,
            "image_id": np.int64(one["image_id"]),
            "bbox": np.asarray(one["bbox"]),
            "score": np.float64(one["score"]),
        }
        for one in DETECTIONS
    ]
    found[0] |= {"bbox": tuple(np.float64(x) for x in DETECTIONS[0]["bbox"]), "segmentation": object()}
    found[1] |= {
        "bbox": np.array([np.float32(x) for x in DETECTIONS[1]["bbox"]], object),
        "score": np.longdouble("0.9"),
    }
    found[2]["self"] = found  # what is not read may be anything
    assert_equal(bl.evaluate(TRUTH, found), expected)
    assert_equal(bl.evaluate(coco.read_ground_truth(TRUTH), found[:-1]), bl.evaluate(TRUTH, DETECTIONS[:-1]))


@pytest.mark.parametrize(
    ("truth", "found", "message"),
    [
        (TRUTH | {"annotations": 3}, [], "ground truth: annotations: 3 is not a list"),
        (
            TRUTH["annotations"],
            [],
            "ground truth: not an object with 'images', 'categories' and 'annotations', but a list, as detections are",
        ),
        (TRUTH, [DETECTIONS[0], {"image_id": 1}], "detections: record 1: 'category_id' is missing"),
        (TRUTH, [DETECTIONS[0] | {"score": "high"}], "detections: record 0: score 'high' is not a finite number"),
        ({"images": TRUTH["images"]}, [], "ground truth: 'annotations' is missing"),
        (TRUTH, [3], "detections: record 0: 3 is not an object"),
        (TRUTH, {"results": [], "predictions": []}, "it has 'results' and 'predictions'"),
    ],
)
def test_what_json_loads_and_is_wrong(truth, found, message):
    with pytest.raises(coco.CocoError, match=re.escape(message)):
        bl.evaluate(truth, found)


def test_boxes_that_may_be_meant_otherwise_are_told_of():
    boxes = np.asarray([5, 5, 7, 9]) + 20.0 * np.arange(12)[:, None] * [1, 1, 0, 0]
    truth = {"image": np.ones(12, int), "category": np.ones(12, int), "box": boxes}
    found = truth | {"score": np.ones(12)}
    text = "0 of 12 detections match at an IoU of 0.5, but 12 would if the boxes of detections were [x1, y1, x2, y2]"
    found["box"] = corners(boxes)
    with pytest.warns(UserWarning, match=f"^{re.escape(text)}$"):
        assert bl.evaluate(truth, found, format="xywh").ap == 0.0
    few = {key: value[:9] for key, value in found.items()}
    assert bl.evaluate(truth, few, format="xywh").ap == 0.0


def corners(box):
    return bl.convert(np.asarray(box, float), "xywh", "xyxy")


def test_arrays_are_corners_unless_told(expected):
    truth, found = (one | {"box": corners(one["box"])} for one in COLUMNS)
    assert_equal(bl.evaluate(truth, found), expected)


def test_lists_strings_and_tables(expected):
    import pyarrow as pa

    truth, found = ({**one, "image": [f"{i}.jpg" for i in one["image"]], "box": one["box"].tolist()} for one in COLUMNS)
    assert_equal(bl.evaluate(truth, found, format="xywh"), expected)

    class Table(dict):
        """What a DataFrame does with a column of lists and of texts."""

        def __getitem__(self, key):
            return np.array([*super().__getitem__(key), None], dtype=object)[:-1]

    assert_equal(bl.evaluate(truth, Table(found), format="xywh"), expected)
    assert pa.table(expected.table()).num_rows == 2
    assert_equal(bl.evaluate(pa.table(truth), pa.table(found), format="xywh"), expected)

    # A table that has the names of its columns as polars does.
    frame = type("Frame", (), {"columns": list(found), "__getitem__": lambda self, key: found[key]})()
    assert_equal(bl.evaluate(truth, frame, format="xywh"), expected)


def test_area_and_crowd_are_optional(expected):
    truth = {key: COLUMNS[0][key][:2] for key in ("image", "category", "box")}
    result = bl.evaluate(truth, COLUMNS[1], format="xywh")
    assert result.ap50 == expected.ap50
    assert result.table()["annotations"].tolist() == [2, 0]
    own = truth["box"][:, 2] * truth["box"][:, 3]
    assert_equal(result, bl.evaluate({**truth, "area": own, "crowd": [0, 0]}, COLUMNS[1], format="xywh"))


def test_nothing():
    nothing = {"image": [], "category": [], "box": [], "score": []}
    truth = {key: COLUMNS[0][key] for key in ("image", "category", "box")}
    for engine in ENGINES:
        result = bl.evaluate(truth, nothing, format="xywh", engine=engine)
        assert (result.ap, result.ar_100) == (0.0, 0.0)
        assert np.isnan(result.ap_large)
        nobody = bl.evaluate({"image": [], "category": [], "box": []}, nothing, engine=engine)
        assert all(map(np.isnan, nobody.statistics.values()))
        assert all(np.isnan(nobody.interval()["ap"]))


@pytest.mark.torch
def test_tensors(tmp_path):
    import torch

    expected = bl.evaluate(*write(tmp_path, TRUTH, DETECTIONS))
    truth, found = ({key: torch.as_tensor(values) for key, values in one.items()} for one in COLUMNS)
    found["box"] = found["box"].to(torch.bfloat16).requires_grad_()
    assert_equal(bl.evaluate(truth, found, format="xywh"), expected)
    kinds = {"image_id": torch.tensor, "bbox": lambda box: torch.tensor(box, dtype=torch.bfloat16, requires_grad=True)}
    records = [one | {key: kind(one[key]) for key, kind in kinds.items()} for one in DETECTIONS]
    records[0]["bbox"] = records[0]["bbox"].detach().unbind()
    assert_equal(bl.evaluate(TRUTH, records), expected)


# --- Errors ---------------------------------------------------------------------------------------------------------

BOTH = {"image": [1], "category": [1], "box": [[0, 0, 1, 1]]}


@pytest.mark.parametrize(
    ("truth", "found", "message"),
    [
        (
            {"crowds": 1},
            {},
            "truth has no use for 'crowds': its columns are image, category, box, crowd, area. Did you mean 'crowd'?",
        ),
        (
            {},
            {"images": [1]},
            "detections has no use for 'images': its columns are image, category, box, score. Did you mean 'image'?",
        ),
        (
            {"image": [[1], [1, 2]]},
            {},
            "truth: image must be one array of all rows; got rows of several lengths. If there is one array an image, "
            "join them by np.concatenate",
        ),
        ({"box": [1, 2, 3, 4]}, {}, "truth: box must have shape (N, 4); got (4,)"),
        (
            {"box": [[1, 2, 3, 4, 5]]},
            {},
            "truth: box must have shape (N, 4); got (1, 5). Boxes of 5 numbers are of format 'cxcywha', 'cxcywhd', "
            "'cxcywhr' or 'xywhr'",
        ),
        ({"box": [[0, 0, 1, "a"]]}, {}, "truth: box must hold numbers; got <U21"),
        ({"box": [[0, 0, 1, np.inf]]}, {}, "truth: box [0.0, 0.0, 1.0, inf] of row 0 is not finite"),
        ({"box": [[2, 0, 1, 1]]}, {}, "truth: box [2.0, 0.0, 1.0, 1.0] of row 0 as 'xyxy' has a negative width or height"),  # noqa: E501
        ({"image": [1, 2]}, {}, "truth: image must have one entry a box, shape (1,); got (2,)"),
        ({"image": [1.5]}, {}, "truth: image must hold integers or strings; got float64"),
        (
            {"image": np.asarray([2**63], np.uint64)},
            {},
            f"truth: image {2**63} of row 0 is not an integer from -2^63 to 2^63 - 1",
        ),
        ({"crowd": [2]}, {}, "truth: crowd 2.0 of row 0 is neither 0 nor 1"),
        ({"area": [np.nan]}, {}, "truth: area nan of row 0 is not finite"),
        ({}, {"score": [np.nan]}, "detections: score nan of row 0 is not finite"),
        ({}, {"category": ["a"]}, "detections: category must hold integers as truth does; got strings"),
    ],
)  # fmt: skip
def test_wrong_columns(truth, found, message):
    with pytest.raises((TypeError, ValueError)) as error:
        bl.evaluate(BOTH | truth, BOTH | {"score": [0.5]} | found)
    assert str(error.value) == message


@pytest.mark.parametrize("source", [None, (1, 2), 3], ids=repr)
def test_what_is_no_source(source):
    message = f"source must be a path, or what json.load makes of a file; got {type(source).__name__}"
    for call in (coco.read_ground_truth, lambda given: coco.read_detections(given, coco.read_ground_truth(TRUTH))):
        with pytest.raises(TypeError, match=f"^{message}$"):
            call(source)


def test_what_is_no_columns():
    wanted = "a file, what json.load makes of one, or columns: a dict or a table with image, category, box, crowd, area"
    message = f"truth must be {wanted}; got int"
    with pytest.raises(TypeError, match=re.escape(message)):
        bl.evaluate(3, BOTH)
    with pytest.raises(ValueError, match="detections must have 'score'; got 'image', 'category', 'box'"):
        bl.evaluate(BOTH, BOTH)


def test_ids_that_a_file_does_not_list(tmp_path):
    file, _ = write(tmp_path, TRUTH, DETECTIONS)
    with pytest.raises(ValueError, match=r"detections: image 7 of row 0 is not among those of .*truth\.json"):
        bl.evaluate(file, BOTH | {"score": [0.5], "image": [7], "category": [5]})


@pytest.mark.parametrize("key", ["box", "score", "image"])
def test_masked_columns(key):
    columns = {"image": [1], "category": [1], "box": [[0, 0, 1, 1]], "score": [1.0]}
    masked = columns | {key: np.ma.masked_array(columns[key], mask=True)}
    text = f"detections: {key} must not be masked, since masks are not read; leave these rows out"
    truth = {name: columns[name] for name in ("image", "category", "box")}
    check_error(lambda: bl.evaluate(truth, masked), TypeError, text)
    assert bl.evaluate(truth, columns | {key: np.ma.masked_array(columns[key])}).ap > 0.99
