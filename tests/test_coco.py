"""Reading COCO files: what is said of wrong ones, and the embedded sample."""

import copy
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from boxloss import coco
from boxloss.data import make_sample, sample
from coco_files import DETECTIONS, TRUTH, read_and_match, write


@pytest.fixture
def files(tmp_path):
    """A function that writes the two files and returns their paths."""
    return partial(write, tmp_path)


# --- Reading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_source", [str, Path])
def test_detections_wrapped_as_annotations(files, as_source):
    plain, wrapped = read_and_match(files()), files(detections={"annotations": DETECTIONS})
    assert read_and_match([as_source(path) for path in wrapped]).detection.tolist() == plain.detection.tolist()


def test_byte_order_mark_is_no_error(files):
    paths = files()
    paths[0].write_bytes(b"\xef\xbb\xbf" + paths[0].read_bytes())
    assert len(read_and_match(paths)) == 2


def change(records, index, **values):
    """The records with some values of one of them changed; None takes a key away."""
    changed = copy.deepcopy(records)
    changed[index] = {key: value for key, value in (changed[index] | values).items() if value is not None}
    return changed


NAN, INF = float("nan"), float("inf")
BAD_RECORDS = [
    ({"image_id": 99}, "image_id 99 is not among the images of {truth}"),
    ({"category_id": 7}, "category_id 7 is not among the categories of {truth}"),
    ({"image_id": None}, "'image_id' is missing"),
    ({"category_id": None}, "'category_id' is missing"),
    ({"bbox": None}, "'bbox' is missing"),
    ({"score": None}, "'score' is missing"),
    ({"image_id": "1"}, "image_id '1' is not an integer"),
    ({"image_id": 1.5}, "image_id 1.5 is not an integer"),
    ({"image_id": True}, "image_id True is not an integer"),
    ({"image_id": 2**63}, "image_id 9223372036854775808 is not an integer from -2^63 to 2^63 - 1"),
    ({"category_id": [5]}, "category_id [5] is not an integer"),
    ({"bbox": [0, 0, -1, 5]}, "bbox [0, 0, -1, 5] has a negative width or height"),
    ({"bbox": [0, 0, 5, -1e-9]}, "bbox [0, 0, 5, -1e-09] has a negative width or height"),
    ({"bbox": [0, 0, NAN, 5]}, "bbox [0, 0, nan, 5] is not four finite numbers [x, y, width, height]"),
    ({"bbox": [0, INF, 5, 5]}, "bbox [0, inf, 5, 5] is not four finite numbers [x, y, width, height]"),
    ({"bbox": [0, 0, 5]}, "bbox [0, 0, 5] is not four finite numbers [x, y, width, height]"),
    ({"bbox": [0, 0, "5", 5]}, "bbox [0, 0, '5', 5] is not four finite numbers [x, y, width, height]"),
    ({"bbox": [0, 0, True, 5]}, "bbox [0, 0, True, 5] is not four finite numbers [x, y, width, height]"),
    ({"category_id": "5"}, "category_id '5' is not an integer"),
    ({"bbox": {"x": 1}}, "bbox {{'x': 1}} is not four finite numbers [x, y, width, height]"),
    ({"bbox": [0] * 100}, "bbox [0, 0, 0, 0, 0, 0, ...] is not four finite numbers [x, y, width, height]"),
    ({"score": "high"}, "score 'high' is not a finite number"),
    ({"score": NAN}, "score nan is not a finite number"),
    ({"score": INF}, "score inf is not a finite number"),
    ({"score": 10**400}, f"score {repr(10**400)[:18]}...{'0' * 19} is not a finite number"),
    ({"score": False}, "score False is not a finite number"),
]


@pytest.mark.parametrize(("values", "message"), BAD_RECORDS, ids=[message[:30] for _, message in BAD_RECORDS])
def test_bad_detection(files, values, message):
    paths = files(detections=change(DETECTIONS, 2, **values))
    with pytest.raises(coco.CocoError) as error:
        read_and_match(paths)
    assert str(error.value) == f"{paths[1]}: record 2: {message.format(truth=paths[0])}"


@pytest.mark.parametrize(
    ("part", "index", "values", "message"),
    [
        ("images", 1, {"id": 1}, "image 1: id 1 is already that of image 0"),
        ("images", 1, {"id": None}, "image 1: 'id' is missing"),
        ("images", 0, {"id": "a"}, "image 0: id 'a' is not an integer"),
        ("categories", 1, {"id": 5}, "category 1: id 5 is already that of category 0"),
        ("categories", 1, {"name": None}, "category 1: 'name' is missing"),
        ("categories", 1, {"name": 3}, "category 1: name 3 is not a string"),
        ("annotations", 2, {"id": 11}, "annotation 2: id 11 is already that of annotation 0"),
        ("annotations", 2, {"image_id": 9}, "annotation 2: image_id 9 is not among the images"),
        ("annotations", 2, {"category_id": 9}, "annotation 2: category_id 9 is not among the categories"),
        ("annotations", 1, {"bbox": [0, 0, -2, 2]}, "annotation 1: bbox [0, 0, -2, 2] has a negative width or height"),
        ("annotations", 1, {"iscrowd": 2}, "annotation 1: iscrowd 2 is neither 0 nor 1"),
        ("annotations", 1, {"iscrowd": "no"}, "annotation 1: iscrowd 'no' is neither 0 nor 1"),
    ],
)
def test_bad_ground_truth(files, part, index, values, message):
    paths = files(TRUTH | {part: change(TRUTH[part], index, **values)})
    with pytest.raises(coco.CocoError) as error:
        read_and_match(paths)
    assert str(error.value) == f"{paths[0]}: {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        (" \n", "the file is empty"),
        ("{", "not valid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[" * 100_000, "not valid JSON: "),
        ("[]", "not an object with 'images', 'categories' and 'annotations'"),
        ({"images": [], "categories": []}, "'annotations' is missing"),
        (TRUTH | {"images": []}, "there are no images"),
        (TRUTH | {"categories": []}, "there are no categories"),
        (TRUTH | {"annotations": []}, "there are no annotations"),
        (TRUTH | {"images": {"a": 1}}, "images: {'a': 1} is not a list"),
        (TRUTH | {"annotations": None}, "annotations: None is not a list"),
        (TRUTH | {"annotations": [[1, 2]]}, "annotation 0: [1, 2] is not an object"),
    ],
    ids=range(12),
)
def test_bad_ground_truth_file(files, content, message):
    paths = files(truth=content)
    with pytest.raises(coco.CocoError) as error:
        read_and_match(paths)
    assert str(error.value).startswith(f"{paths[0]}: {message}")
    assert "\n" not in str(error.value)


NO_RESULTS = "neither a list of detections nor an object with one of 'annotations', 'results', 'predictions'"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("nonsense", "not valid JSON: Expecting value: line 1 column 1 (char 0)"),
        ({"boxes": []}, f"{NO_RESULTS}: it has none"),
        ({"annotations": [], "results": []}, f"{NO_RESULTS}: it has 'annotations' and 'results'"),
        ("3", "records: 3 is not a list"),
        ("[3]", "record 0: 3 is not an object"),
    ],
)
def test_bad_detections_file(files, content, message):
    paths = files(detections=content)
    with pytest.raises(coco.CocoError) as error:
        read_and_match(paths)
    assert str(error.value) == f"{paths[1]}: {message}"


def test_not_text(files):
    paths = files()
    paths[0].write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(coco.CocoError, match=r"truth\.json: not valid JSON: 'utf-8' codec"):
        read_and_match(paths)


def test_no_file(tmp_path):
    with pytest.raises(coco.CocoError, match=r"none\.json: No such file or directory$"):
        coco.read_ground_truth(tmp_path / "none.json")


def test_folder(tmp_path):
    with pytest.raises(coco.CocoError, match=r"there are no rows$"):
        coco.read_ground_truth(tmp_path)


# --- The embedded sample --------------------------------------------------------------------------------------------


def test_sample_is_what_its_script_makes(tmp_path):
    subprocess.run([sys.executable, "-m", "boxloss.data.make_sample", str(tmp_path)], check=True)
    for file in sample():
        assert file.read_bytes() == (tmp_path / file.name).read_bytes()


def test_sample_has_what_a_sample_should_have():
    truth = coco.read_ground_truth(sample()[0])
    matches = read_and_match(sample())
    assert len(truth.images) == make_sample.IMAGES
    assert truth.crowd.any()
    assert len(matches.ignored) > 0
    assert set(matches.category_id.tolist()) == set(truth.categories)
    assert sum(len(file.read_bytes()) for file in sample()) < 60_000
