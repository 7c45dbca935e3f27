"""Files as they are found: JSON that pycocotools takes, CSV from anywhere, and what is said about them."""

import json

import pytest
from click.testing import CliRunner

from boxloss import coco
from boxloss.cli import app
from boxloss.data import sample


def run(*args, command="score"):
    """Exit code, output and errors of a command."""
    arguments = [command, "--loss", "giou", *map(str, args)]
    result = CliRunner().invoke(app, arguments, prog_name="boxloss")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def error(*args, command="score"):
    """The one line of an error."""
    code, output, errors = run(*args, command=command)
    assert (code, output, errors.count("\n")) == (2, "", 1)
    return errors.removeprefix("boxloss: ").removesuffix("\n")


@pytest.fixture(scope="module")
def rows():
    """The content of the sample."""
    return tuple(json.loads(file.read_bytes()) for file in sample())


@pytest.fixture(scope="module")
def expected():
    """What is printed for the sample."""
    return run(*sample())


@pytest.fixture
def write(tmp_path):
    """A function that writes a file, and returns its path."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return write


# --- JSON -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["annotations", "results", "predictions"])
def test_detections_in_an_object(key, rows, expected, write):
    assert run(sample()[0], write("found.json", {key: rows[1]})) == expected


@pytest.mark.parametrize("names", [("x", "y", "width", "height"), ("x", "y", "w", "h")])
def test_boxes_with_names(names, rows, expected, write):
    found = [row | {"bbox": dict(zip(names, row["bbox"], strict=True))} for row in rows[1]]
    assert run(sample()[0], write("found.json", found)) == expected


def test_ids_that_are_strings(rows, expected, write):
    def named(row, *keys):
        # In the order of the numbers: equal scores go by image, and so do the draws of the bootstrap.
        return row | {key: f"a{row[key]:03}.jpg" for key in keys}

    truth = {
        "images": [named(row, "id") for row in rows[0]["images"]],
        "categories": [named(row, "id") for row in rows[0]["categories"]],
        "annotations": [named(row, "id", "image_id", "category_id") for row in rows[0]["annotations"]],
    }
    files = write("truth.json", truth), write("found.json", [named(row, "image_id", "category_id") for row in rows[1]])
    assert run(*files) == expected
    truth = coco.read_ground_truth(files[0])
    assert coco.match(truth, coco.read_detections(files[1], truth)).annotation_id[0] == "a005.jpg"


def test_ids_that_are_written_as_floats(rows, expected, write):
    found = [row | {"image_id": float(row["image_id"]), "category_id": float(row["category_id"])} for row in rows[1]]
    assert run(sample()[0], write("found.json", found)) == expected


@pytest.mark.parametrize("missing", [("images",), ("categories",), ("images", "categories")])
def test_images_and_categories_follow_from_the_annotations(missing, rows, expected, write):
    truth = write("truth.json", {key: value for key, value in rows[0].items() if key not in missing})
    assert run(truth, sample()[1]) == expected
    code, output, _ = run(truth, sample()[1], "--per-category")
    assert (code, "\n1 " in output) == (0, "categories" in missing)


@pytest.mark.parametrize("content", [[], {"annotations": []}])
def test_no_detections(content, write):
    code, output, errors = run(sample()[0], write("found.json", content))
    assert (code, errors) == (0, "")
    assert output.startswith("0 pairs of 0 detections and 113 annotations")


def test_iscrowd_null_is_no_crowd(write):
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "iscrowd": None}
    assert not coco.read_ground_truth(write("truth.json", {"annotations": [annotation]})).crowd.any()


def test_kind_of_ids_is_that_of_the_most(write):
    """The record that differs is named, not the first."""
    boxes = [{"id": i, "image_id": f"{i}.jpg", "category_id": 1, "bbox": [0, 0, 1, 1]} for i in range(9)]
    boxes[7]["image_id"] = 7
    path = write("truth.json", {"annotations": boxes})
    assert error(path, path) == f"{path}: annotation 7: image_id 7 is not a string"


# --- Records that are wrong -----------------------------------------------------------------------------------------


@pytest.fixture
def bad(rows, write):
    """Detections of which five are wrong, each in another way."""
    wrong = {
        3: {"bbox": [0, 0, -5, 5]},
        17: {"image_id": 99},
        40: {"category_id": None},
        41: {"score": "0.5"},
        50: {"bbox": [0, 0, "5", 5]},
    }
    return write("found.json", [row | wrong.get(i, {}) for i, row in enumerate(rows[1])])


def test_an_error_says_how_many_are_wrong(bad):
    first = f"{bad}: record 3: bbox [0, 0, -5, 5] has a negative width or height"
    assert error(sample()[0], bad) == f"{first}; 5 of 146 records are wrong: 3, 17, 40, ..."


def test_lenient_leaves_them_out_with_a_count(bad, rows, write):
    code, output, errors = run(sample()[0], bad, "--lenient")
    kept = write("kept.json", [row for i, row in enumerate(rows[1]) if i not in (3, 17, 40, 41, 50)])
    headline, *table = run(sample()[0], kept)[1].splitlines()
    assert (code, errors) == (0, "")
    assert output.splitlines() == [f"{headline}; 5 records left out", *table]
    assert run(sample()[0], bad, "--lenient", command="correlate")[1].splitlines()[0].endswith("; 5 records left out")


def test_lenient_keeps_positions_of_the_file(bad):
    truth = coco.read_ground_truth(sample()[0])
    found = coco.match(truth, coco.read_detections(bad, truth, lenient=True))
    strict = coco.match(truth, coco.read_detections(sample()[1], truth))
    kept = set(strict.detection.tolist()) - {3, 17, 40, 41, 50}
    assert kept <= set(found.detection.tolist())


def test_lenient_leaves_out_annotations_of_wrong_images(write):
    truth = {
        "images": [{"id": 1}, {"id": 1}, {}],
        "categories": [{"id": 5, "name": "cat"}, {"id": 6, "name": 3}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 5, "bbox": [0, 0, 1, 1]},
            {"id": 2, "image_id": 1, "category_id": 6, "bbox": [0, 0, 1, 1]},
            3,
        ],
    }
    read = coco.read_ground_truth(write("truth.json", truth), lenient=True)
    assert (read.images.tolist(), read.categories, read.annotation_id.tolist()) == ([1], {5: "cat"}, [1])
    assert read.left_out == 5


def test_all_wrong_is_an_error_even_if_lenient(write):
    path = write("found.json", [{}, {}])
    assert "2 of 2 records are wrong" in error(sample()[0], path, "--lenient")
