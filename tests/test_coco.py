"""Reading COCO files, and matching against pycocotools."""

import contextlib
import copy
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from boxloss import coco
from boxloss.data import make_sample, sample

TRUTH = {
    "images": [{"id": 1}, {"id": 2}],
    "categories": [{"id": 5, "name": "cat"}, {"id": 6, "name": "dog"}],
    "annotations": [
        {"id": 11, "image_id": 1, "category_id": 5, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 0},
        {"id": 12, "image_id": 1, "category_id": 5, "bbox": [2, 0, 10, 10], "area": 100, "iscrowd": 0},
        {"id": 13, "image_id": 2, "category_id": 6, "bbox": [0, 0, 50, 50], "area": 2500, "iscrowd": 1},
    ],
}
DETECTIONS = [
    {"image_id": 1, "category_id": 5, "bbox": [0, 0, 10, 10], "score": 0.5},
    {"image_id": 1, "category_id": 5, "bbox": [1, 0, 10, 10], "score": 0.9},
    {"image_id": 2, "category_id": 6, "bbox": [5, 5, 10, 10], "score": 0.8},
    {"image_id": 2, "category_id": 6, "bbox": [60, 5, 10, 10], "score": 0.8},
]


@pytest.fixture
def files(tmp_path):
    """A function that writes the two files and returns their paths."""

    def write(truth=TRUTH, detections=DETECTIONS):
        paths = tmp_path / "truth.json", tmp_path / "found.json"
        for path, content in zip(paths, (truth, detections), strict=True):
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return paths

    return write


def read_and_match(paths, iou_threshold=0.5):
    truth = coco.read_ground_truth(paths[0])
    return coco.match(truth, coco.read_detections(paths[1], truth), iou_threshold)


# --- Matching -------------------------------------------------------------------------------------------------------


def pairs_of_pycocotools(truth, detections, iou_threshold):
    """Pairs (detection, annotation id) without crowds, and detections that crowds excuse."""
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = COCO()
        dataset.dataset = copy.deepcopy(truth)
        dataset.createIndex()
        evaluation = COCOeval(dataset, dataset.loadRes(copy.deepcopy(detections)), "bbox")
        evaluation.params.iouThrs = np.asarray([iou_threshold])
        evaluation.params.areaRng = [[0, 1e10]]
        evaluation.evaluate()
    pairs, ignored = set(), set()
    for image in filter(None, evaluation.evalImgs):
        for number, match, ignore in zip(image["dtIds"], image["dtMatches"][0], image["dtIgnore"][0], strict=True):
            if ignore:
                ignored.add(number - 1)  # pycocotools numbers detections from 1
            elif match:
                pairs.add((number - 1, int(match)))
    return pairs, ignored


def random_files(seed):
    """Crowded images on a coarse grid, so that scores and IoUs tie; more than 100 detections in a group."""
    rng = np.random.default_rng(seed)

    def box():
        return [float(v) for v in (*rng.integers(0, 8, 2), *rng.integers(0, 6, 2))]

    annotations = [
        {
            "id": i + 1,
            "image_id": int(rng.integers(1, 5)),
            "category_id": int(rng.integers(1, 3)),
            "bbox": (b := box()),
            "area": b[2] * b[3],
            "iscrowd": int(rng.random() < 0.15),
        }
        for i in range(120)
    ]
    detections = [
        {
            "image_id": int(rng.integers(1, 5)),
            "category_id": int(rng.integers(1, 3)),
            "bbox": box() if rng.random() < 0.5 else (np.asarray(box()) + rng.normal(0, 0.1, 4)).clip(0).tolist(),
            "score": float(rng.integers(0, 10) / 10),
        }
        for _ in range(900)
    ]
    images, categories = [{"id": i} for i in range(1, 6)], [{"id": i, "name": str(i)} for i in range(1, 4)]
    return {"images": images, "categories": categories, "annotations": annotations}, detections


@pytest.mark.parametrize("iou_threshold", [0.0, 0.3, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_pairs_are_those_of_pycocotools(files, seed, iou_threshold):
    truth, detections = random_files(seed)
    matches = read_and_match(files(truth, detections), iou_threshold)
    pairs, ignored = pairs_of_pycocotools(truth, detections, iou_threshold)
    assert ignored  # or the case shows nothing
    assert set(zip(matches.detection.tolist(), matches.annotation_id.tolist(), strict=True)) == pairs
    assert set(matches.ignored.tolist()) == ignored
    assert len(matches) == len(pairs)


@pytest.mark.parametrize("iou_threshold", [0.5, 0.9])
def test_pairs_of_the_sample_are_those_of_pycocotools(iou_threshold):
    matches = read_and_match(sample(), iou_threshold)
    truth, detections = (json.loads(file.read_bytes()) for file in sample())
    pairs, ignored = pairs_of_pycocotools(truth, detections, iou_threshold)
    assert len(pairs) > 20
    assert set(zip(matches.detection.tolist(), matches.annotation_id.tolist(), strict=True)) == pairs
    assert set(matches.ignored.tolist()) == ignored


def test_blocks_of_candidates_change_nothing(files, monkeypatch):
    paths = files(*random_files(0))
    whole = read_and_match(paths)
    monkeypatch.setattr("boxloss.coco.matching.BLOCK", 7)
    for field in ("detection", "annotation_id", "iou", "ignored"):
        np.testing.assert_array_equal(getattr(read_and_match(paths), field), getattr(whole, field))


def test_columns_of_pairs(files):
    matches = read_and_match(files())
    # The higher score has the first choice; of equal IoUs it takes the last, which leaves the first to the other.
    assert matches.detection.tolist() == [1, 0]
    assert matches.annotation_id.tolist() == [12, 11]
    assert matches.image_id.tolist() == [1, 1]
    assert matches.category_id.tolist() == [5, 5]
    assert matches.score.tolist() == [0.9, 0.5]
    assert matches.iou.tolist() == [90 / 110, 1.0]
    assert matches.pred.tolist() == [[1, 0, 11, 10], [0, 0, 10, 10]]
    assert matches.target.tolist() == [[2, 0, 12, 10], [0, 0, 10, 10]]
    assert matches.ignored.tolist() == [2]
    assert matches.pred.dtype == matches.target.dtype == np.float64


def test_no_pairs(files):
    apart = [DETECTIONS[0] | {"image_id": 2}]
    matches = read_and_match(files(detections=apart))
    assert len(matches) == 0
    assert matches.pred.shape == matches.target.shape == (0, 4)


def test_annotation_without_iscrowd_is_no_crowd(files):
    annotation = {key: value for key, value in TRUTH["annotations"][0].items() if key != "iscrowd"}
    assert len(read_and_match(files(TRUTH | {"annotations": [annotation]}))) == 1


def test_annotation_with_id_0_matches(files):
    # pycocotools marks a match by the id of the annotation and so takes this one for unmatched.
    annotation = TRUTH["annotations"][0] | {"id": 0}
    assert read_and_match(files(TRUTH | {"annotations": [annotation]})).annotation_id.tolist() == [0]


def test_huge_and_empty_boxes_do_not_warn(files):
    boxes = [[0, 0, 0, 0], [0, 0, 1e300, 1e300], [1e308, 1e308, 1e308, 1e308]]
    annotations = [TRUTH["annotations"][0] | {"id": i, "bbox": box} for i, box in enumerate(boxes)]
    detections = [DETECTIONS[0] | {"bbox": box} for box in boxes]
    assert len(read_and_match(files(TRUTH | {"annotations": annotations}, detections))) == 0


@pytest.mark.parametrize("iou_threshold", [-0.1, 1.1, float("nan")])
def test_iou_threshold_out_of_range(files, iou_threshold):
    with pytest.raises(ValueError, match="iou_threshold must be between 0 and 1"):
        read_and_match(files(), iou_threshold)


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
