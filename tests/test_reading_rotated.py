"""Files whose boxes have five numbers: as detectron2 writes them, or as `format` says."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import boxloss as bl
from boxloss import coco, lab
from boxloss.coco import typed
from boxloss.coco.boxes import NUMBERS, ROTATED
from commands import run_apart
from errors import check_error
from rotated_files import assert_same, scene, write_json, write_lists, write_numbers


@pytest.fixture
def files(tmp_path):
    return write_json(tmp_path, *scene())


@pytest.mark.parametrize("format", [*ROTATED, "xyxyxyxy"])
def test_files_have_the_numbers_of_arrays(format, tmp_path, monkeypatch):
    truth, found = scene(format)
    expected = bl.evaluate(truth, found, format=format)
    assert 0.2 < expected.ap < 0.9
    files = write_json(tmp_path, truth, found)
    assert_same(bl.evaluate(*files, format=format), expected)
    assert_same(bl.evaluate(*write_lists(tmp_path, truth, found), format=format), expected)
    assert_same(bl.evaluate(*write_numbers(tmp_path, truth, found, format), format=format), expected)
    assert_same(bl.evaluate(files[0], found, format=format), expected)
    assert_same(bl.evaluate(truth, files[1], format=format), expected)
    quick = typed.ground_truth(files[0], files[0].read_bytes(), format)
    monkeypatch.setattr(typed, "find_spec", lambda name: None)
    slow = coco.read_ground_truth(files[0], format)
    np.testing.assert_array_equal(quick.box, slow.box)
    assert (quick.format, slow.format) == (format, format)
    assert_same(bl.evaluate(*files, format=format), expected)


def test_five_numbers_are_those_of_detectron2(files, tmp_path, monkeypatch):
    truth, found = scene()
    expected = bl.evaluate(truth, found, format="cxcywhr")
    assert_same(bl.evaluate(*files), expected)
    assert_same(bl.evaluate(*write_lists(tmp_path, truth, found)), expected)
    known = coco.read_ground_truth(files[0])
    assert (known.format, coco.read_detections(files[1], known).format) == ("cxcywhr", "cxcywhr")
    monkeypatch.setattr(typed, "find_spec", lambda name: None)
    assert_same(bl.evaluate(*files), expected)


def test_columns_of_five_numbers_are_those_of_detectron2(tmp_path):
    truth, found = scene()
    files = write_numbers(tmp_path, truth, found, "cxcywhr")
    assert coco.read_ground_truth(files[0]).format == "cxcywhr"
    assert bl.evaluate(*files).ap == bl.evaluate(*files, format="cxcywhr").ap


@pytest.mark.parametrize("writer", [write_json, write_lists, write_numbers])
def test_eight_numbers_are_corners(writer, tmp_path, monkeypatch):
    """As DOTA has them; the other file may have five."""
    sides, other = scene("xyxyxyxy"), scene()
    files = writer(tmp_path, *sides, *(["xyxyxyxy"] if writer is write_numbers else []))
    expected = bl.evaluate(*sides, format="xyxyxyxy")
    assert_same(bl.evaluate(*files), expected)
    truth = coco.read_ground_truth(files[0])
    assert (truth.format, coco.read_detections(files[1], truth).format) == ("xyxyxyxy", "xyxyxyxy")
    assert run_apart("evaluate", *files)[1].count("boxes are taken as") == 0  # there is no angle to be taken
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    five = write_json(mixed, *other)
    assert bl.evaluate(files[0], five[1]).ap == pytest.approx(expected.ap, rel=1e-9)
    assert f"in {five[1]}; --format" in run_apart("evaluate", files[0], five[1])[1]
    monkeypatch.setattr(typed, "find_spec", lambda name: None)
    assert_same(bl.evaluate(*files), expected)


def test_a_column_of_angles_is_not_left_out_unsaid(tmp_path):
    files = write_numbers(tmp_path, *scene("xywhr"), "xywhr")
    text = (
        f"{files[0]}: column 'angle' is of rotated boxes, whose format has to be given: cxcywha, cxcywhd, cxcywhr, "
        "xywhr; or xywh to leave it out"
    )
    check_error(lambda: coco.read_ground_truth(files[0]), coco.CocoError, text)
    assert coco.read_ground_truth(files[0], "xywhr").box.shape[1] == 5
    assert coco.read_ground_truth(files[0], "xywh").box.shape[1] == 4


@pytest.mark.parametrize("format", ["nonsense", "rel_xyxyxyxy", 3])
def test_format_that_is_none_of_files(format, files):
    text = f"format must be one of {', '.join(map(repr, NUMBERS))}; got {format!r}"
    check_error(lambda: coco.read_ground_truth(files[0], format), ValueError, text)
    truth = coco.read_ground_truth(files[0])
    check_error(lambda: coco.read_detections(files[1], truth, format), ValueError, text)


def test_boxes_with_names(tmp_path):
    box = dict(zip(NUMBERS["cxcywhd"], [5.0, 5, 4, 2, 30], strict=True))
    file = tmp_path / "truth.parquet"
    pq.write_table(pa.Table.from_pylist([{"image_id": 1, "category_id": 1, "bbox": box}]), file)
    np.testing.assert_allclose(coco.read_ground_truth(file, "cxcywhd").box, [[5, 5, 4, 2, np.pi / 6]], rtol=1e-15)
    np.testing.assert_allclose(coco.read_ground_truth(file).box, [[5, 5, 4, 2, -np.pi / 6]], rtol=1e-15)


def test_area_is_that_of_the_file_or_of_the_box(tmp_path):
    record = {"image_id": 1, "category_id": 1, "bbox": [5, 5, 4, 2, 30]}
    file = tmp_path / "truth.json"
    file.write_text(json.dumps({"annotations": [record | {"id": 1, "area": 3}, record | {"id": 2}]}))
    assert typed.ground_truth(file, file.read_bytes()) is not None
    assert coco.read_ground_truth(file).area.tolist() == [3.0, 8.0]


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_no_detections(suffix, files, tmp_path):
    file = tmp_path / f"none.{suffix}"
    file.write_text("[]" if suffix == "json" else "image_id,category_id,x,y,w,h,score\n")
    assert bl.evaluate(files[0], file).ap == 0.0


def test_matches_are_those_of_the_evaluation(files):
    truth = coco.read_ground_truth(files[0])
    detections = coco.read_detections(files[1], truth)
    matches = coco.match(truth, detections, 0.5)
    assert matches.format == "cxcywha"
    np.testing.assert_allclose(matches.iou, bl.iou_score(matches.pred, matches.target, format="cxcywha"), rtol=1e-12)
    result = bl.evaluate(truth, detections, iou_thresholds=[0.5])
    annotations = np.bincount(truth.category_id[~truth.crowd])[1:]
    recalled = np.bincount(matches.category_id, minlength=3)[1:] / annotations
    assert result.ar_100 == pytest.approx(recalled.mean())
    assert len(matches.ignored) > 0
    pairs = lab.coco_pairs(*files)
    assert (pairs.format, pairs.pred.shape[1]) == ("cxcywha", 5)
