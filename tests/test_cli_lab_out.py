"""What the commands of the lab write: pictures, data, statistics and animations."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import boxloss as bl
from boxloss import lab, plot
from commands import run, stop
from lab_commands import COMMANDS, GIOU, IOU, read_csv


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
