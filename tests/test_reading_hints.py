"""What is said about files that are right in form: what was not counted, and how they may be meant."""

import json
import os
import shutil
import warnings

import numpy as np
import pytest
from click.testing import CliRunner

from boxloss import coco, evaluate, lab
from boxloss.cli import app, inputs
from boxloss.coco.boxes import AXIS_ALIGNED as NUMBERS
from boxloss.conversion import convert
from boxloss.data import sample


def run(command, *args):
    """Exit code, output and errors of a command."""
    arguments = [command, "--loss", "giou", *map(str, args)]
    result = CliRunner().invoke(app, arguments, prog_name="boxloss")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def rows():
    """The content of the sample."""
    return tuple(json.loads(file.read_bytes()) for file in sample())


@pytest.fixture
def found(tmp_path):
    """A function that writes detections, and returns the path."""

    def write(detections, name="found.json"):
        (tmp_path / name).write_text(json.dumps(detections))
        return tmp_path / name

    return write


def with_boxes(rows, change):
    """The detections with other boxes."""
    return [row | {"bbox": change(np.asarray([row["bbox"]]))[0].tolist()} for row in rows[1]]


# --- Detections that are not looked at ------------------------------------------------------------------------------


def test_detections_that_are_not_looked_at_are_told(rows, found):
    path = found([row | {"image_id": 1, "category_id": 1} for row in rows[1]])
    remark = "46 detections past the first 100 of an image and category not looked at (--max-detections)"
    for command in ("score", "correlate"):
        assert run(command, sample()[0], path)[1].splitlines()[0].endswith(remark)
        assert remark not in run(command, sample()[0], path, "--max-detections", 146)[1]


def test_max_detections(rows):
    truth = coco.read_ground_truth(sample()[0])
    detections = coco.read_detections(sample()[1], truth)
    matches = coco.match(truth, detections, 0.5, 1)
    groups = {(row["image_id"], row["category_id"]) for row in rows[1]}
    assert matches.unseen == len(rows[1]) - len(groups)
    assert len(lab.coco_pairs(*sample(), 0.5, max_detections=1)) == len(matches)
    with pytest.raises(ValueError, match="max_detections must be 1 or more, not 0"):
        coco.match(truth, detections, 0.5, 0)


# --- How files may be meant -----------------------------------------------------------------------------------------


def test_the_sample_is_as_it_should_be():
    for command in ("score", "correlate"):
        assert run(command, *sample())[2] == ""


@pytest.mark.parametrize("format", ["xyxy", "cxcywh", "yxyx"])
def test_another_format(format, rows, found):
    path = found(with_boxes(rows, lambda box: convert(box, "xywh", format)))
    code, output, errors = run("score", sample()[0], path)
    assert (code, errors.count("\n")) == (0, 1)
    pairs = output.split()[0]
    start = f"boxloss: warning: {pairs} of 146 detections match at an IoU of 0.5, but 88 would if the boxes of {path}"
    assert errors == f"{start} were [{', '.join(NUMBERS[format])}]\n"
    assert run("score", sample()[0], path, "--iou-threshold", "0.9")[2] == errors


@pytest.mark.parametrize("which", [0, 1])
def test_fractions(which, rows, found):
    files = list(sample())
    small = {"bbox": [0.1, 0.1, 0.5, 0.5]}
    content = [[row | small for row in part] for part in (rows[0]["annotations"], rows[1])][which]
    files[which] = found(rows[0] | {"annotations": content} if which == 0 else content)
    names = files[which], files[1 - which]
    message = (
        f"0 of 146 detections match at an IoU of 0.5: {names[0]} may have fractions of the image, and {names[1]} pixels"
    )
    assert run("score", *files)[2] == f"boxloss: warning: {message}\n"
    assert run("correlate", *files) == (2, "", f"boxloss: {files[1]}: {message}\n")


@pytest.mark.parametrize(("key", "shift"), [("category_id", 1), ("image_id", -1)])
def test_ids_that_are_one_off(key, shift, rows, found):
    truth = found({"annotations": rows[0]["annotations"]}, "truth.json")
    path = found([row | {key: row[key] + shift} for row in rows[1]])
    word = {1: "lower", -1: "higher"}[shift]
    assert run("score", truth, path)[2].endswith(f", but 88 would if {key} of {path} were 1 {word}\n")


def test_hints_look_at_the_first_detections(rows, found, monkeypatch):
    monkeypatch.setattr("boxloss.coco.hints.MOST", 80)
    path = found(with_boxes(rows, lambda box: convert(box, "xywh", "xyxy")))
    assert " of 80 detections match at an IoU of 0.5, but " in run("score", sample()[0], path)[2]


def test_a_poor_detector_is_told_nothing(rows, found):
    assert run("score", sample()[0], found(with_boxes(rows, lambda box: box + 500)))[2] == ""


# --- No matches, and the report -------------------------------------------------------------------------------------


@pytest.fixture
def no_work(monkeypatch):
    """The sections of the report fail the test."""
    monkeypatch.setattr(lab, "landscape", pytest.fail)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("command", ["correlate", "report"])
def test_no_matches_name_the_files(command, rows, found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = found(with_boxes(rows, lambda box: box + 500))
    message = f"{path}: no detection matches an annotation of {sample()[0]} at an IoU of 0.1 or more"
    assert run(command, sample()[0], path) == (2, "", f"boxloss: {message}\n")
    assert [file.name for file in tmp_path.iterdir()] == ["found.json"]


@pytest.mark.usefixtures("no_work")
def test_report_reads_before_it_begins(rows, found, tmp_path):
    path = found([row | {"bbox": [0, 0, -1, 1]} for row in rows[1][:1]])
    message = f"{path}: record 0: bbox [0, 0, -1, 1] has a negative width or height"
    assert run("report", sample()[0], path, "--out", tmp_path / "report") == (2, "", f"boxloss: {message}\n")


def test_one_match(found):
    box = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 4]}
    truth, path = found({"annotations": [box | {"id": 1}]}, "truth.json"), found([box | {"score": 1}])
    assert run("correlate", truth, path)[1].startswith("1 match of truth.json, IoU of 0.1 or more\n")


def test_huge_boxes_do_not_warn(found, tmp_path):
    """Their areas have no number; the losses of those of 1e152 are near the largest."""
    boxes = [[0, 0, size * scale, size] for size in (1e152, 2e152) for scale in (1, 1.2)]
    truth = [{"id": i, "image_id": i, "category_id": 1, "bbox": box} for i, box in enumerate(boxes)]
    detections = [
        {"image_id": i, "category_id": 1, "bbox": [0, 0, *box[:1:-1]], "score": 1} for i, box in enumerate(boxes)
    ]
    files = found({"annotations": truth}, "truth.json"), found(detections)
    assert run("score", *files, "--loss", "l2", "--out", tmp_path / "out.csv")[2] == ""
    assert run("correlate", *files, "--loss", "l2")[2] == ""


# --- Names that are not UTF-8 ---------------------------------------------------------------------------------------


@pytest.fixture
def named(tmp_path):
    """The sample under names that are no text, and a Parquet file."""
    names = [os.fsdecode(os.fsencode(tmp_path) + name) for name in (b"/t\xff.json", b"/d\xff.json", b"/p\xff.parquet")]
    try:
        for file, name in zip([*sample(), sample()[0]], names, strict=True):
            shutil.copy(file, name)
    except OSError:
        pytest.skip("the file system has no such names")
    return names


def test_names_that_are_no_text(named, tmp_path):
    out = tmp_path / "z.json"
    code, output, errors = run("correlate", *named[:2], "--out", out)
    assert (code, errors) == (0, "")
    assert output.startswith("101 matches of t\\udcff.json, ")
    assert json.loads(out.read_text())["settings"]["ground_truth"] == f"{tmp_path}/t\\udcff.json"
    message = f"boxloss: {tmp_path}/p\\udcff.parquet: the name is not utf-8, which pyarrow needs: rename it\n"
    assert run("score", named[2], named[1]) == (2, "", message)


def test_report_of_names_that_are_no_text(named, tmp_path, monkeypatch):
    from boxloss.cli.report import measure, story

    def only_detector(settings, begin):
        matched = inputs.matched(settings.files, settings.reading, inputs.LOWEST)
        found = measure.detections(settings, begin, matched)
        nothing = measure.Races([], [], [])
        return [story.detector(measure.Measured(settings, [], {}, found, matched, nothing))]

    monkeypatch.setattr(story, "story", only_detector)
    assert run("report", *named[:2], "--quick", "--lenient", "--out", tmp_path / "report")[0] == 0
    page = (tmp_path / "report" / "index.html").read_text()
    assert "t\\udcff.json" in page
    assert "--lenient" in page


# --- Ids and angles ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "own"), [("image_id", "000001"), ("category_id", "Car")])
def test_ids_of_which_none_is_known(key, own, rows, found):
    """Text of other words, as file names with and without their ending."""
    texts = {"image_id": "000001.jpg", "category_id": "car"}
    truth = found({"annotations": [row | texts for row in rows[0]["annotations"]]}, "truth.json")
    path = found([row | texts | {key: own} for row in rows[1]])
    message = f"no {key} of {path} is one of an annotation of {truth}: {own!r} is one of the first, {texts[key]!r} of "
    assert run("score", truth, path) == (0, run("score", truth, path)[1], f"boxloss: warning: {message}the second\n")


def rotated(angle, n=40):
    boxes = [[100.0 + 60 * (k % 8), 100.0 + 60 * (k // 8), 40.0, 10.0, angle * (k + 1) / n] for k in range(n)]
    return [{"image_id": 1, "category_id": 1, "id": k, "score": 0.5, "bbox": box} for k, box in enumerate(boxes)]


def test_ids_of_which_none_is_known_among_many(found):
    """More than are looked at otherwise."""
    box = {"category_id": 1, "bbox": [0, 0, 4, 4], "score": 1}
    truth = found({"annotations": [box | {"id": 1, "image_id": "1.jpg"}]}, "truth.json")
    path = found([box | {"image_id": f"{k}"} for k in range(10_001)])
    assert run("score", truth, path)[2].startswith(
        f"boxloss: warning: no image_id of {path} is one of an annotation of "
    )


@pytest.mark.parametrize(("angle", "is_told"), [(1.57, True), (45.0, False), (1.2, False), (0.0, False)])
def test_angles_that_are_radians(angle, is_told, found):
    truth, path = found({"annotations": rotated(angle)}, "truth.json"), found(rotated(0.0))
    message = f"no angle of {truth} and {path} is more than {angle:.3g}, as degrees: they may be radians, as of the "
    text = f"boxloss: warning: {message}format 'cxcywha'\n" if is_told else ""
    assert run("score", truth, path)[2] == text
    assert run("score", truth, path, "--format", "cxcywha")[2] == ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        evaluate(truth, path)
    assert [str(one.message) for one in caught] == ([f"{message}format 'cxcywha'"] if is_told else [])
