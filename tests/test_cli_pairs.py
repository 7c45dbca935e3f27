"""``boxloss score`` of pairs of boxes in Parquet files."""

import io
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from rich.console import Console

import boxloss as bl
from boxloss.cli import app, console, pairs
from boxloss.cli.summary import summarise
from generators import mixed

pytestmark = pytest.mark.dask
QUICK = ("--engine", "array", "--losses", "giou,l1")


def run(*args):
    """Exit code and output, errors among it."""
    result = CliRunner().invoke(app, ["score", *map(str, args)], prog_name="boxloss")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def error(*args):
    """The one line of an error."""
    code, output = run(*args)
    assert (code, output.count("\n")) == (2, 1)
    return output.removeprefix("boxloss: ").removesuffix("\n")


def table(*args):
    """The line before the table, and its rows."""
    code, output = run(*QUICK, *args)
    assert code == 0, output
    headline, _, _, *rows = output.splitlines()
    return headline, [row.split() for row in rows]


def numbers(boxes, format="xyxy"):
    """Boxes as columns of numbers."""
    return {
        f"{side}_{number}": array[:, place]
        for side, array in zip(("pred", "target"), boxes, strict=True)
        for place, number in enumerate(pairs.NUMBERS[format])
    }


def lists(boxes, kind):
    """Boxes as columns of lists."""
    return {side: pa.array(array.tolist(), kind) for side, array in zip(("pred", "target"), boxes, strict=True)}


@pytest.fixture
def boxes(rng):
    return mixed(rng, 50)


def write(path, columns, **options):
    pq.write_table(pa.table(columns), path, **options)
    return path


def expected(boxes, **options):
    iou = bl.iou_score(*boxes, engine="array", **options)
    values = {name: bl.get(name)(*boxes, engine="array", **options) for name in ("giou", "l1")}
    return [[name, *summarise(value, iou).cells()] for name, value in values.items()]


def test_row_groups_of_several_files(tmp_path, boxes):
    halves = [[array[rows] for array in boxes] for rows in (slice(30), slice(30, None))]
    for place, half in enumerate(halves):
        write(tmp_path / f"{place}.parquet", numbers(half), row_group_size=7)
    assert table(tmp_path) == ("50 pairs", expected(boxes))


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float64()), pa.list_(pa.float64(), 4), pa.large_list(pa.float64())], ids=str
)
def test_lists(tmp_path, boxes, kind):
    path = write(tmp_path / "pairs.parquet", lists(boxes, kind), row_group_size=20)
    assert table(path) == ("50 pairs", expected(boxes))


@pytest.mark.parametrize("format", ["xywh", "cxcywh", "yxyx"])
def test_formats(tmp_path, boxes, format):
    path = write(tmp_path / "pairs.parquet", numbers(boxes, format))
    assert table(path, "--format", format)[1] == expected(boxes, format=format)


@pytest.mark.parametrize(("given", "read"), [("float16", "float32"), ("float32", "float32"), ("int16", "float64")])
def test_types(tmp_path, boxes, given, read):
    boxes = [(10 * array).astype(given) for array in boxes]
    path = write(tmp_path / "pairs.parquet", numbers(boxes))
    lazy = pairs.lazy_losses(path, ["giou"], "xyxy", "array")
    assert lazy.pred.dtype == lazy.values["giou"].dtype == read
    assert lazy.pred.compute().dtype == read
    np.testing.assert_array_equal(lazy.target, boxes[1])


def test_sampled_percentiles_and_exact_means(tmp_path, boxes, monkeypatch):
    monkeypatch.setattr(pairs, "SAMPLE", 30)
    path = write(tmp_path / "pairs.parquet", numbers(boxes), row_group_size=20)
    headline, rows = table(path)
    assert headline == "50 pairs; percentiles and ranks are those of 30 of them"
    assert [row[:3] for row in rows] == [row[:3] for row in expected(boxes)]
    values = np.sort(bl.l1(*boxes, engine="array"))
    assert values[5] < float(rows[1][4]) < values[45]
    assert rows != expected(boxes)
    assert table(path) == (headline, rows)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_out(tmp_path, boxes, suffix):
    path = write(tmp_path / "pairs.parquet", numbers(boxes), row_group_size=20)
    out = tmp_path / f"out{suffix}"
    table(path, "--out", out)
    if suffix == ".parquet":
        found = pq.read_table(out).to_pydict()
        assert pq.read_metadata(out).num_row_groups == 3
        assert table(out) == table(path)  # it is a table of pairs itself
    else:
        content = np.genfromtxt(io.StringIO(out.read_text()), delimiter=",", names=True)
        found = {name: content[name] for name in content.dtype.names}
    assert list(found) == [*numbers(boxes), "iou_score", "giou", "l1", "giou_grad_norm", "l1_grad_norm"]
    value, grad = bl.giou.value_and_grad(*boxes, engine="array")
    for name, column in (numbers(boxes) | {"giou": value, "giou_grad_norm": np.linalg.norm(grad, axis=-1)}).items():
        np.testing.assert_allclose(found[name], column, rtol=1e-12, atol=1e-12)


def test_progress_bar(tmp_path, boxes, monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(console, "Console", lambda **options: Console(file=shown, force_terminal=True))
    lazy = pairs.lazy_losses(write(tmp_path / "pairs.parquet", numbers(boxes)), ["l1"], "xyxy", "array")
    assert pairs.summaries(lazy)["l1"].pairs == 50
    assert "scoring" in shown.getvalue()


# --- Errors ---------------------------------------------------------------------------------------------------------


def bad(column, row, value):
    def change(columns):
        columns = {name: list(values) for name, values in columns.items()}
        columns[column][row] = value
        return columns

    return change


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (bad("pred_x1", 23, float("nan")), "row 23: pred is not four finite numbers"),
        (bad("target_y2", 41, float("inf")), "row 41: target is not four finite numbers"),
        (bad("target_y2", 41, None), "row 41: target is not four finite numbers"),
        (
            lambda columns: {name: values for name, values in columns.items() if name != "pred_y1"},
            "no column 'pred_y1': a box is a list column 'pred' or the columns "
            "('pred_x1', 'pred_y1', 'pred_x2', 'pred_y2')",
        ),
        (lambda columns: columns | {"pred_x1": ["a"] * 50}, "column 'pred_x1' is of string, not of numbers"),
        (lambda columns: columns | {"pred": [1.0] * 50}, "column 'pred' is of double, not of lists of numbers"),
        (
            lambda columns: columns | {"pred": [[1.0] * 4] * 30 + [[1.0] * 3] + [[1.0] * 4] * 19},
            "row 30: pred is not four finite numbers",
        ),
        (
            lambda columns: columns | {"pred": [[1.0] * 4] * 30 + [None] + [[1.0] * 4] * 19},
            "row 30: pred is not four finite numbers",
        ),
        (lambda columns: {name: values[:0] for name, values in columns.items()}, "there are no pairs"),
    ],
)
def test_bad_files(tmp_path, boxes, change, text):
    path = write(tmp_path / "pairs.parquet", change(numbers(boxes)), row_group_size=20)
    assert error(*QUICK, path, "--out", tmp_path / "out.csv") == f"{path}: {text}"
    assert [file.name for file in tmp_path.iterdir()] == ["pairs.parquet"]


def test_files_that_are_not_there_or_no_parquet(tmp_path):
    path = tmp_path / "pairs.parquet"
    assert str(path) in error(path)
    path.write_text("no Parquet")
    assert error(path).startswith(f"{path}: ")


def test_options_that_do_not_go_together(tmp_path, boxes):
    path = write(tmp_path / "pairs.parquet", numbers(boxes))
    for arguments, name in (
        (["--sample"], "--sample"),
        (["--per-category"], "--per-category"),
        (["--iou-threshold", "0.5"], "--iou-threshold"),
    ):
        message = f"{name} does not go with a Parquet file of pairs. Try 'boxloss score --help'."
        assert error(path, *arguments) == message
    assert error("--sample", "--format", "xyxy").startswith("--format xyxy is for Parquet and CSV files")


def test_missing_file():
    assert error("none.parquet") == "none.parquet: No such file or directory"


@pytest.mark.parametrize("missing", ["dask", "pyarrow"])
def test_missing_extra(missing, monkeypatch):
    monkeypatch.setattr(pairs, "find_spec", lambda name: None if name == missing else sys)
    assert error("pairs.parquet") == f'pairs.parquet: Parquet needs {missing}: pip install "boxloss[cli,dask]"'
