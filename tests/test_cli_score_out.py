"""What ``boxloss score --out`` writes of each pair, and that it is there whole or not at all."""

import csv
import errno
import os

import numpy as np
import pyarrow.parquet as pq
import pytest

import boxloss as bl
from boxloss.cli import export, inputs
from commands import QUICK, copy_of_sample, error, matches_of_sample, run, score


@pytest.fixture
def files(tmp_path):
    """Paths of a copy of the embedded sample."""
    return copy_of_sample(tmp_path)


@pytest.fixture(scope="module")
def matches():
    return matches_of_sample()


def read_csv(path):
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    return {name: np.asarray(column, float) for name, column in zip(header, zip(*rows, strict=True), strict=True)}


def read_parquet(path):
    return {name: np.asarray(column) for name, column in pq.read_table(path).to_pydict().items()}


@pytest.mark.parametrize(("suffix", "read"), [(".csv", read_csv), (".parquet", read_parquet)])
def test_out_has_all_of_every_pair(tmp_path, matches, suffix, read):
    path = tmp_path / f"pairs{suffix}"
    score("--sample", "--losses", "iou,ciou", "--out", path)
    columns = read(path)
    corners = ("x1", "y1", "x2", "y2")
    assert list(columns) == [
        *("image_id", "category_id", "annotation_id", "detection", "score"),
        *(f"pred_{corner}" for corner in corners),
        *(f"target_{corner}" for corner in corners),
        *("iou_score", "iou", "ciou", "iou_grad_norm", "ciou_grad_norm"),
    ]
    for name in ("image_id", "category_id", "annotation_id", "detection", "score"):
        np.testing.assert_array_equal(columns[name], getattr(matches, name))
    for side in ("pred", "target"):
        boxes = np.stack([columns[f"{side}_{corner}"] for corner in corners], axis=-1)
        np.testing.assert_array_equal(boxes, getattr(matches, side))
    for name in ("iou", "ciou"):
        value, grad = bl.get(name).value_and_grad(matches.pred, matches.target, engine="array")
        np.testing.assert_array_equal(columns[name], value)
        np.testing.assert_array_equal(columns[f"{name}_grad_norm"], np.sqrt((grad**2).sum(axis=-1)))
    np.testing.assert_allclose(columns["iou_score"], 1 - columns["iou"], rtol=0, atol=1e-15)


def test_out_replaces_a_file_and_leaves_nothing_else(tmp_path):
    (tmp_path / "pairs.csv").write_text("old")
    score("--sample", "--losses", "l1", "--out", tmp_path / "pairs.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.csv"]
    assert (tmp_path / "pairs.csv").read_text().startswith("image_id,")


def test_out_follows_a_link(tmp_path):
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    score("--sample", "--losses", "l1", "--out", tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("image_id,")


def test_out_has_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "other.csv").touch()
    score("--sample", "--losses", "l1", "--out", tmp_path / "pairs.csv")
    assert (tmp_path / "pairs.csv").stat().st_mode == (tmp_path / "other.csv").stat().st_mode


@pytest.mark.parametrize(
    ("failure", "code", "output"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            2,
            "boxloss: {}: cannot be written: No space left on device\n",
        ),
        (KeyboardInterrupt(), 130, "\n"),
    ],
)
def test_out_is_whole_or_not_there(tmp_path, monkeypatch, failure, code, output):
    def write_half(path, columns):
        path.write_text("half")
        raise failure

    path = tmp_path / "pairs.csv"
    path.write_text("old")
    monkeypatch.setitem(export.WRITERS, ".csv", write_half)
    assert run("score", *QUICK, "--sample", "--losses", "l1", "--out", path) == (code, output.format(path))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_out_is_not_written_for_bad_input(tmp_path, files):
    files[1].write_text("[")
    error("score", *files, "--out", tmp_path / "pairs.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["detections.json", "ground_truth.json"]


@pytest.fixture
def no_work(monkeypatch):
    """Reading fails the test: the error must come before."""
    monkeypatch.setattr(inputs, "read_ground_truth", pytest.fail)


@pytest.mark.usefixtures("no_work")
class TestOutIsCheckedFirst:
    def test_suffix(self):
        assert error("score", "--sample", "--out", "pairs.xlsx") == "pairs.xlsx: --out must end in .csv or .parquet"

    def test_folder_that_is_not_there(self, tmp_path):
        path = tmp_path / "none" / "pairs.csv"
        assert error("score", "--sample", "--out", path) == f"{path}: cannot be written: No such file or directory"

    def test_folder_that_is_a_file(self, tmp_path):
        (tmp_path / "file").touch()
        path = tmp_path / "file" / "pairs.csv"
        assert error("score", "--sample", "--out", path) == f"{path}: cannot be written: Not a directory"

    def test_target_that_is_a_folder(self, tmp_path):
        path = tmp_path / "pairs.csv"
        path.mkdir()
        assert error("score", "--sample", "--out", path) == f"{path}: is a folder"

    def test_target_that_is_read_only(self, tmp_path, monkeypatch):
        path = tmp_path / "pairs.csv"
        path.touch()
        monkeypatch.setattr(os, "access", lambda path, mode: False)  # chmod does not stop root
        assert error("score", "--sample", "--out", path) == f"{path}: is read-only"

    def test_parquet_without_pyarrow(self, monkeypatch):
        monkeypatch.setattr(export, "find_spec", lambda name: None)
        message = 'pairs.parquet: Parquet needs pyarrow: pip install "boxloss[cli]"'
        assert error("score", "--sample", "--out", "pairs.parquet") == message
