"""Parquet files: folders whose files differ, partitions, and types."""

import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from boxloss import coco
from boxloss.cli import app

BOX = [0.0, 0.0, 4.0, 4.0]
LISTS = {kind: pa.list_(getattr(pa, kind)()) for kind in ("float16", "float32", "float64", "int64")}


def run(*args):
    """Exit code and output of `boxloss score`, errors among it."""
    arguments = ["score", "--engine", "array", "--loss", "iou", *map(str, args)]
    result = CliRunner().invoke(app, arguments, prog_name="boxloss")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def headline(*args):
    code, output = run(*args)
    assert code == 0, output
    return output.splitlines()[0]


def rows(*images, boxes=None, kind="float64", **columns):
    """Columns of boxes of some images."""
    boxes = pa.array(boxes or [BOX] * len(images), LISTS[kind])
    return {"image_id": list(images), "category_id": [5] * len(images), "bbox": boxes} | columns


@pytest.fixture
def folder(tmp_path):
    """A function that writes a folder of files and returns its path."""

    def write(name, *files):
        (tmp_path / name).mkdir()
        for place, columns in enumerate(files):
            pq.write_table(pa.table(columns), tmp_path / name / f"{place}.parquet")
        return tmp_path / name

    return write


@pytest.fixture
def found(folder):
    """Detections that are the boxes of two images."""
    return folder("found", rows(1, 2, score=[0.5, 0.5]))


# --- Columns and types of all files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, -1])
def test_iscrowd_in_one_file(order, folder, found):
    truth = folder("truth", *[rows(1), rows(2, iscrowd=[1])][::order])
    expected = "1 pair of 2 detections and 1 annotation at an IoU of 0.5 or more; 1 detection in crowds ignored"
    assert headline(truth, found) == expected


@pytest.mark.parametrize("kind", ["float16", "float32", "int64"])
def test_the_wider_type_holds_all(kind, folder):
    """In the first file's type the second would be rounded, or be an error."""
    boxes = [[0, 0, 2, 2]], [[3001.5, 0.1, 2.0, 2.0]]
    folders = [
        folder("truth", rows(1, boxes=boxes[0], kind=kind), rows(2, boxes=boxes[1])),
        folder(
            "found",
            rows(1, boxes=boxes[0], kind=kind, score=pa.array([1]).cast(LISTS[kind].value_type)),
            rows(2, boxes=boxes[1], score=[0.1]),
        ),
    ]
    truth = coco.read_ground_truth(folders[0])
    assert truth.box.tolist() == [*boxes[0], *boxes[1]]
    assert coco.read_detections(folders[1], truth).score.tolist() == [1.0, 0.1]
    assert coco.match(truth, coco.read_detections(folders[1], truth)).iou.tolist() == [1.0, 1.0]


def test_ids_beyond_the_type_of_the_first_file(folder):
    truth = folder("truth", rows(1) | {"image_id": pa.array([1], pa.int32())}, rows(2**40))
    assert coco.read_ground_truth(truth).image_id.tolist() == [1, 2**40]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ((rows(1), rows(2, id=[7])), "{path}/0.parquet: no column 'id', which other files of {path} have"),
        (
            (rows(1), rows("0002")),
            "{path}/1.parquet: column 'image_id' is of string, in {path}/0.parquet of int64",
        ),
        (
            (rows(1), rows(2, boxes=[[0, 0, -4, 4]])),
            "{path}/1.parquet: row 0: bbox [0.0, 0.0, -4.0, 4.0] has a negative width or height",
        ),
        (
            (rows(1, id=[3]), rows(2, id=[3])),
            "{path}/1.parquet: row 0: id 3 is already that of row 0 of {path}/0.parquet",
        ),
        (
            (rows(1), {"image_id": [2], "category_id": [5], "x": [0.0], "y": [0.0], "w": [4.0], "h": [4.0]}),
            "{path}/1.parquet: no column 'bbox', which other files of {path} have",
        ),
        (
            (rows(1, 2, 3, boxes=[BOX, [0, 0, -1, 1], BOX]), rows(4, 5, boxes=[BOX, [0, 0, 1, -1]])),
            "{path}/0.parquet: row 1: bbox [0.0, 0.0, -1.0, 1.0] has a negative width or height; "
            "2 of 5 rows are wrong: 1, 1 of {path}/1.parquet",
        ),
    ],
    ids=range(6),
)
def test_errors_name_the_file(files, message, folder, found):
    path = folder("truth", *files)
    assert run(path, found) == (2, f"boxloss: {message.format(path=path)}\n")


def test_folders_are_a_column(folder, found, tmp_path):
    table = pa.table(rows(1, 2) | {"category_id": [5, 6]})
    pq.write_to_dataset(table, tmp_path / "truth", partition_cols=["category_id"])
    assert headline(tmp_path / "truth", found).startswith("1 pair of 2 detections and 2 annotations")
    assert coco.read_ground_truth(tmp_path / "truth").category_id.tolist() == [5, 6]


def test_folders_are_texts_unless_all_are_plain_integers(tmp_path):
    table = pa.table(rows(1, 2) | {"category_id": ["0005", "5"]})
    pq.write_to_dataset(table, tmp_path / "truth", partition_cols=["category_id"])
    assert coco.read_ground_truth(tmp_path / "truth").category_id.tolist() == ["0005", "5"]


def test_column_in_files_of_folders_with_its_name(tmp_path):
    (tmp_path / "truth" / "category_id=5").mkdir(parents=True)
    pq.write_table(pa.table(rows(1)), tmp_path / "truth" / "category_id=5" / "a.parquet")
    assert coco.read_ground_truth(tmp_path / "truth").category_id.tolist() == [5]


def test_other_files_of_a_folder(folder, found):
    truth = folder("truth", rows(1, 2))
    (truth / "README.md").write_text("about")
    assert headline(truth, found).startswith("2 pairs")


# --- Types ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.PARQUET", "a.pq"])
def test_endings(name, found, tmp_path):
    pq.write_table(pa.table(rows(1, 2)), tmp_path / name)
    assert headline(tmp_path / name, found).startswith("2 pairs")


def test_ids_of_a_dictionary_and_boxes_of_a_structure(folder):
    boxes = [dict(zip(("x", "y", "width", "height"), BOX, strict=True))] * 2
    names = pa.array(["a", "b"])
    truth = {"image_id": names.dictionary_encode(), "category_id": [5, 5], "bbox": boxes}
    found = rows("a", "b", score=[0.5, 0.5]) | {"image_id": names.cast(pa.large_string())}
    assert headline(folder("truth", truth), folder("found", found)).startswith("2 pairs")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"image_id": pa.array([datetime.datetime(2024, 1, 1)], pa.timestamp("ns"))},
            "column 'image_id' is of timestamp[ns], not of integers or strings",
        ),
        ({"image_id": [True]}, "column 'image_id' is of bool, not of integers or strings"),
        ({"score": ["0.5"]}, "column 'score' is of string, not of numbers"),
        ({"bbox": ["0 0 1 1"]}, "column 'bbox' is of string, not of lists of numbers"),
        ({"bbox": [["0"]]}, "column 'bbox' is of list<element: string>, not of lists of numbers"),
        (
            {"image_id": pa.array([2**63], pa.uint64())},
            f"row 0: image_id {2**63} is not an integer from -2^63 to 2^63 - 1",
        ),
    ],
)
def test_wrong_types(columns, message, found, tmp_path):
    path = tmp_path / "wrong.parquet"
    pq.write_table(pa.table(rows(1, score=[0.5]) | columns), path)
    assert run(found, path) == (2, f"boxloss: {path}: {message}\n")


def test_a_column_that_occurs_twice(found, tmp_path):
    columns, path = rows(1, score=[0.5]), tmp_path / "twice.parquet"
    for name, code in (("score", 2), ("other", 0)):
        table = pa.table([*columns.values(), [0.1], [0.2]], names=[*columns, name, name])
        pq.write_table(table, path)
        assert run(found, path)[0] == code
    pq.write_table(pa.table([*columns.values(), [0.1]], names=[*columns, "score"]), path)
    assert run(found, path) == (2, f"boxloss: {path}: there are several columns 'score'\n")


@pytest.mark.parametrize(("text", "bad"), [("score", b"sc\xffre"), ("a.jpg", b"a.\xffpg")])
def test_what_is_no_text(text, bad, found, tmp_path):
    path = tmp_path / "bad.parquet"
    pq.write_table(pa.table(rows("a.jpg", "b.jpg", score=[0.5, 0.5])), path, compression="none", use_dictionary=False)
    path.write_bytes(path.read_bytes().replace(text.encode(), bad))
    code, output = run(found, path)
    assert (code, output.count("\n")) == (2, 1)
    assert output.startswith(f"boxloss: {path}: {bad!r} is not UTF-8: ")


# --- Pairs ----------------------------------------------------------------------------------------------------------


def pairs(box, kind="float64"):
    return {side: pa.array([box], LISTS[kind]) for side in ("pred", "target")}


@pytest.mark.dask
@pytest.mark.parametrize("kind", ["float16", "float32", "int64"])
def test_pairs_in_the_wider_type(kind, folder):
    code, output = run(folder("pairs", pairs([0, 0, 2, 2], kind), pairs([3001.5, 0, 3003.5, 2])), "--loss", "l1")
    assert (code, output.splitlines()[-1].split()) == (0, ["l1", "2", "0", "0", "0", "0", "-"])


@pytest.mark.dask
@pytest.mark.parametrize(
    ("second", "message"),
    [
        (pairs([0, 0, 2, float("nan")]), "row 0: pred is not four finite numbers"),
        ({"pred": pairs(BOX)["pred"]}, "no column 'target', which other files of {path} have"),
        (
            pairs(BOX) | {"pred": ["x"]},
            "column 'pred' is of string, in {path}/0.parquet of list<element: double>",
        ),
    ],
)
def test_errors_name_the_file_of_pairs(second, message, folder):
    path = folder("pairs", pairs(BOX), second)
    assert run(path) == (2, f"boxloss: {path}/1.parquet: {message.format(path=path)}\n")


@pytest.mark.dask
def test_pairs_in_another_format_are_told(folder):
    path = folder("pairs", pairs([100, 100, 20, 30]))
    warning = "1 of the first 1 targets are inverted as [x1, y1, x2, y2]; --format says what they are"
    assert run(path)[1].splitlines()[-1] == f"boxloss: warning: {warning}"
    assert "warning" not in run(path, "--format", "xywh")[1]


@pytest.mark.dask
def test_huge_pairs_do_not_warn(folder, tmp_path):
    code, output = run(folder("pairs", pairs([-1e300, 0, 1e300, 1e308])), "--loss", "l2", "--out", tmp_path / "out.csv")
    assert (code, "Warning" in output) == (0, False)
