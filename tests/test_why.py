"""docs/why-iou-losses.md and docs/lab/simulate.md: their tables are what the commands print, and the sentences of the
former are what the tables say.

The commands take minutes; here they are repeated with fewer points and pairs, for a few losses, and compared as closely
as the smaller samples allow.
"""

import re
import runpy
import shlex
from pathlib import Path

import numpy as np
import pytest

import boxloss as bl
from boxloss import lab
from boxloss.cli.expressions import loss_of, split
from boxloss.lab.protocols import PROTOCOLS
from boxloss.lab.published import PUBLISHED_ERROR

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "why-iou-losses.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```console\n\$ (.*?)\n(.*?)^```$", re.M | re.S)
BLOCKS = dict(BLOCK.findall(PAGE))
SIMULATIONS = dict(BLOCK.findall((DOCS / "lab" / "simulate.md").read_text(encoding="utf-8")))
TRAINING = {
    f"{page.stem}: {command}": (command, block)
    for page in (DOCS / "why-iou-losses.md", DOCS / "lab" / "train.md")
    for command, block in BLOCK.findall(page.read_text(encoding="utf-8"))
    if "--training" in command
}
PROSE = re.sub(r"^```.*?^```$", "", PAGE, flags=re.M | re.S)
LOSSES = ("l1", "giou", "ciou")
STEPS = [0, 10, 50, 100, 160, 200]


def numbers(block, *names):
    """Each line of a block that begins with these words, as numbers."""
    lines = [line.split() for line in block.splitlines()]
    found = [line[len(names) :] for line in lines if line[: len(names)] == list(names)]
    assert found
    return np.asarray(found, dtype=float)


def option(command, name, default):
    """The value of an option of a command."""
    found = re.search(rf"--{name} (\S+)", command)
    return found[1] if found else default


def test_numbers_of_the_text_are_in_the_tables():
    told = re.findall(r"(?<![\w.:])\d+\.\d+(?![\w.])", re.sub(r"\]\([^)]*\)", "]", PROSE))
    shown = {number.lstrip("-") for number in re.findall(r"-?\d+\.\d+", "".join(BLOCKS.values()))}
    assert len(told) > 20
    assert not [number for number in told if number not in shown | {"0.4", "0.02", "0.01", "0.03"}]


@pytest.mark.parametrize("command", [command for command in BLOCKS if command.startswith("boxloss simulate")])
def test_simulations(command):
    how = {name: option(command, name, default) for name, default in (("sizes", "unit"), ("coordinates", "absolute"))}
    gradient = option(command, "gradient", "true")
    names = [name for name in LOSSES if f"--loss {name} " in f"{command} "]
    assert len(names) >= 2
    for name in names:
        error, iou = numbers(BLOCKS[command], name)
        (found,) = lab.simulate(bl.get(name), gradient=gradient, points=1000, **how)
        np.testing.assert_allclose(found.iou[STEPS], iou, atol=0.03)
        np.testing.assert_allclose(found.error[STEPS], error, rtol=0.12)


def simulated(command):
    """What a command of the page on simulations asks for: the protocol, and the losses as they are written."""
    words = shlex.split(command)
    options = list(zip(words[2::2], words[3::2], strict=True))
    names = [name for option, value in options if option == "--loss" for name in split(value)]
    return dict(options).get("--protocol", "diou2020"), names


PROTOCOL_OF = {command: simulated(command)[0] for command in SIMULATIONS if command.startswith("boxloss simulate")}


@pytest.mark.parametrize("command", PROTOCOL_OF, ids=PROTOCOL_OF.get)
def test_simulations_by_protocol(command):
    """Every other row, with fewer points."""
    protocol, names = simulated(command)
    errors, ious = SIMULATIONS[command].split("\n\n")
    steps = [int(step) for step in re.findall(r"\d+", errors.splitlines()[0])]
    for table in (errors, ious):
        assert [re.split(r" {2,}", line)[0] for line in table.splitlines()[2:]] == names
    for name in names[::2]:
        (found,) = lab.simulate(loss_of(name), protocol, points=1000)
        np.testing.assert_allclose(found.error[steps], numbers(errors, *name.split())[0], rtol=0.08, err_msg=name)
        np.testing.assert_allclose(found.iou[steps], numbers(ious, *name.split())[0], atol=0.03, err_msg=name)


def test_the_page_on_simulations_has_each_protocol_of_later_papers():
    assert set(PROTOCOL_OF.values()) == set(PROTOCOLS) - {"rotated"}  # which docs/rotated.md shows


def test_both_pages_show_the_same_published_curve():
    command = "python docs/make_why.py --published"
    assert SIMULATIONS[command] == BLOCKS[command]


def test_a_simulation_of_full_size():
    command = next(command for command in BLOCKS if command.startswith("boxloss simulate --loss"))
    (found,) = lab.simulate(bl.ciou)
    np.testing.assert_allclose([found.error[STEPS], found.iou[STEPS]], numbers(BLOCKS[command], "ciou"), rtol=1e-3)


@pytest.mark.parametrize("command", [command for command in BLOCKS if command.startswith("boxloss correlate")])
def test_correlations(command):
    for name in LOSSES:
        found = lab.correlate(bl.get(name), option(command, "pairs", None), count=50_000)
        for shown, group in ((found.all, "all"), (found.overlapping, "overlapping")):
            ((size, spearman, kendall, spread, low, high, residual),) = numbers(BLOCKS[command], name, group)
            np.testing.assert_allclose(shown.size / 50_000, size / 1_000_000, atol=0.01)
            np.testing.assert_allclose([shown.spearman, shown.kendall], [spearman, kendall], atol=0.01)
            np.testing.assert_allclose([shown.spread, shown.residual], [spread, residual], atol=0.02)
            np.testing.assert_allclose([shown.low, shown.high], [low, high], rtol=0.15)


def test_share_without_slope():
    """Of a plane of 6 x 6, all but 2 x 2 around the target."""
    (block,) = (block for command, block in BLOCKS.items() if command.startswith("boxloss landscape"))
    assert re.search(r"^iou +(\S+) %", block, re.M)[1] == f"{100 * (1 - 4 / 36):.1f}" == "88.9"


def test_published_curve():
    block = BLOCKS["python docs/make_why.py --published"]
    rows = [line for line in block.splitlines() if line]
    assert len(rows) == 4 * len(PUBLISHED_ERROR)
    for i, (name, figure) in enumerate(PUBLISHED_ERROR.items()):
        title, published, reproduced, off = (line.split() for line in rows[4 * i : 4 * i + 4])
        assert title == [name, "step", *map(str, figure)]
        assert list(map(float, published[1:])) == list(figure.values())
        assert np.abs(np.asarray(off[2:], dtype=float)).max() < 1.0
        limits = [max(0.05 * value, 0.02) for value in figure.values()]
        differences = np.asarray(reproduced[1:], dtype=float) - list(figure.values())
        np.testing.assert_allclose(np.asarray(off[2:], dtype=float) * limits, differences, atol=0.003)


@pytest.mark.parametrize("name", TRAINING)
def test_tables_of_trainings_are_those_of_the_published_results(name, capsys):
    command, block = TRAINING[name]
    runpy.run_path(str(DOCS / "make_why.py"))["training"](*command.split()[3:])
    printed = capsys.readouterr().out
    assert [line.rstrip() for line in printed.strip().splitlines()] == block.splitlines()


def test_numbers_of_the_text_on_training_are_in_its_tables():
    page = (DOCS / "lab" / "train.md").read_text(encoding="utf-8")
    results = re.sub(r"^```.*?^```$", "", page[page.index("## Results") : page.index("## Limits")], flags=re.M | re.S)
    told = re.findall(r"(?<![\w.:])\d+\.\d{2,}", results)
    shown = set(re.findall(r"\d+\.\d+", "".join(block for _, block in BLOCK.findall(page))))
    assert len(told) > 8
    assert not [number for number in told if number not in shown]
