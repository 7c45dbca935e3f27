"""The quick way to read COCO's JSON files: it finds what the other way finds, or leaves the file to it."""

import json
import random

import numpy as np
import pytest

import boxloss as bl
from boxloss import coco
from boxloss.coco import structs, typed
from boxloss.coco.columns import OtherwiseError
from boxloss.data import sample

TRUTH, FOUND = (json.loads(file.read_bytes()) for file in sample())


def read(folder, truth, found, monkeypatch=None):
    """Columns of both files; with `monkeypatch` by the slow way."""
    if monkeypatch:
        monkeypatch.setattr(typed, "find_spec", lambda name: None)
    paths = folder / "truth.json", folder / "found.json"
    for path, content in zip(paths, (truth, found), strict=True):
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    known = coco.read_ground_truth(paths[0])
    return known, coco.read_detections(paths[1], known)


def assert_same(one, other):
    for name, value in vars(one).items():
        expected = getattr(other, name)
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, expected)
            assert value.dtype == expected.dtype
        else:
            assert value == expected


@pytest.mark.parametrize("piece", [1, 200, 1 << 18])
def test_both_ways_find_the_same(piece, tmp_path, monkeypatch):
    monkeypatch.setattr(structs, "PIECE", piece)
    annotations = [{**one, "segmentation": [[1, 2.5]]} for one in TRUTH["annotations"]]
    for number in (3, 5):
        del annotations[number]["area"]
        del annotations[number]["iscrowd"]
    names = [one | {"name": 'a "}, {" b' if one["id"] == 2 else "Füße"} for one in TRUTH["categories"]]
    truth = TRUTH | {"annotations": annotations, "categories": names, "info": {"}, {": []}}
    quick = read(tmp_path, json.dumps(truth, ensure_ascii=False, indent=1).encode(), {"results": FOUND})
    for more in ({}, {"segmentation": [1, 2]}, {"attributes": {}}, {"rotation": None}):
        records = [*FOUND[:-1], FOUND[-1] | more]
        found, is_upright = structs.results_file(json.dumps(records).encode())
        assert is_upright is not bool({"attributes", "rotation"} & set(more))
        assert found["score"].tolist() == [one["score"] for one in FOUND]
    for one, other in zip(quick, read(tmp_path, truth, {"results": FOUND}, monkeypatch), strict=True):
        assert_same(one, other)
    assert quick[0].area[3] == quick[0].box[3, 2] * quick[0].box[3, 3]


def test_without_images_and_categories(tmp_path, monkeypatch):
    only = {"annotations": TRUTH["annotations"]}
    for one, other in zip(read(tmp_path, only, FOUND), read(tmp_path, only, FOUND, monkeypatch), strict=True):
        assert_same(one, other)


RECORD = b'{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5%s}'


@pytest.mark.parametrize(
    "content",
    [
        b"[%s,]" % (RECORD % b""),
        b"[%s}, {]" % (RECORD % b""),
        b"[%s] x" % (RECORD % b""),
        b"x [%s]" % (RECORD % b""),
        b"[%s,, %s]" % (RECORD % b"", RECORD % b""),
        b"[%s" % (RECORD % b""),
        b"[]",
        b"",
        b"]",
        b'["},"]',
        b"[%s]" % (RECORD % b', "name": "\xff"'),
        b"[%s]" % (RECORD % b', "name": "\\x"'),
        b"[%s]" % (RECORD % b', "image_id": 1.0'),
        b"[%s]" % (RECORD % b', "image_id": 99999999999999999999'),
        b"[%s]" % (RECORD % b', "image_id": 9223372036854775808'),
        b"[%s]" % (RECORD % b', "score": NaN'),
        b'{"annotations": [], "results": []}',
    ],
)
@pytest.mark.parametrize("piece", [1, 1 << 18])
def test_what_it_leaves_to_the_other_way(content, piece, monkeypatch):
    monkeypatch.setattr(structs, "PIECE", piece)
    truth = coco.read_ground_truth(sample()[0])
    assert typed.detections("found.json", content, truth) is None


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("annotations", {"bbox": [0, 0, -1, 1]}),
        ("annotations", {"iscrowd": 2}),
        ("annotations", {"id": 2}),
        ("annotations", {"image_id": 99}),
        ("annotations", {"category_id": 99}),
        ("images", {"id": 2}),
        ("categories", {"id": 2}),
        ("images", {"id": "a"}),
    ],
)
def test_ground_truth_that_it_leaves_to_the_other_way(part, change):
    truth = TRUTH | {part: [TRUTH[part][0] | change, *TRUTH[part][1:]]}
    assert typed.ground_truth("truth.json", json.dumps(TRUTH).encode()) is not None
    assert typed.ground_truth("truth.json", json.dumps(truth).encode()) is None


def test_files_that_somebody_cut_or_changed_are_never_read_otherwise():
    """Whatever it reads of a damaged file is what json reads."""
    rng, text = random.Random(0), json.dumps(FOUND[:6]).encode()
    read_anyway = 0
    for _ in range(3000):
        place = rng.randrange(len(text))
        damaged = text[:place] + rng.choice([b"", b"}", b"{", b",", b'"', b"]", b"1", b" "]) + text[place + 1 :]
        try:
            found, _ = structs.results_file(damaged)
        except (OtherwiseError, structs.msgspec.MsgspecError, structs.struct.error):
            continue
        read_anyway += 1
        expected = json.loads(damaged)
        assert found["score"].tolist() == [one["score"] for one in expected]
        assert found["bbox"].reshape(-1, 4).tolist() == [one["bbox"] for one in expected]
    assert read_anyway > 100


@pytest.mark.parametrize("area", ["large", [1], True])
def test_area_that_is_no_number(area, tmp_path):
    truth = TRUTH | {"annotations": [TRUTH["annotations"][0] | {"area": area}, *TRUTH["annotations"][1:]]}
    with pytest.raises(coco.CocoError, match=r"truth\.json: annotation 0: area .* is not a finite number"):
        read(tmp_path, truth, FOUND)


def test_a_negative_area_is_taken_as_it_stands():
    """As pycocotools does: in no range of areas."""
    boxes = [[0, 0, 10, 10], [20, 20, 40, 40]]
    truth = {"image": [1, 1], "category": [1, 1], "box": boxes, "area": [-5.0, 400.0]}
    found = {"image": [1, 1], "category": [1, 1], "box": boxes, "score": [0.9, 0.8]}
    alone = {name: values[1:] for name, values in truth.items()}
    result, expected = bl.evaluate(truth, found), bl.evaluate(alone, {name: v[1:] for name, v in found.items()})
    np.testing.assert_allclose(result.ap, expected.ap, rtol=1e-15)
    assert result.ar_100 == expected.ar_100 == 1.0


def test_area_in_a_table(tmp_path):
    path = tmp_path / "truth.csv"
    path.write_text("image_id,category_id,x,y,w,h,area\n1,1,0,0,2,2,3\n1,1,0,0,2,2,\n")
    assert coco.read_ground_truth(path).area.tolist() == [3.0, 4.0]
    path.write_text("image_id,category_id,x,y,w,h,area\n1,1,0,0,2,2,much\n1,1,0,0,2,2,3\n")
    with pytest.raises(coco.CocoError, match=r"row 0: area 'much' is not a finite number; 1 of 2|row 0: area 'much'"):
        coco.read_ground_truth(path)
