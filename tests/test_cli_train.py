"""``boxloss train``, its tables and figures, and the published results."""

import importlib
import json

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.colors import to_hex

import boxloss as bl
from boxloss import lab, plot
from boxloss.cli import app, trained
from boxloss.cli.training_story import story
from boxloss.lab import Contender, Training
from boxloss.lab.training import jobs
from boxloss.lab.training.contenders import contenders
from boxloss.lab.training.regimes import REGIMES
from documents import ROOT

train = importlib.import_module("boxloss.cli.train")  # the package has the command under this name


def run(*args):
    """Exit code and output, errors among it."""
    result = CliRunner().invoke(app, ["train", *map(str, args)], prog_name="boxloss")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def made(regime="near", losses=(bl.l1, bl.giou, bl.ciou), shift=-0.02):
    """A training in which L1 in pixels is behind by `shift` and CIoU is not."""
    several = contenders(losses)
    base = 0.5 + 0.01 * np.arange(4)
    noise = {"l1 in pixels": [shift, shift + 1e-4, shift, shift - 1e-4], "ciou": [0.01, -0.01, 0.01, -0.01]}
    ap = np.stack([base + np.asarray(noise.get(one.name, [0.0] * 4)) for one in several])
    validation = np.tile([0.3, 0.4, 0.5, 0.4, 0.3], (len(several), 1))
    chosen = np.full(len(several), 2)
    steps = np.asarray([10, 100])
    curve = np.stack([ap.mean(axis=1) - 0.1, ap.mean(axis=1)], axis=1)
    rates = np.asarray([0.002, 0.004, 0.008, 0.016, 0.032])
    return Training(regime, several, Contender(bl.giou), 0, 1.0, rates, validation, chosen, ap, ap, ap, steps, curve)


# --- The command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def quickest(monkeypatch, tmp_path):
    """The options of the least that can be trained, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "QUICK", {"share": 0.01, "trainings": 2, "tunings": 1})
    return ("--quick", "--workers", "1", "--regime", "near", "--loss", "l1,giou")


def test_it_trains_writes_and_goes_on(quickest, tmp_path):
    paths = [tmp_path / name for name in ("made.png", "made.csv", "made.json")]
    code, output = run(*quickest, *(word for path in paths for word in ("--out", path)))
    assert code == 0, output
    assert "boxloss: near: 21 of 21 trainings" in output
    assert "Limits: a toy." in output
    (found,) = lab.train([bl.l1, bl.giou], share=0.01, trainings=2, tunings=1)
    document = json.loads(paths[2].read_text())
    assert document["settings"]["losses"] == ["l1", "giou"]
    assert document["settings"]["share"] == 0.01
    (again,) = map(trained.training_of, document["results"])
    np.testing.assert_allclose(again.ap75, found.ap75, atol=1e-6)
    np.testing.assert_allclose(again.curve, found.curve, atol=1e-6)
    assert (again.contenders, again.baseline) == (found.contenders, found.baseline)
    assert paths[1].read_text().startswith("regime,loss,metric,mean,low,high,p,adjusted\nnear,l1 on deltas,ap,")
    assert {path.name for path in tmp_path.iterdir()} == {"boxloss-train.db", *(path.name for path in paths)}
    code, more = run(*quickest, "--plot", "steps", "--out", tmp_path / "steps.csv")
    assert code == 0
    assert "21 of 21" in more
    assert "1 of 21" not in more.replace("21 of 21", "")
    lines = (tmp_path / "steps.csv").read_text().splitlines()
    assert lines[0] == "regime,loss,step,ap"
    assert len(lines) == 1 + 3 * len(found.steps)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--detector", "--regime", "near"), "--detector is an experiment of its own: leave out --regime"),
        (("--trainings", "1"), "Invalid value for '--trainings'"),
        (("--regime", "nere"), "Did you mean 'near'?"),
        (("--runs", "."), ".: cannot be opened"),
    ],
)
def test_errors(options, text, quickest):
    code, output = run(*quickest[:3], *options)
    assert code == 2
    assert text in output
    assert len(output.splitlines()) == 1


# --- Tables and sentences -------------------------------------------------------------------------------------------


def test_table_marks_what_is_left_after_the_correction():
    shown = trained.table([made(), made("far")])
    assert shown.column("loss") == 2 * ["l1 on deltas", "l1 in pixels", "giou", "ciou"]
    ap = shown.column("AP, or its difference to giou")
    assert ap[0] == "+0.0000 (+0.0000 to +0.0000) "
    assert ap[1].startswith("-0.0200 (-0.0201 to -0.0199)*")
    assert ap[2] == "0.5150"
    assert ap[3].endswith("+0.0184) ")


def test_spread_compares_losses_and_rates():
    (row,) = trained.spread_table([made()]).rows
    assert row == ["near", "0.0000", "0.0200", "0.2000"]


def test_sentences_count_and_name_rates_at_the_ends():
    claim, limits = trained.sentences([made()])
    assert claim.startswith("Of 3 differences of AP to giou, 1 are below 0 and 0 above")
    assert limits.startswith("Limits: a toy.")
    result = made()
    result.chosen[1] = 4
    assert trained.sentences([result])[2].endswith("that was tried for l1 in pixels (near).")


# --- Figures --------------------------------------------------------------------------------------------------------


def test_differences_are_filled_where_they_are_sure():
    figure = plot.differences([made(), made("mixed")])
    assert [panel.get_title().split("\n")[0] for panel in figure.axes] == ["near proposals", "mixed sizes"]
    panel = figure.axes[0]
    assert [text.get_text() for text in panel.get_yticklabels()] == ["l1 on deltas", "l1 in pixels", "ciou"]
    points = [container[0] for container in panel.containers]
    np.testing.assert_allclose([point.get_xdata()[0] for point in points], [0.0, -0.02, 0.0], atol=1e-9)
    assert [to_hex(point.get_markerfacecolor()) == "#ffffff" for point in points] == [True, False, True]


def test_steps_have_a_line_a_loss():
    (panel,) = plot.training(made()).axes
    assert [line.get_label() for line in panel.lines] == ["l1 on deltas", "l1 in pixels", "giou", "ciou"]
    np.testing.assert_allclose(panel.lines[2].get_xydata(), [[10, 0.415], [100, 0.515]])


def test_errors_of_figures():
    with pytest.raises(TypeError, match="results must be of Training, one or several; got str"):
        plot.training("near")
    with pytest.raises(ValueError, match="metric must be one of"):
        plot.differences(made(), "ar")


# --- What is published ----------------------------------------------------------------------------------------------


def test_published_results_are_of_the_whole_experiment():
    found = trained.published()
    assert [result.regime for result in found] == list(train.REGIMES)
    for result in found:
        assert result.contenders == contenders(map(bl.get, train.LOSSES))
        assert result.ap.shape[1] == train.TRAININGS >= 10
        assert result.share == 1.0
        assert result.steps[-1] == REGIMES[result.regime].steps
        assert result.rates.tolist() == list(REGIMES[result.regime].rates)
    # The pages say so of this one.
    assert trained.sentences(found)[2].endswith("lowest or the highest that was tried for log_iou (far).")


def test_a_published_run_comes_out_again():
    """To what the arithmetic of another machine may move it."""
    found = trained.published()[0]
    place = [one.name for one in found.contenders].index("ciou")
    contender, rate = found.contenders[place], found.rates[found.chosen[place]]
    run = jobs.run(jobs.Job("near", contender, rate, "test", found.seed, 0, 1.0))
    assert run.scores[-1] == pytest.approx([found.ap[place, 0], found.ap50[place, 0], found.ap75[place, 0]], abs=0.02)


def test_the_detector_is_told_of_as_it_was_published():
    told = story("detector")
    assert told.sentence.startswith("AP less that of giou, here: losses of coordinates ")
    assert told.title == "Does the loss matter for AP? A convolutional detector"
    assert told.command == "boxloss train --detector --out detector.json"
    (found,) = told.results
    assert all(0 < chosen < len(found.rates) - 1 for chosen in found.chosen), "the best rate is no end of those tried"
    page = (ROOT / "docs/lab/train.md").read_text(encoding="utf-8")
    for row in told.table.rows:
        assert all(part.strip() in page for part in row)


def test_story():
    told = story()
    assert told.sentence.startswith("AP less that of giou, in 4 regimes: losses of coordinates ")
    assert told.sentence in told.alt
    assert [result.regime for result in told.results] == list(train.REGIMES)
    assert told.command == "boxloss train --out regressor.json"
    assert "toy" in told.limits
