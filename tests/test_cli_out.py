"""Where ``--out`` writes, and what the terminal gets."""

import csv
import json
import os
import stat
import subprocess
import sys
import threading

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from boxloss.cli import app
from boxloss.data import sample
from boxloss.printable import printable

SCORE = ("score", "--engine", "array", "--losses", "l1")
POSIX = pytest.mark.skipif(os.name != "posix", reason="permissions and pipes of POSIX")


def run(*args):
    """Exit code and output, errors among it."""
    result = CliRunner().invoke(app, [str(arg) for arg in args], prog_name="boxloss")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def error(*args):
    """The one line of an error."""
    code, output = run(*args)
    assert (code, output.count("\n")) == (2, 1), output
    return output.removeprefix("boxloss: ").removesuffix("\n")


def process(*args, **environment):
    """A process of its own, whose output is bytes."""
    command = [sys.executable, "-m", "boxloss", *args]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, check=False)


@pytest.fixture
def tables(tmp_path):
    """The sample as CSV, with string ids that a spreadsheet would compute."""
    truth, found = (json.loads(file.read_text()) for file in sample())
    for name, records in (("truth.csv", truth["annotations"]), ("found.csv", found)):
        rows = [
            {
                "image_id": f"={r['image_id']}",
                "category_id": f"-{r['category_id']}x",
                **dict(zip("xywh", r["bbox"], strict=True)),
            }
            | {"score": r.get("score", 0)}
            for r in records
            if not r.get("iscrowd")
        ]
        with (tmp_path / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return tmp_path / "truth.csv", tmp_path / "found.csv"


# --- Inputs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["truth.csv", "found.csv", "./found.csv", "soft.csv", "hard.csv", "absolute"])
@pytest.mark.parametrize("command", [SCORE, ("correlate", "--loss", "l1")])
def test_an_input_is_not_overwritten(command, name, tables, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "soft.csv").symlink_to("found.csv")
    os.link(tables[1], tmp_path / "hard.csv")
    before = [table.read_bytes() for table in tables]
    out = str(tables[1]) if name == "absolute" else name
    message = f"{os.path.normpath(out)}: --out would overwrite the input {'truth' if 'truth' in name else 'found'}.csv"
    assert error(*command, "truth.csv", "found.csv", "--out", out) == message
    assert [table.read_bytes() for table in tables] == before


@pytest.mark.dask
def test_a_folder_of_inputs_is_not_written_to(tmp_path):
    folder = tmp_path / "pairs"
    folder.mkdir()
    corners = ("x1", "y1", "x2", "y2")
    columns = {f"{side}_{corner}": [1.0, 2.0] for side in ("pred", "target") for corner in corners}
    pq.write_table(pa.table(columns), folder / "0.parquet")
    os.link(folder / "0.parquet", tmp_path / "hard.parquet")
    (tmp_path / "other").symlink_to(folder)
    for out in (folder / "0.parquet", tmp_path / "hard.parquet", tmp_path / "other" / "0.parquet"):
        assert error(*SCORE, folder, "--out", out) == f"{out}: --out would overwrite the input {folder}"
    for out in (folder / "1.parquet", tmp_path / "other" / "1.csv"):
        assert error(*SCORE, folder, "--out", out) == f"{out}: --out would be a file of the input {folder}"
    assert [file.name for file in folder.iterdir()] == ["0.parquet"]


def test_a_report_does_not_overwrite_its_input(tmp_path):
    page = tmp_path / "index.html"
    page.write_bytes(sample()[1].read_bytes())
    message = f"{page}: --out would overwrite the input {page}"
    assert error("report", sample()[0], page, "--out", tmp_path) == message


def test_one_file_for_two_outputs(tmp_path):
    (tmp_path / "a.csv").symlink_to("a.json")
    for first, second in (("b.json", "./b.json"), ("a.json", "a.csv")):
        options = ("--out", tmp_path / first, "--out", f"{tmp_path}/{second}")
        assert "--out is given more than once for this file" in error("landscape", "--quick", *options)


# --- What is there already ------------------------------------------------------------------------------------------


@POSIX
def test_a_file_keeps_its_permissions(tmp_path):
    path = tmp_path / "pairs.csv"
    path.touch(mode=0o600)
    assert run(*SCORE, "--sample", "--out", path)[0] == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith("image_id,")


@POSIX
@pytest.mark.parametrize(("suffix", "start"), [(".csv", b"image_id,"), (".parquet", b"PAR1")])
def test_a_pipe_is_written_to(tmp_path, suffix, start):
    path, read = tmp_path / f"pairs{suffix}", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()), daemon=True)
    reader.start()
    assert run(*SCORE, "--sample", "--out", path)[0] == 0
    reader.join(10)
    assert read[0].startswith(start)
    assert path.is_fifo()
    assert list(tmp_path.iterdir()) == [path]


@POSIX
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
def test_a_device_is_written_to(tmp_path):
    path = tmp_path / "pairs.csv"
    path.symlink_to("/dev/full")
    assert run(*SCORE, "--sample", "--out", path)[1].endswith(
        f"boxloss: {path}: cannot be written: No space left on device\n"
    )
    assert stat.S_ISCHR(path.stat().st_mode)


def test_long_names(tmp_path):
    path = tmp_path / f"{'n' * 240}.csv"
    assert run(*SCORE, "--sample", "--out", path)[0] == 0
    assert list(tmp_path.iterdir()) == [path]
    path = tmp_path / f"{'n' * 260}.csv"
    assert error(*SCORE, "--sample", "--out", path) == f"{path}: cannot be written: File name too long"


def test_a_link_to_itself(tmp_path):
    path = tmp_path / "loop.csv"
    path.symlink_to(path)
    assert error(*SCORE, "--sample", "--out", path) == f"{path}: cannot be written: Too many levels of symbolic links"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
def test_no_file_of_a_command_whose_table_cannot_be_printed(tmp_path):
    command = [sys.executable, "-m", "boxloss", *SCORE, "--sample", "--out", str(tmp_path / "z.csv")]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "boxloss: [Errno 28] No space left on device\n")
    assert list(tmp_path.iterdir()) == []


# --- Text -----------------------------------------------------------------------------------------------------------


def test_csv_cells_are_no_formulas(tables, tmp_path):
    out = tmp_path / "pairs.csv"
    assert run(*SCORE[:-1], "-1*l1", *tables, "--out", out)[0] == 0
    header, first, *_ = out.read_text().splitlines()
    assert header.endswith(",iou_score,'-1 * l1,'-1 * l1_grad_norm")
    assert first.startswith("'=1,'-1x,")
    assert float(first.split(",")[-2]) < 0  # a number stays one
    assert pyarrow.csv.read_csv(out)["image_id"].to_pylist()[0] == "'=1"


NAMES = ["\ud800", "\N{CJK UNIFIED IDEOGRAPH-540D}", "\x1b[31mred\x00", "\u202eabc", "a\nb"]


@pytest.mark.parametrize(
    ("encoding", "name"), [("utf-8", "\N{CJK UNIFIED IDEOGRAPH-540D}"), ("cp1252", "\\u540d"), ("ascii", "\\u540d")]
)
def test_names_that_a_terminal_cannot_show(tmp_path, encoding, name):
    truth = json.loads(sample()[0].read_text())
    for category, text in zip(truth["categories"], NAMES, strict=True):
        category["name"] = text
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(truth))
    done = process(*SCORE, str(path), str(sample()[1]), "--per-category", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    rows = [line.split() for line in done.stdout.decode(encoding).splitlines() if "l1" in line]
    assert [row[0] for row in rows] == ["\\ud800", name, "\\x1b[31mred\\x00", "\\u202eabc", "a\\nb"]


def test_printable_text_stays():
    text = "caf\N{LATIN SMALL LETTER E WITH ACUTE} \N{ARABIC LETTER ALEF}\N{ZERO WIDTH JOINER} \N{IDEOGRAPHIC SPACE}"
    assert printable(text) == text
    assert printable("\x85\x9b0m\u2028\u2066\udcff\t") == "\\x85\\x9b0m\\u2028\\u2066\\udcff\\t"


def test_errors_are_printable(tmp_path):
    assert error("score", "\x1b[31m.json", "none.json") == "\\x1b[31m.json: No such file or directory"


@pytest.mark.skipif(sys.platform != "linux", reason="where names of files are bytes")
def test_a_file_name_that_is_not_text(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.json")
    with open(path, "wb") as file:
        file.write(sample()[0].read_bytes())
    made = tmp_path / "made.json"
    code, output = run("correlate", path, sample()[1], "--loss", "l1", "--out", made, "--out", tmp_path / "made.png")
    assert code == 0
    assert output.startswith("101 matches of \\udcff.json, IoU of 0.1 or more\n")
    assert json.loads(made.read_text())["settings"]["ground_truth"].endswith("\\udcff.json")
