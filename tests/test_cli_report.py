"""The report of `boxloss report`."""

import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from markupsafe import Markup

import boxloss as bl
from boxloss import lab
from boxloss.cli import app, trained, training_story
from boxloss.cli.descend import protocol_rate
from boxloss.cli.report import exploring, glance, measure, sections, simulation, story, training
from boxloss.cli.report.page import Section, minus
from boxloss.cli.report.settings import Settings
from boxloss.data import sample
from commands import error, run, starts, stop


class Page(HTMLParser):
    """Drawings, pictures, words and table rows of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.sources, self.rows, self.words = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        attributes = dict(attributes)
        if tag == "svg":
            assert attributes.get("aria-label") or attributes["aria-hidden"] == "true"
        self.sources += [attributes[name] for name in ("src", "srcset", "href") if name in attributes]
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, text):
        self.words.append(text)
        if text.strip() and self.tags[-1] in ("th", "td"):
            self.rows[-1].append(text)


STEPS_OF_A_LOSS = 8  # landscapes, descents by two optimizers, three kinds of pairs, two simulations
PLANE = ("--target", 0, 0, 2, 1, "--pred-size", 1, 2)
BALL = (*PLANE, "--parametrisation", "cxcywh", "--seed", 2)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The page of a quick report on two losses and the sample."""
    folder = tmp_path_factory.mktemp("made") / "report"
    options = ("--loss", "l1", "--loss", "giou", "--quick", "--seed", "2", "--out", folder)
    done = CliRunner().invoke(app, ["report", *map(str, [*sample(), *options])], prog_name="boxloss")
    assert done.exit_code == 0, done.output
    assert re.fullmatch(rf"{re.escape(str(folder))}/index.html: \d\.\d MB; open it in a browser\n", done.stdout)
    lines, count = done.stderr.splitlines(), 2 * STEPS_OF_A_LOSS + 1  # one has a released gradient
    assert [line.split(":")[1] for line in lines] == [f" {step} of {count}" for step in range(1, count + 1)]
    assert lines[0] == "boxloss: 1 of 17: landscapes of L1"
    assert {path.name for path in folder.iterdir()} == {"index.html", "explore.html"}
    return (folder / "index.html").read_text(encoding="utf-8")


def test_report_is_one_file_with_everything_in_it_but_the_explorer(report):
    page = Page(report)
    assert [source for source in page.sources if not source.startswith(("data:", "#"))] == ["explore.html"]
    drawings = re.findall(r'<svg class="(\w+)"', report)
    assert [drawings.count(kind) for kind in ("tile", "chart")] == [8 + 4 + 2 + 4 + 2 + 2, 1 + 2 + 4]
    assert page.tags.count("table") == 14
    assert not {"script", "iframe"} & set(page.tags)
    assert "url(" not in report
    assert len(report) < 1_000_000


def test_report_has_the_numbers_of_the_commands(report):
    table = Page(report).rows
    plane = lab.landscape(bl.giou, (0, 0, 2, 1), (1, 2), 3, 60).statistics
    assert ["GIoU", "2.8 %", "0.0 %", f"{plane.mean_cosine:.4g}"] in [row[:4] for row in table]
    (ran,) = lab.simulate(bl.giou, points=200, seed=2)
    expected = [f"{number:.4g}" for number in ran.error[[0, 10, 50, 100, 160, 200]]]
    assert ["GIoU", *expected] in table


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("landscape", PLANE),
        ("landscape", (*PLANE, "--vary", "wh", "--pred-center", 0.5, 0.5)),
        ("descend", BALL),
        ("descend", (*BALL, "--optimizer", "adam")),
        ("correlate", ("--seed", 2)),
    ],
)
def test_report_has_the_tables_of_the_commands(command, options, report):
    """Cell for cell, and the commands themselves; the report counts losses as classes do."""
    table = [[cell.replace("\N{MINUS SIGN}", "-") for cell in row] for row in Page(report).rows]
    _, output = run(command, "--loss", "l1,giou", "--quick", *options)
    printed = [re.split(r" {2,}", line.strip()) for line in output.splitlines()]
    assert next(row for row in printed if row[0] == "loss") in table
    for row in printed:
        if row[0] in ("l1", "giou"):
            assert [{"l1": "L1", "giou": "GIoU"}[row[0]], *row[1:]] in table
    lines = "".join(Page(report).words).splitlines()
    written = [shlex.split(line) for line in lines if line.startswith(f"boxloss {command} ")]
    assert any(set(map(str, options)) <= set(line) for line in written)


def test_report_says_what_the_tiles_show(report):
    text = "".join(Page(report).words)
    ball = {
        name: lab.descend(bl.l1, starts((0, 0, 2, 1), (1, 2), 2), (0, 0, 2, 1), name, protocol_rate(200), 200)
        for name in ("sgd", "adam")
    }
    sgd, adam = (np.sum(bl.iou_score(one.final, one.target, format="cxcywh") >= 0.9) for one in ball.values())
    assert f"of 12 arrive: SGD {sgd}, Adam {adam}" in text
    found = lab.correlate(bl.l1, "mixed", count=20_000, seed=2).all
    assert f"Leads every box home, but is anything from {found.low:.3g} to {found.high:.3g} at an IoU of 0.4." in text
    assert f"{found.low:.3g} to {found.high:.3g} at IoU 0.4; spread {found.spread:.2f}" in text


def test_report_says_who_stays_and_who_is_slow():
    """A box without a slope stays with any optimizer; one that Adam brings home was slow."""
    settings = Settings(("iou", "giou", "diou", "ciou"), None, 0, quick=True)
    falls = [measure.fall(settings, loss, lambda step: None) for loss in settings.losses]
    measured = measure.Measured(settings, falls, {}, [], None, measure.Races([], [], []))
    text = sections.reached(measured)
    stuck = falls[0].balls["SGD"]
    flat = np.all(bl.iou.value_and_grad(stuck.start, stuck.target, format="cxcywh")[1] == 0.0, axis=-1)
    assert text.startswith(f"Some never move with either optimizer: on IoU {flat.sum()}.")
    assert "slow, not stuck: GIoU (mean IoU 0." in text
    assert "IoU (mean" not in text.split(":")[2].split(",")[0].replace("GIoU", "")
    words = glance.verdict(falls[1], lab.correlate(bl.l2, "mixed", count=20_000))
    assert words.startswith("Leads every box home with Adam, but is anything from ")  # large boxes stretch its range
    (told,) = sections.difference(measured)
    added = falls[3].places.value - falls[2].places.value
    assert f"from {added.min():.3f} to {added.max():.3f}" in told


def test_relative_slope_is_one_on_a_ramp_and_two_on_a_bowl():
    for loss, expected in ((bl.l1, 1.0), (bl.l2, 2.0)):
        plane = lab.landscape(loss, (0, 0, 1, 1), (1, 1), 3, 21)  # a sample on the target, whose loss is the lowest
        slope = measure.relative_slope(plane)
        away = np.hypot(*np.moveaxis(plane.to_target, -1, 0)) > 0.1
        np.testing.assert_allclose(slope[away], expected, rtol=1e-9)
        assert slope[~away].tolist() == [0.0]
    flat = lab.landscape(bl.iou, (0, 0, 1, 1), (1, 1), 3, 20)
    assert np.all(measure.relative_slope(flat)[flat.iou == 0.0] == 0.0)


def test_report_tells_of_the_published_trainings(report):
    """The result with its limits, an interval for each difference, filled if it is sure, and the table."""
    text, told, compared = "".join(Page(report).words), training_story.story(), lab.differences(trained.published())
    assert all(part in text for part in (told.title, minus(told.sentence), told.limits, told.command))
    assert report.count('<path class="spread ') == len(compared)
    sure = sum(one.adjusted < 0.05 for one in compared)
    assert report.count(' sure" cx=') == sure + len(told.results)  # with those that explain the colours
    of_detector = training_story.story("detector")
    assert all(part in text for part in (of_detector.title, minus(of_detector.sentence), of_detector.limits))
    for row in (*told.table.rows, *of_detector.table.rows):
        assert [cell.strip().replace("-", "\N{MINUS SIGN}") for cell in row[2:]] in [
            [cell.strip() for cell in shown[2:]] for shown in Page(report).rows
        ]


def test_intervals_are_where_the_axis_says():
    """The line of 0 lies between the ends of an interval if, and only if, it is in it."""
    found = trained.published()
    drawn = training.forest(found, "")
    zero = float(re.search(r'class="grid zero" d="M([\d.]+) ', drawn)[1])
    ends = [tuple(map(float, line)) for line in re.findall(r'class="spread c\d" d="M([\d.]+) [\d.]+H([\d.]+)"', drawn)]
    compared = sorted(lab.differences(found), key=lambda one: list(names(found)).index(one.contender.name))
    clear = [(one, line) for one, line in zip(compared, ends, strict=True) if min(abs(one.low), abs(one.high)) > 2e-3]
    assert len(clear) > 10
    assert all((low < zero < high) == (one.low < 0.0 < one.high) for one, (low, high) in clear)


def names(found):
    """Names of losses, in their order."""
    return dict.fromkeys(one.name for result in found for one in result.contenders)


def test_report_links_to_a_page_that_shows_the_last_loss_first(report, tmp_path):
    assert "boxloss explore --loss giou --out explore.html" in "".join(Page(report).words)
    settings = Settings(("l1", "giou"), None, 0, quick=True)
    assert exploring.explorer(settings) == lab.explore(bl.giou)
    some = Settings(("iou", "focal(l1+giou)"), None, 0, quick=True)  # the page has no modifiers of a sum
    assert exploring.shown_first(some) == 0
    assert exploring.shown_first(Settings(some.names[1:], None, 0, quick=True)) is None


def test_report_says_how_to_make_it_again(report):
    text = "".join(Page(report).words)
    assert "boxloss simulate --sizes mixed --coordinates relative --seed 2" in text
    assert re.search(r"boxloss report \S+ground_truth.json \S+detections.json --out \S+ --seed 2 --loss l1", text)
    assert np.__version__ in text


def test_report_says_how_much_of_the_simulation_was_run():
    some, full = (Settings(("l1",), None, 0, quick=False, full=full) for full in (False, True))
    assert (some.points, full.points) == (1000, 5000)
    assert "--full" in full.report_command(Path("made"))
    (race,) = lab.simulate(bl.l1, points=3)
    for settings, points in ((some, True), (full, False)):
        measured = measure.Measured(settings, [], {}, [], None, measure.Races([race], [race], []))
        assert simulation.text(measured)[0].startswith("1,029 anchors at 3 centres, of the paper's 1,715,000 at 5000")
        assert any("--points 1000" in command for command in simulation.commands(measured)) is points


def test_report_takes_quick_or_full():
    assert error("report", "--quick", "--full") == ("Give --quick or --full, not both. Try 'boxloss report --help'.")


def test_report_of_one_loss(tmp_path, monkeypatch):
    """With a section that has a page of its own, and one that does not apply."""
    own = Section("own", "Own & more", ["A sentence < two."], html=Markup("<canvas></canvas>"))
    monkeypatch.setattr(story, "SECTIONS", (story.glance, lambda measured: None, lambda measured: own))
    assert run("report", "--quick", "--loss", "giou", "--out", tmp_path)[0] == 0
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count('<article class="card">') == 1
    assert page.count("<section") == 2
    assert all(part in page for part in ('href="#own"', "Own &amp; more", "A sentence &lt; two.", "<canvas></canvas>"))


def test_report_leaves_nothing_when_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(lab, "descend", stop)
    assert run("report", "--loss", "giou", "--quick", "--out", tmp_path / "report")[0] == 130
    assert list(tmp_path.iterdir()) == []


def test_report_keeps_what_is_in_the_folder(tmp_path, monkeypatch):
    (tmp_path / "index.html").write_text("old")
    monkeypatch.setattr(lab, "descend", stop)
    run("report", "--loss", "giou", "--quick", "--out", tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_report_where_no_folder_can_be(tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "report"
    assert error("report", "--out", path) == f"{path}: cannot be made: Not a directory"


def test_minus_signs():
    """Of numbers, not of names, options and ranges."""
    assert minus("-0.5 to -.2 (-3), mean-1 of a-2.json --seed 1") == (
        "\N{MINUS SIGN}0.5 to \N{MINUS SIGN}.2 (\N{MINUS SIGN}3), mean-1 of a-2.json --seed 1"
    )
    assert isinstance(minus(Markup("<b>-1</b>")), Markup)
