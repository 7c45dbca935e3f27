"""``boxloss evaluate``, and what ``boxloss score`` says of average precision."""

import csv
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import boxloss as bl
from boxloss.cli import app
from boxloss.data import sample


def run(*args):
    """Exit code and output, errors among it."""
    result = CliRunner().invoke(app, [str(arg) for arg in args], prog_name="boxloss")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def evaluate(*args):
    """The lines before the first table, and the words of each row of each table."""
    code, output = run("evaluate", *args)
    assert code == 0, output
    lines = output.splitlines()
    rules = [number for number, line in enumerate(lines) if line.startswith("─")]
    ends = [number - 1 for number in rules[1:]] + [len(lines)]
    tables = [[line.split() for line in lines[a + 1 : b] if line] for a, b in zip(rules, ends, strict=True)]
    return lines[: rules[0] - 1], tables


@pytest.fixture
def files(tmp_path):
    """A copy of the sample, and a detector that is worse at one category alone."""
    for file in sample():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    found = json.loads(sample()[1].read_bytes())
    worse = [one for number, one in enumerate(found) if one["category_id"] != 2 or number % 3]
    (tmp_path / "worse.json").write_text(json.dumps(worse))
    return tuple(tmp_path / f"{name}.json" for name in ("ground_truth", "detections", "worse"))


@pytest.fixture(scope="module")
def result():
    return bl.evaluate(*sample())


def test_twelve_numbers(files, result):
    head, [rows] = evaluate(*files[:2])
    assert head == ["146 detections and 113 annotations in 20 images"]
    assert [(row[0], row[-1]) for row in rows] == [(k, f"{v:.4f}") for k, v in result.statistics.items()]
    assert rows[1] == ["ap50", "0.50", "all", "100", "0.6928"]
    assert rows[3][:7] == ["ap_small", "0.50", "to", "0.95", "small", "100", "0.5567"]
    assert evaluate("--sample") == (head, [rows])
    assert evaluate("--sample", "--engine", "numba") == (head, [rows])


def test_no_ground_truth_of_a_size_is_a_dash(files):
    truth = json.loads(files[0].read_text())
    for annotation in truth["annotations"]:
        annotation["area"] = 5000
    files[0].write_text(json.dumps(truth))
    values = {row[0]: row[-1] for row in evaluate(*files[:2])[1][0]}
    assert [values[name] for name in ("ap_small", "ap_large", "ar_small")] == ["-"] * 3


def test_intervals(result):
    head, [rows] = evaluate("--sample", "--intervals", "--resamples", 64)
    assert head[1] == "intervals of 95 %, 64 resamples of the images"
    bounds = result.interval(names=result.settings.names, resamples=64)
    assert [row[-2:] for row in rows] == [[f"{low:.4f}", f"{high:.4f}"] for low, high in bounds.values()]


def test_per_category(result):
    _, [rows] = evaluate("--sample", "--per-category")
    table = result.table()
    assert [row[0] for row in rows] == table["category"]
    assert [row[3] for row in rows] == [f"{value:.4f}" for value in table["ap"]]
    assert rows[0][1:3] == ["22", "29"]
    assert rows[0][6] == "-"


def test_against(files, result):
    head, [statistics, categories] = evaluate(*files[:2], "--against", files[2], "--resamples", 200)
    compared = result.compare(bl.evaluate(files[0], files[2]), resamples=200)
    assert head[1] == f"{files[1]} against {files[2]}: intervals of 95 %, 200 resamples of the images"
    for row, name in zip(statistics, ("ap", "ap50", "ap75"), strict=True):
        low, high = compared.interval[name]
        assert [row[0], *row[3:]] == [name, *(f"{v:+.4f}" for v in (compared.difference[name], low, high))]
    assert [row[0] for row in categories] == ["car"]  # the others are the same
    every = evaluate(*files[:2], "--against", files[2], "--resamples", 20, "--per-category")[1][1]
    assert [row[0] for row in every] == ["car", "person", "dog", "bottle", "chair"]
    assert every[1][1:] == ["+0.0000"] * 3
    same = run("evaluate", *files[:2], "--against", files[1], "--resamples", 20)[1]
    assert same.endswith("\n\nno category has an interval of AP that leaves out 0\n")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_curves(tmp_path, result, suffix):
    out = tmp_path / f"curves{suffix}"
    assert run("evaluate", "--sample", "--out", out)[0] == 0
    if suffix == ".csv":
        rows = list(csv.DictReader(out.read_text().splitlines()))
        found = {name: [row[name] for row in rows] for name in rows[0]}
    else:
        found = pq.read_table(out).to_pydict()
    assert list(found) == ["category_id", "category", "iou_threshold", "recall", "precision", "score"]
    precision = np.array(found["precision"], float).reshape(5, 10, 101)
    np.testing.assert_array_equal(precision, result.precision[:, :, :, 0, 2].transpose(2, 0, 1))


def numbers(folder, *args):
    """The rows of statistics and of categories that are written, and the settings."""
    out = folder / "numbers.json"
    assert run("evaluate", *args, "--out", out)[0] == 0
    written = json.loads(out.read_text())
    rows = written["results"]
    return [row for row in rows if "statistic" in row], [row for row in rows if "category" in row], written["settings"]


def test_numbers_have_every_digit(tmp_path, result):
    overall, categories, settings = numbers(tmp_path, "--sample", "--intervals")
    bounds = result.interval(names=list(result.statistics))
    assert overall == [
        {"statistic": name, "value": value, **bounds[name]._asdict()} for name, value in result.statistics.items()
    ]
    assert categories == []
    assert settings["iou_thresholds"] == result.settings.iou_thresholds.tolist()
    _, categories, _ = numbers(tmp_path, "--sample", "--per-category")
    table = result.table()
    assert [row["category"] for row in categories] == table["category"]
    for name in ("annotations", "ap", "ar_small"):
        expected = [None if np.isnan(value) else value for value in table[name].tolist()]
        assert [row[name] for row in categories] == expected


def test_numbers_of_two_detectors(files, tmp_path, result):
    found = json.loads(files[1].read_text())
    other = tmp_path / "other.json"
    other.write_text(json.dumps(found[::2]))
    overall, categories, _ = numbers(tmp_path, *files[:2], "--against", other, "--resamples", 20)
    half = bl.evaluate(files[0], other)
    compared = result.compare(half, resamples=20)
    assert [row["against"] for row in overall] == list(half.statistics.values())
    assert overall[0]["difference"] == compared.difference["ap"] == result.ap - half.ap
    assert [overall[1][end] for end in ("low", "high")] == list(compared.interval["ap50"])
    assert "difference" not in overall[3]
    assert [row["difference"] for row in categories] == compared.table()["difference"].tolist()


def test_thresholds(tmp_path):
    expected = bl.evaluate(*sample(), iou_thresholds=[0.6, 0.75])
    args = ("--sample", "--iou-thresholds", "0.75,0.6,0.75")
    overall, _, settings = numbers(tmp_path, *args)
    assert {row["statistic"]: row["value"] for row in overall} == expected.statistics
    assert settings["iou_thresholds"] == [0.6, 0.75]
    out = [tmp_path / "numbers.json", tmp_path / "curves.csv"]
    code, output = run("evaluate", *args, "--per-category", "--out", out[0], "--out", out[1])
    assert code == 0
    assert output.splitlines()[1].split()[:6] == ["category", "annotations", "detections", "ap", "ap75", "ap_small"]
    assert "paths" not in json.loads(out[0].read_text())["settings"]
    assert {row["iou_threshold"] for row in csv.DictReader(out[1].read_text().splitlines())} == {"0.6", "0.75"}


def test_reading_options(files, tmp_path):
    found = json.loads(files[1].read_text())
    files[1].write_text(json.dumps([*found, found[0] | {"score": "high"}]))
    code, output = run("evaluate", *files[:2])
    assert (code, output) == (2, f"boxloss: {files[1]}: record 146: score 'high' is not a finite number\n")
    head, [rows] = evaluate(*files[:2], "--lenient", "--max-detections", 1)
    unseen = len(found) - len({(one["image_id"], one["category_id"]) for one in found})
    assert head == [
        "146 detections and 113 annotations in 20 images; "
        f"{unseen} detections past the first 1 of an image and category not looked at (--max-detections); "
        "1 record left out"
    ]
    assert [row[0] for row in rows if row[0].startswith("ar")] == ["ar_1", "ar_small", "ar_medium", "ar_large"]


def test_hint(files):
    found = json.loads(files[1].read_text())
    corners = [one | {"bbox": [*one["bbox"][:2], *np.add(one["bbox"][:2], one["bbox"][2:])]} for one in found]
    files[1].write_text(json.dumps(corners))
    assert "would if the boxes of" in run("evaluate", *files[:2])[1]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["a.json"], "Give GROUND_TRUTH and DETECTIONS, or --sample alone."),
        (
            ["--sample", "--format", "xyxy"],
            "--format xyxy is for Parquet and CSV files: boxes in COCO's are xywh, or rotated.",
        ),
        (
            ["--sample", "--intervals", "--per-category"],
            "--intervals is for the numbers of all categories, not for --per-category.",
        ),
        (["--sample", "--against", "none.json"], "none.json: No such file or directory"),
        (["--sample", "--out", "curves.txt"], "curves.txt: --out must end in .csv or .parquet or .json"),
        (["--sample", "--out", "a.json", "--out", "a.json"], "a.json: --out is given more than once for this file"),
        (["--sample", "--iou-thresholds", "0.5,7"], "Invalid value for '--iou-thresholds': 7.0 is not in the range"),
        (["--sample", "--iou-thresholds", "0.5,"], "Invalid value for '--iou-thresholds': '' is not a valid number."),
        (["--sample", "--iou-thresholds", "nan"], "Invalid value for '--iou-thresholds': nan is not a finite number."),
        (
            ["--sample", "--iou-thresholds", ",".join(f"{k / 100}" for k in range(1, 64))],
            "Invalid value for '--iou-thresholds': there may be up to 62; got 63.",
        ),
    ],
)
def test_usage_errors(args, message):
    code, output = run("evaluate", *args)
    assert code == 2
    assert output.startswith(f"boxloss: {message}")


def test_out_would_overwrite_the_other_detector(files, tmp_path):
    other = files[2].rename(tmp_path / "other.csv")
    code, output = run("evaluate", *files[:2], "--against", other, "--out", other)
    assert (code, output) == (2, f"boxloss: {other}: --out would overwrite the input {other}\n")


def test_score_begins_with_average_precision(result):
    code, output = run("score", "--sample", "--loss", "l1")
    assert code == 0
    texts = [
        f"{name.upper()} {result.statistic(name):.4f} ({low:.4f} to {high:.4f})"
        for name, (low, high) in result.interval(resamples=200).items()
    ]
    assert output.splitlines()[1] == f"{', '.join(texts)}; intervals of 95 %, 200 resamples of the images"
