"""Matches of detections and annotations, against pycocotools."""

import contextlib
import copy
import io
import json
from functools import partial

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from boxloss.data import sample
from coco_files import DETECTIONS, TRUTH, read_and_match, write


@pytest.fixture
def files(tmp_path):
    """A function that writes the two files and returns their paths."""
    return partial(write, tmp_path)


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
