"""``boxloss score``: its table, and what it says of wrong files and options."""

import json

import numpy as np
import pytest
from scipy.stats import spearmanr

import boxloss as bl
from boxloss.cli.expressions import kinds
from boxloss.cli.summary import summarise
from boxloss.lab.correlation import rank_correlation
from commands import QUICK, copy_of_sample, error, matches_of_sample, run, score


@pytest.fixture
def files(tmp_path):
    """Paths of a copy of the embedded sample."""
    return copy_of_sample(tmp_path)


@pytest.fixture(scope="module")
def matches():
    return matches_of_sample()


def test_score_summarises_every_loss(files, matches):
    headline, rows = score(*files)
    assert headline.startswith(f"{len(matches)} pairs of 146 detections and 113 annotations at an IoU of 0.5 or more; ")
    assert headline.endswith(f"; {len(matches.ignored)} detections in crowds ignored")
    iou = bl.iou_score(matches.pred, matches.target, engine="array")
    assert [row[0] for row in rows] == list(bl.losses())
    for name, pairs, *numbers in rows:
        values = bl.get(name)(matches.pred, matches.target, engine="array")
        expected = [values.mean(), *np.percentile(values, [5, 50, 95]), spearmanr(values, iou).statistic]
        assert int(pairs) == len(matches)
        np.testing.assert_allclose([float(number) for number in numbers], expected, rtol=1e-3)


def test_score_sample_is_score_of_its_files(files):
    assert run("score", *QUICK, "--sample") == run("score", *QUICK, *files)


@pytest.mark.parametrize(
    "options", [["--losses", "giou,ciou"], ["--losses", "giou, ciou,giou"], ["--losses", "giou", "--losses", "ciou"]]
)
def test_score_of_some_losses(options):
    assert [row[0] for row in score("--sample", *options)[1]] == ["giou", "ciou"]


def test_score_per_category(files, matches):
    _, rows = score(*files, "--losses", "giou,l1", "--per-category")
    categories = json.loads(files[0].read_text())["categories"]
    assert [row[:2] for row in rows] == [[c["name"], loss] for c in categories for loss in ("giou", "l1")]
    values = bl.giou(matches.pred, matches.target, engine="array")
    for row, category in zip(rows[::2], categories, strict=True):
        inside = values[matches.category_id == category["id"]]
        assert int(row[2]) == len(inside)
        assert float(row[3]) == pytest.approx(inside.mean(), rel=1e-3)


def test_score_category_names_are_text(files):
    truth = json.loads(files[0].read_text())
    truth["categories"][0]["name"] = "[bold]:dog:"
    files[0].write_text(json.dumps(truth))
    assert score(*files, "--losses", "l1", "--per-category")[1][0][0] == "[bold]:dog:"


def test_score_with_another_threshold():
    pairs = [int(score("--sample", "--losses", "l1", "--iou-threshold", t)[1][0][1]) for t in (0, 0.5, 0.9)]
    assert pairs[0] > pairs[1] > pairs[2] > 0


def test_score_runs_the_numba_engine():
    quick = run("score", "--sample", "--losses", "giou", "--engine", "array")
    assert run("score", "--sample", "--losses", "giou", "--engine", "numba") == quick


def test_score_without_pairs(files, tmp_path):
    only = [json.loads(files[1].read_text())[0] | {"bbox": [0, 0, 0, 0]}]
    files[1].write_text(json.dumps(only))
    out = tmp_path / "pairs.csv"
    headline, rows = score(*files, "--losses", "giou,ciou", "--out", out)
    assert headline == "0 pairs of 1 detection and 113 annotations at an IoU of 0.5 or more"
    assert rows == [["giou", "0", *"-----"], ["ciou", "0", *"-----"]]
    assert len(out.read_text().splitlines()) == 1


def test_summary_says_only_what_can_be_said():
    one, two = np.asarray([0.5]), np.asarray([0.5, 0.25])
    assert summarise(one, one).cells() == ["1", "0.5", "0.5", "0.5", "0.5", "-"]
    assert summarise(two, np.asarray([1.0, 1.0])).cells()[-1] == "-"
    assert summarise(np.asarray([1.0, 1.0]), two).cells()[-1] == "-"
    assert rank_correlation(two, -two) == pytest.approx(-1.0)


# --- Errors ---------------------------------------------------------------------------------------------------------


def test_error_in_a_file_names_file_and_record(files):
    detections = json.loads(files[1].read_text())
    detections[17]["image_id"] = 99
    files[1].write_text(json.dumps(detections))
    assert error("score", *files) == f"{files[1]}: record 17: image_id 99 is not among the images of {files[0]}"


def test_error_of_a_missing_file(files):
    assert error("score", files[0], "none.json") == "none.json: No such file or directory"


NO_FILES = "Give GROUND_TRUTH and DETECTIONS, a Parquet file of pairs, or --sample alone. Try 'boxloss score --help'."


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["score"], NO_FILES),
        (["score", "a.json"], NO_FILES),
        (["score", "a", "b", "--sample"], NO_FILES),
        (["score", "--sample", "--losses", "giou,nope"], f"'nope' is not one of {', '.join(kinds())}."),
        (["score", "--sample", "--losses", ""], "'' is not one of "),
        (["score", "--sample", "--iou-threshold", "1.5"], "1.5 is not between 0 and 1."),
        (["score", "--sample", "--iou-threshold", "nan"], "nan is not between 0 and 1."),
        (["score", "--sample", "--iou-threshold", "x"], "'x' is not a valid float."),
        (["score", "--sample", "--engine", "abacus"], "'abacus' is not one of 'auto', 'array', 'numba'."),
        (["score", "--nope"], "No such option"),
        (["nope"], "No such command 'nope'."),
        (["scor"], "Did you mean 'score'? Try 'boxloss --help'."),
        (["--nope"], "No such option"),
    ],
)
def test_usage_error(args, message):
    assert message in error(*args)
