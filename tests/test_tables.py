"""Ground truth and detections in Parquet and CSV files."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from boxloss import coco, convert, lab
from boxloss.cli import app
from boxloss.coco import sources
from boxloss.coco.boxes import AXIS_ALIGNED, NUMBERS
from boxloss.data import sample

TRUTH = [
    {"image_id": 1, "category_id": 5, "bbox": [0.0, 0.0, 4.0, 4.0]},
    {"image_id": 2, "category_id": 5, "bbox": [0.0, 0.0, 2.0, 2.0]},
]
DETECTIONS = [
    {"image_id": 1, "category_id": 5, "bbox": [0.0, 0.0, 4.0, 3.0], "score": 0.5},
    {"image_id": 3, "category_id": 6, "bbox": [0.0, 0.0, 4.0, 3.0], "score": 0.9},
]


def run(*args):
    """Exit code and output of `boxloss score`, errors among it."""
    arguments = ["score", "--engine", "array", "--loss", "giou", *map(str, args)]
    result = CliRunner().invoke(app, arguments, prog_name="boxloss")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def write(path, rows):
    table = pa.Table.from_pylist(rows)
    (pyarrow.csv.write_csv if path.suffix == ".csv" else pq.write_table)(table, path)
    return path


def columns(rows, format="xywh"):
    """Rows with their boxes as four numbers of a format."""
    boxes = convert(np.asarray([row["bbox"] for row in rows], np.float64), "xywh", format).tolist()
    names = NUMBERS[format]
    return [without(row, "bbox") | dict(zip(names, box, strict=True)) for row, box in zip(rows, boxes, strict=True)]


def without(row, key):
    return {name: value for name, value in row.items() if name != key}


@pytest.fixture(scope="module")
def rows():
    """The annotations and the detections of the sample."""
    truth, detections = (json.loads(file.read_text()) for file in sample())
    return truth["annotations"], detections


# --- The same as COCO's files ---------------------------------------------------------------------------------------


def check_same(found, tmp_path):
    """The same table and the same pairs, to the last digit, as those of the JSON files."""
    outputs = []
    for name, files in (("tables", found), ("json", sample())):
        code, output = run(*files, "--out", tmp_path / f"{name}.csv")
        assert code == 0, output
        outputs.append((output, (tmp_path / f"{name}.csv").read_text()))
    assert outputs[0] == outputs[1]


def test_lists_in_parquet(rows, tmp_path):
    check_same([write(tmp_path / f"{i}.parquet", part) for i, part in enumerate(rows)], tmp_path)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_numbers(rows, suffix, tmp_path):
    check_same([write(tmp_path / f"{i}.{suffix}", columns(part)) for i, part in enumerate(rows)], tmp_path)


def test_a_folder_of_files(rows, tmp_path):
    (tmp_path / "truth").mkdir()
    for name, part in (("a", rows[0][:50]), ("b", rows[0][50:])):
        write(tmp_path / "truth" / f"{name}.parquet", part)
    check_same([tmp_path / "truth", write(tmp_path / "detections.parquet", rows[1])], tmp_path)


@pytest.mark.parametrize("which", [0, 1])
def test_one_of_each_kind(rows, which, tmp_path):
    files = list(sample())
    files[which] = write(tmp_path / "table.parquet", rows[which])
    check_same(files, tmp_path)


@pytest.mark.parametrize("format", AXIS_ALIGNED)
def test_formats(rows, format, tmp_path):
    files = [write(tmp_path / f"{i}.csv", columns(part, format)) for i, part in enumerate(rows)]
    assert run(*files, "--format", format) == run(*sample())
    truth = coco.read_ground_truth(files[0], format)
    np.testing.assert_allclose(truth.box, [row["bbox"] for row in rows[0]], rtol=1e-13, atol=1e-12)


def test_the_lab_reads_them_too(rows, tmp_path):
    files = [write(tmp_path / f"{i}.parquet", part) for i, part in enumerate(rows)]
    np.testing.assert_array_equal(lab.coco_pairs(*files).pred, lab.coco_pairs(*sample()).pred)


def test_strings_for_images_and_categories(rows, tmp_path):
    def named(row):
        return row | {"image_id": f"{row['image_id']}.jpg", "category_id": f"class{row['category_id']}"}

    files = [write(tmp_path / f"{i}.csv", columns(map_rows(named, part))) for i, part in enumerate(rows)]
    code, output = run(*files, "--per-category")
    assert code == 0, output
    headline, _, _, _, *lines = output.splitlines()
    assert headline == run(*sample())[1].splitlines()[0]
    assert {line.split()[0] for line in lines if line.strip()} == {named(row)["category_id"] for row in rows[0]}
    run(*files, "--out", tmp_path / "out.parquet")
    images = pq.read_table(tmp_path / "out.parquet")["image_id"].to_pylist()
    assert set(images) <= {named(row)["image_id"] for row in rows[0]}


def map_rows(change, rows):
    return [change(row) for row in rows]


def test_images_and_categories_that_the_ground_truth_does_not_have(tmp_path):
    """A table does not list images: one without annotations is not in it."""
    truth = coco.read_ground_truth(write(tmp_path / "truth.csv", columns(TRUTH)))
    found = coco.match(truth, coco.read_detections(write(tmp_path / "found.csv", columns(DETECTIONS)), truth))
    assert (found.image_id.tolist(), found.detection.tolist(), found.annotation_id.tolist()) == ([1], [0], [0])


# --- What goes wrong ------------------------------------------------------------------------------------------------


def changed(rows, index, **values):
    return [row | values if i == index else row for i, row in enumerate(rows)]


BOX = "a box is a list column 'bbox' or the columns x, y, w, h"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([without(row, "score") for row in DETECTIONS], "no column 'score'"),
        ([without(row, "image_id") for row in DETECTIONS], "no column 'image_id'"),
        ([without(row, "bbox") for row in DETECTIONS], f"no column 'x': {BOX}"),
        ([without(row, "h") for row in columns(DETECTIONS)], f"no column 'h': {BOX}"),
        (changed(DETECTIONS, 1, score=None), "row 1: score None is not a finite number"),
        (changed(DETECTIONS, 1, bbox=[0.0, 1.0]), "row 1: bbox [0.0, 1.0] is not four finite numbers [x, y, w, h]"),
        (
            changed(columns(DETECTIONS), 1, w=None),
            "row 1: bbox [0.0, 0.0, None, 3.0] is not four finite numbers [x, y, w, h]",
        ),
        (changed(columns(DETECTIONS), 1, w=-1.0), "row 1: bbox [0.0, 0.0, -1.0, 3.0] has a negative width or height"),
        (changed(DETECTIONS, 1, image_id=None), "row 1: image_id None is not an integer"),
        (changed(DETECTIONS, 0, image_id=1.5), "row 0: image_id 1.5 is not an integer"),
        ([row | {"image_id": "a"} for row in DETECTIONS], "image_id has strings, that of {truth} integers"),
        (DETECTIONS[:0], "there are no rows"),
    ],
    ids=range(12),
)
def test_bad_table(bad, message, tmp_path):
    truth = write(tmp_path / "truth.parquet", TRUTH)
    path = write(tmp_path / "bad.parquet", bad)
    assert run(truth, path) == (2, f"boxloss: {path}: {message.format(truth=truth)}\n")


def test_inverted_corners(tmp_path):
    path = write(tmp_path / "bad.csv", changed(columns(TRUTH, "xyxy"), 1, x2=-1.0))
    message = "row 1: bbox [0, 0, -1, 2] has a negative width or height"
    assert run(path, path, "--format", "xyxy") == (2, f"boxloss: {path}: {message}\n")


def test_same_id_twice(tmp_path):
    path = write(tmp_path / "bad.csv", [row | {"id": 7} for row in columns(TRUTH)])
    assert run(path, path) == (2, f"boxloss: {path}: row 1: id 7 is already that of row 0\n")


@pytest.mark.parametrize("name", ["none.csv", "none.parquet"])
def test_missing_file(name, tmp_path):
    assert run(tmp_path / name, "b.csv") == (2, f"boxloss: {tmp_path / name}: No such file or directory\n")


@pytest.mark.parametrize("name", ["bad.csv", "bad.parquet"])
def test_not_a_table(name, tmp_path):
    (tmp_path / name).write_text("a,b\n1,2\n3\n")
    code, output = run(tmp_path / name, "b.csv")
    assert (code, output.count("\n")) == (2, 1)
    assert output.startswith(f"boxloss: {tmp_path / name}: ")


def test_without_pyarrow(monkeypatch):
    monkeypatch.setattr(sources, "find_spec", lambda name: None)
    message = 'a.csv: Parquet and CSV files need pyarrow: pip install "boxloss[cli]"'
    assert run("a.csv", "b.csv") == (2, f"boxloss: {message}\n")
