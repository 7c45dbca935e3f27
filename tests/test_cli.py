"""The command line."""

import csv
import errno
import io
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, fields

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from rich.console import Console
from scipy.stats import spearmanr

import boxloss as bl
from boxloss import coco
from boxloss.cli import app, console, export, inputs
from boxloss.cli.expressions import kinds, loss_of
from boxloss.cli.summary import summarise
from boxloss.cli.tables import Table
from boxloss.data import sample
from boxloss.lab.correlation import rank_correlation
from boxloss.libraries import cuda as cuda_support

QUICK = ("--engine", "array")  # nothing to compile


def run(*args):
    """Exit code and output, errors among it."""
    result = CliRunner().invoke(app, [str(arg) for arg in args], prog_name="boxloss")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def score(*args):
    """The words of each row of the table, and the first line before it."""
    code, output = run("score", *QUICK, *args)
    assert code == 0, output
    headline, _, _, _, *rows = output.splitlines()
    return headline, [row.split() for row in rows if row.strip()]


def error(*args):
    """The one line of an error."""
    code, output = run(*args)
    assert code == 2
    assert output.endswith("\n")
    assert len(output.splitlines()) == 1
    assert output.startswith("boxloss: ")
    return output.removeprefix("boxloss: ").removesuffix("\n")


@pytest.fixture
def files(tmp_path):
    """Paths of a copy of the embedded sample."""
    for file in sample():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path / "ground_truth.json", tmp_path / "detections.json"


@pytest.fixture(scope="module")
def matches():
    """The pairs of the embedded sample."""
    truth = coco.read_ground_truth(sample()[0])
    return coco.match(truth, coco.read_detections(sample()[1], truth))


# --- score ----------------------------------------------------------------------------------------------------------


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


# --- score --out ----------------------------------------------------------------------------------------------------


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


# --- The other commands ---------------------------------------------------------------------------------------------


def listed():
    """The rows of each table of `boxloss losses`, as cells."""
    code, output = run("losses")
    assert code == 0
    tables = [table.splitlines()[2:] for table in output.split("\n\n")]
    return [[re.split(r"\s{2,}", line.strip()) for line in table] for table in tables[:3]]


def test_losses_lists_boxes_range_and_formula_of_each():
    told, formulas, _ = listed()
    losses = {name: bl.get(name) for name in bl.losses()} | {"mpdiou": bl.MPDIoU(image_size=(480, 640))}
    for (name, loss), (written, boxes, value_range), formula in zip(losses.items(), told, formulas, strict=True):
        assert written.partition("(")[0] == name
        assert value_range == loss.value_range
        assert boxes in ("2-D", "2-D, rotated", "2-D, rotated, 3-D")
        assert formula == [name, loss.expression]


def test_losses_are_listed_as_options_take_them():
    """With every parameter, and its default: what `--loss` makes of the text is the loss of the name alone."""
    told, _, modified = listed()
    for written, *_ in told:
        name = written.partition("(")[0]
        loss = loss_of(written)
        if name == "mpdiou":
            assert loss == bl.MPDIoU(image_size=(480, 640))
        else:
            assert loss == bl.get(name)
        assert re.findall(r"(\w+)=", written) == [field.name for field in fields(loss)]
    names = []
    for written, _ in modified:
        # What has no default stands there by its name alone.
        loss = loss_of(re.sub(r", (\w+)(?=[,)])", r", \1=0.9", written.replace("(loss", "(giou")))
        names.append(type(loss).__name__)
        given = {field.name: 0.9 for field in fields(loss) if field.default is MISSING and field.name != "loss"}
        assert loss == type(loss)(bl.giou, **given)
        assert re.findall(r"[(,] ?(\w+)", written) == [field.name for field in fields(loss)]
    assert names == [kind.__name__ for kind in bl.MODIFIERS]


def test_lists_of_losses_are_narrow():
    """Of what is made of no loss: a terminal of 80 columns wraps a row of each."""
    _, output = run("losses")
    assert max(map(len, "\n\n".join(output.split("\n\n")[:2]).splitlines())) <= 84


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
def test_a_full_disk_is_one_line():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "boxloss", "losses"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "boxloss: [Errno 28] No space left on device\n")


def test_info(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    (tmp_path / "boxloss" / "version").mkdir(parents=True)
    (tmp_path / "boxloss" / "version" / "a.kernel").write_bytes(bytes(2_000_000))
    code, output = run("info")
    assert code == 0
    lines = dict(line.strip().split(maxsplit=1) for line in output.splitlines())
    assert lines["boxloss"] == bl.__version__
    assert lines["numpy"] == np.__version__
    assert lines["engines"] == ("array, numba" if cuda_support.missing() else "array, numba, cuda")
    assert lines["threads"] == str(bl.get_num_threads())
    assert lines["kernel"] == f"cache       {tmp_path / 'boxloss'}: 1 file, 2.0 MB"


def test_info_of_a_cache_that_cannot_be_read(tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    (tmp_path / "boxloss").mkdir()
    monkeypatch.setattr(os, "scandir", refuse)  # chmod does not stop root
    code, output = run("info")
    assert code == 0
    assert f"kernel cache       {tmp_path / 'boxloss'}: cannot be read: Permission denied" in output


def test_info_with_a_wrong_number_of_threads():
    """Which Numba does not say either, so the cache is unknown."""
    done = process("info", NUMBA_NUM_THREADS="0")
    assert done.returncode == 0
    assert "NUMBA_NUM_THREADS must be a whole number above 0; got '0'" in done.stdout
    assert "kernel cache" in done.stdout


def test_info_without_a_home(monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr("boxloss.engines.cache.cache_folder", lambda: None)
    assert "none: there is no folder to keep it in" in run("info")[1]


def test_info_of_a_gpu(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    (tmp_path / "boxloss" / "version").mkdir(parents=True)
    for digest in ("1a", "2b"):
        (tmp_path / "boxloss" / "version" / f"cuda-sm_90-pairwise-float32-GIoU-{digest}.kernel").touch()
    device = cuda_support.Device(0, "a GPU", (9, 0), 10)
    for name, value in {"missing": None, "driver_version": "13.0", "device_count": 1, "device": device}.items():
        monkeypatch.setattr(cuda_support, name, lambda *ordinal, value=value: value)
    _, output = run("info")
    lines = [line.strip() for line in output.splitlines() if line.strip().startswith(("engines", "CUDA"))]
    assert [line.split("  ")[-1].strip() for line in lines] == [
        "array, numba, cuda",
        "driver for CUDA 13.0",
        "device 0: a GPU, sm_90",
        "sm_90 pairwise float32 GIoU: 2",
    ]


def test_info_says_what_cuda_needs(monkeypatch):
    monkeypatch.setattr(cuda_support, "missing", lambda: "a CUDA device")
    assert "needs a CUDA device" in run("info")[1]


def test_version():
    assert run("--version") == (0, f"boxloss, version {bl.__version__}\n")


@pytest.mark.parametrize("args", [[], ["-h"], ["--help"]])
def test_help_names_the_commands(args):
    code, output = run(*args)
    assert code == 0
    assert all(command in output for command in ("score", "evaluate", "losses", "info", "--sample"))


def test_help_of_score_names_the_options():
    code, output = run("score", "-h")
    assert code == 0
    options = ("--losses", "--iou-threshold", "--per-category", "--engine", "--out", "--sample")
    assert all(option in output for option in options)


# --- On a terminal, in a thread --------------------------------------------------------------------------------------


def test_progress_names_the_step(monkeypatch):
    """As text: what is in brackets is no markup."""
    shown = io.StringIO()
    monkeypatch.setattr(console, "Console", lambda **options: Console(file=shown, force_terminal=True))
    with console.progress(3) as begin:
        begin("reading [red]")
    assert "reading [red]" in shown.getvalue()


def test_narrow_terminal_cuts_no_number_off(monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(console, "Console", lambda **options: Console(file=shown, force_terminal=True, width=20))
    table = Table(("loss",), ("mean", "Spearman with IoU"), [["squared_iou", "0.123456", "12 of 12"]])
    console.show("88 pairs of 146 detections", table)
    text = shown.getvalue()
    assert all(part in text for part in ("detections", "squared_iou", "0.123456", "12 of 12", "Spearman with IoU"))
    assert "…" not in text


def test_completion_of_losses():
    option = next(option for option in app.commands["score"].params if option.name == "losses")
    found = {text: [item.value for item in option.shell_complete(None, text)] for text in ("gi", "l1,hub", "x")}
    assert found == {"gi": ["giou"], "l1,hub": ["l1,huber"], "x": []}


def test_command_in_a_thread():
    """Where signals cannot be handled."""
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(run, "--version").result() == (0, f"boxloss, version {bl.__version__}\n")


# --- As a process ---------------------------------------------------------------------------------------------------


def process(*args, code="import boxloss.__main__ as m; m.main()", **environment):
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_module_runs():
    command = [sys.executable, "-m", "boxloss", "score", "--sample", "--losses", "giou", *QUICK]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "giou" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(("few", "compiled"), [(100, False), (10, True)])
def test_few_pairs_compile_nothing(few, compiled):
    code = (
        f"import sys; from boxloss.cli import app, score; sys.modules['boxloss.cli.score'].FEW = {few}\n"
        "try: app.main(['score', '--sample', '--loss', 'l1'])\n"
        f"finally: assert ('numba' in sys.modules) == {compiled}"
    )
    assert process(code=code).stderr == ""


def test_errors_go_to_stderr():
    done = process("score", "none.json", "none.json")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "boxloss: none.json: No such file or directory\n")


@pytest.mark.parametrize("missing", ["click", "rich", "scipy"])
def test_missing_extra(missing):
    done = process(code=f"import sys; sys.modules[{missing!r}] = None; import boxloss.__main__ as m; m.main()")
    expected = f'boxloss: the command line needs {missing}: pip install "boxloss[cli]"\n'
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


@pytest.mark.parametrize(("name", "code", "told"), [("SIGINT", 130, "\n"), ("SIGTERM", 143, "")])
def test_interruption_while_llvm_calls_back(name, code, told):
    """Where Python prints an exception and goes on."""
    command = (
        "import ctypes, signal, time; from boxloss.cli import app\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job of a shell's background ignores it
        f"compiles = ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.{name}))\n"
        "def work():\n    compiles()\n    for _ in range(600): time.sleep(0.05)\n"
        "app.command('work')(work)\n"
        "app.main(['work'])"
    )
    done = process(code=command)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", told)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_info_says_why_kernels_are_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    (tmp_path / "boxloss").mkdir()
    (tmp_path / "boxloss").chmod(0o777)
    _, output = run("info")
    assert "not used, since others can write to it" in " ".join(output.split())
