"""What the commands of the lab say, and what they import for it."""

import json
import subprocess
import sys

import numpy as np
import pytest

import boxloss as bl
from boxloss import lab
from boxloss.cli.descend import protocol_rate
from boxloss.data import sample
from commands import run, starts
from lab_commands import GIOU, IOU, read_csv, rows


def test_landscape_prints_the_statistics():
    flat, sloped = rows("landscape", *IOU, *GIOU, "--resolution", "60")
    assert flat[:3] == ["iou", "88.9", "%"]  # 1 - (1 + 1) (1 + 1) / 36
    assert sloped[:3] == ["giou", "0.0", "%"]
    measured = lab.landscape(bl.giou, (0, 0, 1, 1), (1, 1), 3, 60).statistics
    assert float(sloped[5]) == pytest.approx(measured.mean_cosine, rel=1e-3)
    assert float(sloped[-1]) == pytest.approx(measured.slope_p95, rel=1e-3)


def test_landscape_takes_target_size_and_plane():
    options = ("--target", 5, 5, 4, 2, "--pred-size", 2, 2, "--extent", 8, "--vary", "wh", "--resolution", "10")
    (found,) = rows("landscape", *GIOU, *options)
    measured = lab.landscape(bl.giou, (5, 5, 4, 2), (2, 2), 8.0, 10, "wh").statistics
    assert float(found[5]) == pytest.approx(measured.mean_cosine, rel=1e-3)


def test_descend_says_who_arrived():
    flat, sloped = rows("descend", *IOU, *GIOU, "--start", 1.5, 0, 1, 1, "--start", 0, 1.2, 1, 1)
    assert flat == ["iou", "1.35", "1.35", "0", "0", "of", "2"]
    assert sloped[-3:] == ["2", "of", "2"]


def test_descend_at_random_takes_a_size():
    (found,) = rows("descend", *GIOU, "--steps", "3", "--pred-size", 1, 2, "--parametrisation", "cxcywh")
    ball = lab.descend(bl.giou, starts((0, 0, 1, 1), (1, 2), 0), (0, 0, 1, 1), lr=protocol_rate(3), steps=3)
    np.testing.assert_allclose([float(n) for n in found[1:4]], [*ball.error[[0, -1]], ball.iou[-1]], rtol=1e-3)


def test_landscape_of_sizes_takes_a_centre():
    (found,) = rows("landscape", *GIOU, "--vary", "wh", "--pred-center", 0.5, 0.25, "--resolution", "10")
    plane = lab.landscape(bl.giou, (0, 0, 1, 1), (1, 1), 3, 10, "wh", pred_center=(0.5, 0.25)).statistics
    assert float(found[-1]) == pytest.approx(plane.slope_p95, rel=1e-3)


def test_landscape_takes_angles():
    boxes = ("--target", 0, 0, 2, 1, "--pred-size", 2, 1, "--resolution", "10")
    (found,) = rows("landscape", *GIOU, *boxes, "--target-angle", 0.4, "--pred-angle", 1.2)
    plane = lab.landscape(bl.giou, (0, 0, 2, 1, 0.4), (2, 1), 3, 10, pred_angle=1.2).statistics
    assert float(found[-1]) == pytest.approx(plane.slope_p95, rel=1e-3)


@pytest.mark.parametrize(
    ("options", "start", "target"),
    [
        (("--target-angle", 0.4, "--pred-angle", 1.0), 1.0, 0.4),
        (("--pred-angle", 1.0, "--parametrisation", "cxcywha"), 1.0, 0.0),
        (("--target-angle", 0.4), 0.4, 0.4),
    ],
)
def test_descend_takes_angles(options, start, target, tmp_path):
    boxes = ("--target", 0, 0, 2, 1, "--start", 1, 1, 2, 1, "--lr", 0.1, "--steps", 4)
    out = (word for suffix in ("csv", "json", "png") for word in ("--out", tmp_path / f"path.{suffix}"))
    code, output = run("descend", *GIOU, *boxes, *options, *out)
    assert code == 0, output
    made = read_csv(tmp_path / "path.csv")
    ball = lab.descend(bl.giou, (1, 1, 2, 1, start), (0, 0, 2, 1, target), lr=0.1, steps=4, parametrisation="cxcywha")
    np.testing.assert_array_equal([[float(row[n]) for n in "xywha"] for row in made], ball.path)
    document = json.loads((tmp_path / "path.json").read_text())
    assert document["settings"]["parametrisation"] == "cxcywha"
    assert document["results"][0]["final_iou"] == ball.iou[-1]


def test_descend_at_random_depends_on_the_seed():
    options = (*GIOU, "--steps", "3")
    assert rows("descend", *options) == rows("descend", *options, "--seed", 0) != rows("descend", *options, "--seed", 1)


def test_correlate_has_all_and_overlapping_pairs():
    found = rows("correlate", *IOU, *GIOU, "--pairs", "fixed", "--count", "500", "--seed", "3")
    assert [row[:2] for row in found] == [[n, p] for n in ("iou", "giou") for p in ("all", "overlapping")]
    measured = lab.correlate(bl.giou, "fixed", count=500, seed=3)
    for row, agreement in zip(found[2:], (measured.all, measured.overlapping), strict=True):
        assert int(row[2]) == agreement.size
        assert float(row[3]) == pytest.approx(agreement.spearman, rel=1e-3)
        assert float(row[-1]) == pytest.approx(agreement.residual, rel=1e-3)


def test_correlate_takes_coco_files():
    code, output = run("correlate", *map(str, sample()), *IOU)
    pairs = lab.coco_pairs(*sample())
    assert code == 0
    assert output.startswith(f"{pairs.name}\n")
    assert f" {len(pairs)} " in output


def test_correlate_writes_the_settings_that_it_used(tmp_path):
    file = tmp_path / "out.json"

    def settings(*args):
        assert run("correlate", *IOU, *args, "--out", str(file))[0] == 0
        return json.loads(file.read_text())["settings"]

    of_files = settings(*map(str, sample()))
    names = ("generator", "count", "seed", "quick", "format", "max_detections", "lenient")
    assert [of_files[name] for name in names] == [None, 101, None, None, "xywh", 100, False]
    random = settings("--quick", "--seed", "1")
    assert [random[name] for name in names] == ["mixed", 20_000, 1, True, None, None, None]


def test_correlate_imports_what_it_needs():
    """Not what draws, without a picture to be written, nor SciPy's statistics for few pairs: a second each."""
    code = (
        "import sys, boxloss.__main__ as m\ntry: m.main()\n"
        "finally: assert not {'matplotlib', 'scipy.stats'} & set(sys.modules), 'imported'"
    )
    command = [sys.executable, "-c", code, "correlate", *map(str, sample()), *IOU]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_simulate_has_error_and_iou():
    found = rows("simulate", *IOU, *GIOU, "--points", "4", "--seed", "1", "--gradient", "released")
    (measured,) = lab.simulate(bl.giou, gradient="released", points=4, seed=1)
    steps = [0, 10, 50, 100, 160, 200]
    np.testing.assert_allclose([float(n) for n in found[1][1:]], measured.error[steps], rtol=1e-3)
    np.testing.assert_allclose([float(n) for n in found[3][1:]], measured.iou[steps], rtol=1e-3)


def test_losses_separated_by_commas():
    found = rows("landscape", "--losses", "iou,giou", "--loss", "iou", "--resolution", "8")
    assert [row[0] for row in found] == ["iou", "giou"]


def test_command_line_loads_no_plots():
    code = (
        "import sys, boxloss.cli; sys.exit(bool({'matplotlib', 'jinja2', 'numba', 'boxloss.lab'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
