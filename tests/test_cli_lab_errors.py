"""What the commands of the lab say of wrong options and files, and of what is missing."""

import pytest

from boxloss.cli import lab as shared
from boxloss.data import sample
from commands import error
from lab_commands import COMMANDS


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
