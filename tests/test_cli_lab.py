"""The commands of the lab."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import boxloss as bl
from boxloss import lab, plot
from boxloss.cli import lab as shared
from boxloss.cli.descend import protocol_rate
from boxloss.data import sample
from commands import error, run, starts, stop

IOU, GIOU = ("--loss", "iou"), ("--loss", "giou")
COMMANDS = {
    "landscape": (*IOU, *GIOU, "--resolution", "8"),
    "descend": (*IOU, *GIOU, "--steps", "5", "--boxes", "3", "--quick"),
    "correlate": (*IOU, *GIOU, "--count", "500"),
    "simulate": (*IOU, *GIOU, "--points", "4"),
}


def rows(*args):
    """The words of each row of the tables."""
    code, output = run(*args)
    assert code == 0, output
    return [line.split() for line in output.splitlines() if line.startswith(("iou", "giou", "l1"))]


def read_csv(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# --- What they say --------------------------------------------------------------------------------------------------


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


# --- What they write ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_out_writes_pictures_data_and_statistics(command, tmp_path):
    paths = [tmp_path / f"made.{suffix}" for suffix in ("png", "svg", "csv", "json")]
    code, output = run(command, *COMMANDS[command], *(word for path in paths for word in ("--out", path)))
    assert code == 0, output
    picture, drawing, data, statistics = paths
    with Image.open(picture) as image:
        assert min(image.size) > 400
    assert "<svg" in drawing.read_text(encoding="utf-8")
    assert len(read_csv(data)) > 10
    document = json.loads(statistics.read_text())
    assert document["command"] == command
    assert document["boxloss"] == bl.__version__
    assert document["settings"]["losses"] == ["iou", "giou"]
    assert [row["loss"] for row in document["results"]] == ["iou", "giou"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


@pytest.mark.parametrize(
    ("command", "setting", "value"),
    [("landscape", "resolution", 60), ("correlate", "count", 20_000), ("simulate", "points", 200)],
)
def test_json_has_the_settings_that_quick_chose(command, setting, value, tmp_path):
    run(command, "--quick", *IOU, "--out", tmp_path / "made.json")
    assert json.loads((tmp_path / "made.json").read_text())["settings"][setting] == value


def test_losses_separated_by_commas():
    found = rows("landscape", "--losses", "iou,giou", "--loss", "iou", "--resolution", "8")
    assert [row[0] for row in found] == ["iou", "giou"]


def test_csv_of_a_landscape_is_the_plane(tmp_path):
    run("landscape", *GIOU, "--resolution", "8", "--out", tmp_path / "plane.csv")
    made, plane = read_csv(tmp_path / "plane.csv"), lab.landscape(bl.giou, (0, 0, 1, 1), (1, 1), 3, 8)
    assert list(made[0]) == ["loss", "x", "y", "value", "iou", "d_x", "d_y"]
    expected = (*np.meshgrid(plane.x, plane.y), plane.value, plane.iou, plane.grad[..., 0], plane.grad[..., 1])
    found = [[float(number) for number in list(row.values())[1:]] for row in made]
    np.testing.assert_array_equal(found, np.stack(expected, axis=-1).reshape(-1, 6))


def test_csv_of_a_descent_is_the_path(tmp_path):
    run("descend", *GIOU, "--steps", 4, "--lr", 0.1, "--start", 2, 1, 1, 1, "--out", tmp_path / "path.csv")
    made = read_csv(tmp_path / "path.csv")
    ball = lab.descend(bl.giou, (2, 1, 1, 1), (0, 0, 1, 1), lr=0.1, steps=4, parametrisation="xy")
    np.testing.assert_array_equal([[float(row[n]) for n in "xywh"] for row in made], ball.path)
    assert [row["step"] for row in made] == ["0", "1", "2", "3", "4"]


def test_csv_of_a_simulation_is_the_picture(tmp_path):
    options = (*IOU, "--points", "4", "--out", tmp_path / "made.csv")
    run("simulate", *options)
    assert [list(read_csv(tmp_path / "made.csv")[0]), len(read_csv(tmp_path / "made.csv"))] == [
        ["loss", "step", "error", "iou"],
        201,
    ]
    run("simulate", *options, "--plot", "error-map")
    assert list(read_csv(tmp_path / "made.csv")[0])[3:] == ["scale", "final_error", "final_iou"]
    assert len(read_csv(tmp_path / "made.csv")) == 4


@pytest.mark.parametrize(
    ("command", "kind", "drawn"),
    [
        ("landscape", "surface", "surface"),
        ("descend", "error", "curves"),
        ("descend", "iou", "curves"),
        ("simulate", "iou", "curves"),
        ("simulate", "iou-map", "final_map"),
    ],
)
def test_plot_chooses_the_picture(command, kind, drawn, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(plot, drawn, lambda *args, **options: calls.append(args))
    monkeypatch.setattr(plot, "save", lambda figure, path: path.write_text("drawn"))
    code, output = run(command, *COMMANDS[command], "--plot", kind, "--out", tmp_path / "made.png")
    assert code == 0, output
    assert len(calls) == 1
    assert len(calls[0][0]) == 2


def test_descend_writes_an_animation(tmp_path):
    run("descend", *GIOU, "--steps", "3", "--boxes", "2", "--out", tmp_path / "ball.gif")
    with Image.open(tmp_path / "ball.gif") as frames:
        assert frames.n_frames == 4


# --- What goes wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["landscape", "--loss", "nope"], "'nope' is not one of "),
        (["landscape", "--out", "a.xlsx"], "a.xlsx: --out must end in .png or .svg or .csv or .json"),
        (["landscape", "--vary", "xx"], "vary must name two of x, y, w, h"),
        (["landscape", "--extent", "nan"], "extent"),
        (["landscape", "--resolution", "4000000"], "not enough memory: Unable to allocate"),
        (["descend", "--lr", "-1"], "lr must not be negative; got -1.0. Try 'boxloss descend --help'."),
        (["descend", "--start", "1", "1", "-1", "1"], "width of start must not be negative; got -1.0."),
        (["descend", "--start", "nan", "0", "1", "1"], "Invalid value for '--start': nan is not a finite number."),
        (["descend", "--target", "0", "inf", "1", "1"], "Invalid value for '--target': inf is not a finite number."),
        (["descend", "--target", "0", "0", "-1", "1"], "width of target must not be negative; got -1.0."),
        (["descend", "--pred-size", "1", "-1"], "height of pred_size must not be negative; got -1.0."),
        (["descend", "--extent", "-1"], "extent must be greater than 0"),
        (
            ["descend", "--pred-angle", "1", "--loss", "giou,2*piou"],
            "'--loss': 2 * piou: PIoU is not defined for rotated",
        ),
        (["landscape", "--vary", "xa", "--loss", "l1,gcd"], "'--loss': gcd: GCD is not defined for rotated boxes"),
        (
            ["simulate", "--protocol", "rotated", "--loss", "l1,gcd"],
            "'--loss': gcd: GCD is not defined for rotated boxes",
        ),
        (
            ["correlate", "--pairs", "rotated", "--loss", "l1,gcd"],
            "'--loss': gcd: GCD is not defined for rotated boxes",
        ),
        (
            ["descend", "--target-angle", "1", "--parametrisation", "xy"],
            "--target-angle does not go with --parametrisation xy: boxes with an angle descend on cxcywha.",
        ),
        (["descend", "--pred-angle", "1", "--parametrisation", "log-size"], "--pred-angle does not go with"),
        (["descend", "--target-angle", "-2e6"], "'--target-angle': -2e+06 is more than 1000000 radians."),
        (["landscape", "--pred-angle", "nan"], "Invalid value for '--pred-angle': nan is not a finite number."),
        (["correlate", "truth.json"], "Give both GROUND_TRUTH and DETECTIONS, or neither."),
        (["correlate", "--lenient"], "--lenient is for GROUND_TRUTH and DETECTIONS."),
        (["correlate", *map(str, sample()), "--count", "5"], "--count is for random pairs, without files."),
        (["correlate", *map(str, sample()), "--pairs", "mixed"], "--pairs is for random pairs, without files."),
        (["correlate", *map(str, sample()), "--seed", "0"], "--seed is for random pairs, without files."),
        (["correlate", *map(str, sample()), "--quick"], "--quick is for random pairs, without files."),
        (["correlate", "none.json", "none.json"], "none.json: No such file or directory"),
        (["correlate", "--count", "1"], "1 is not in the range x>=2"),
        (["simulate", "--gradient", "released"], "released"),  # of L1 there is none
        (["report", "truth.json"], "Give both GROUND_TRUTH and DETECTIONS, or neither."),
        (["report", "none.json", "none.json"], "none.json: No such file or directory"),
        (["report", "--seed", "-1"], "-1 is not in the range x>=0"),
    ],
)
def test_errors_are_one_line(args, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in error(*args)
    assert list(tmp_path.iterdir()) == []


def test_errors_in_files_do_not_point_to_the_options(tmp_path):
    (tmp_path / "empty.json").write_text("{}")
    path = str(tmp_path / "empty.json")
    assert error("correlate", path, path) == f"{path}: 'annotations' is missing"


def test_mp4_without_ffmpeg(monkeypatch, tmp_path):
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert (
        error("descend", "--out", tmp_path / "a.mp4")
        == "an animation as .mp4 needs ffmpeg; take .gif, or install ffmpeg"
    )


@pytest.mark.parametrize("command", [*COMMANDS, "report"])
def test_missing_libraries(command, monkeypatch):
    monkeypatch.setattr(shared, "find_spec", lambda name: None)
    assert error(command) == f'{command} needs matplotlib, jinja2: pip install "boxloss[lab]"'


def test_command_line_loads_no_plots():
    code = (
        "import sys, boxloss.cli; sys.exit(bool({'matplotlib', 'jinja2', 'numba', 'boxloss.lab'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_termination_leaves_no_file(tmp_path):
    """As a scheduler ends a job that takes too long."""
    code = (
        "import os, signal, sys; from boxloss import plot; from boxloss.cli import app\n"
        "plot.save = lambda figure, path: os.kill(os.getpid(), signal.SIGTERM)\n"
        f"app.main(['landscape', '--loss', 'iou', '--resolution', '8', '--out', {str(tmp_path / 'made.png')!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (143, b"")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_stop_leaves_no_file(command, tmp_path, monkeypatch):
    monkeypatch.setattr(plot, "save", stop)
    (tmp_path / "made.png").write_text("old")
    assert run(command, *COMMANDS[command], "--out", tmp_path / "made.png")[0] == 130
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
