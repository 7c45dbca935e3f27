"""The command line: lists of losses, version and help, and how it behaves on a terminal and in a thread."""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, fields

import pytest
from rich.console import Console

import boxloss as bl
from boxloss.cli import app, console
from boxloss.cli.expressions import loss_of
from boxloss.cli.tables import Table
from commands import run


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
