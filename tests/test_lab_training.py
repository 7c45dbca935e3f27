"""Trainings: that they are paired and go on, and what is said of their differences."""

import multiprocessing
import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import boxloss as bl
from boxloss import lab
from boxloss.lab.training import crew, experiment, jobs, statistics
from boxloss.lab.training.contenders import Contender, contenders
from errors import check_error, table

TINY = {"share": 0.01, "trainings": 2, "tunings": 1}


@pytest.fixture(scope="module")
def tiny():
    (result,) = lab.train([bl.l1, bl.giou], **TINY)
    return result


# --- Trainings ------------------------------------------------------------------------------------------------------


def test_a_loss_of_coordinates_is_trained_on_twice():
    assert [c.name for c in contenders([bl.l1, bl.iou, bl.iou, bl.SmoothL1(beta=0.5)])] == [
        "l1 on deltas",
        "l1 in pixels",
        "iou",
        "SmoothL1(coordinates='xyxy', beta=0.5) on deltas",
        "SmoothL1(coordinates='xyxy', beta=0.5) in pixels",
    ]


def test_training_is_of_the_shape_that_it_says(tiny):
    assert [c.name for c in tiny.contenders] == ["l1 on deltas", "l1 in pixels", "giou"]
    assert tiny.baseline == Contender(bl.giou)
    assert tiny.validation.shape == (3, 5)
    np.testing.assert_array_equal(tiny.chosen, tiny.validation.argmax(axis=1))
    assert tiny.ap.shape == tiny.ap50.shape == tiny.ap75.shape == (3, 2)
    np.testing.assert_array_equal(tiny.curve[:, -1], tiny.ap.mean(axis=1))
    assert tiny.steps[-1] == 10
    assert (tiny.ap50 >= tiny.ap75).all()


def test_the_same_seed_gives_the_same_and_another_another(tiny):
    again, other = (lab.train([bl.l1, bl.giou], seed=seed, **TINY)[0] for seed in (0, 1))
    np.testing.assert_array_equal(again.ap, tiny.ap)
    np.testing.assert_array_equal(again.validation, tiny.validation)
    assert (other.ap != tiny.ap).any()


def test_all_losses_start_from_the_same_boxes_and_learn():
    given = {"rate": 0.008, "split": "test", "seed": 0, "number": 0, "share": 0.05}
    runs = [jobs.run(jobs.Job("near", one, **given)) for one in contenders([bl.l2, bl.giou])]
    assert all(run.scores[-1][0] > run.scores[0][0] + 0.03 for run in runs)
    assert len({run.scores for run in runs}) == 3
    still = [jobs.run(jobs.Job("near", one, **given | {"rate": 1e-9})) for one in contenders([bl.l2, bl.giou])]
    assert len({run.scores for run in still}) == 1


def test_two_processes_give_the_same(tiny, monkeypatch):
    """Without a semaphore, which would be left behind by a command that is ended."""
    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", lambda *_: pytest.fail("a semaphore"))
    (result,) = lab.train([bl.l1, bl.giou], workers=2, **TINY)
    np.testing.assert_array_equal(result.ap, tiny.ap)


def test_what_goes_wrong_in_a_process_is_told():
    job = jobs.Job("near", Contender(bl.giou), 0.008, "test", 0, 0, 0.01)
    wrong = replace(job, regime="none")
    with crew.crew(2) as runner:
        with pytest.raises(KeyError, match="none"):
            list(runner([wrong, job, job]))
        several = runner([job] * 20)
        assert next(several) == (job, jobs.run(job))
        for process in multiprocessing.active_children():
            process.kill()
        with pytest.raises(RuntimeError, match=r"a process of lab\.train ended with exit code -?\d+, without a result"):
            list(several)
    assert multiprocessing.active_children() == []


def test_a_run_that_was_ended_goes_on(tiny, tmp_path, monkeypatch):
    path, ran = tmp_path / "runs.db", []
    monkeypatch.setattr(crew, "run", lambda job: ran.append(job) or jobs.run(job))

    def stop(regime, done, total):
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lab.train([bl.l1, bl.giou], runs=path, progress=stop, **TINY)
    told = []
    (result,) = lab.train([bl.l1, bl.giou], runs=path, progress=lambda *call: told.append(call), **TINY)
    np.testing.assert_array_equal(result.ap, tiny.ap)
    assert len(ran) == len(set(ran)) == 3 * (5 + 2)
    assert told == [("near", done, 21) for done in range(7, 22)]
    lab.train([bl.l1, bl.giou], runs=path, **TINY)
    assert len(ran) == 21


def test_a_run_is_kept_whole_or_not_at_all(tmp_path):
    """A writer that dies in the middle leaves what was there."""
    path = tmp_path / "runs.db"
    with experiment.records(path) as kept:
        kept.add("a", jobs.Run((1,), ((0.1, 0.2, 0.3),)))
        kept.connection.execute("INSERT INTO runs VALUES (1, 'b', '{')")  # not yet committed
    with experiment.records(path) as kept:
        assert kept.runs == {"a": jobs.Run((1,), ((0.1, 0.2, 0.3),))}


def test_files_of_another_kind(tmp_path):
    text, other = tmp_path / "text", tmp_path / "other.db"
    text.write_text("no database " * 99)
    with pytest.raises(ValueError, match="is not a file of runs"):
        lab.train(bl.giou, runs=text, **TINY)
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE runs (version, job, run)")
        connection.execute("INSERT INTO runs VALUES (1, 'a', '[]')")
    connection.close()
    with pytest.raises(ValueError, match="is not a file of runs"):
        lab.train(bl.giou, runs=other, **TINY)
    with pytest.raises(OSError, match="cannot be opened"):
        lab.train(bl.giou, runs=tmp_path, **TINY)


def called(losses=bl.giou, regimes="near", **options):
    return lambda: lab.train(losses, regimes, **TINY | options)


REGIMES = "'near', 'far', 'long', 'mixed', 'detector'"


@table(
    ("loss", called(["giou"]), TypeError, "loss must be a loss such as boxloss.giou; got str"),
    ("baseline", called(baseline=1), TypeError, "loss must be a loss such as boxloss.giou; got int"),
    ("regime", called(regimes="close"), ValueError, f"regimes must be one of {REGIMES}; got 'close'"),
    ("trainings", called(trainings=0), ValueError, "trainings must be at least 1; got 0"),
    ("tunings", called(tunings=1.5), TypeError, "tunings must be a whole number; got float"),
    ("share", called(share=0), ValueError, "share must be greater than 0 (1e-30 or more); got 0.0"),
    ("seed", called(seed=-1), ValueError, "seed must not be negative; got -1"),
    ("workers", called(workers=0), ValueError, "workers must be at least 1; got 0"),
)
def test_errors(call, kind, text):
    check_error(call, kind, text)


@pytest.mark.parametrize(
    ("missing", "text"),
    [
        ("sklearn", 'boxloss.lab.train needs scikit-learn: pip install "boxloss[lab]"'),
        ("torch", 'the regime "detector" needs torch: pip install "boxloss[torch]"'),
    ],
)
def test_what_is_missing_is_said(missing, text, monkeypatch):
    monkeypatch.setattr(experiment, "find_spec", lambda name: None if name == missing else name)
    check_error(called(regimes="detector"), ImportError, text)


# --- Differences ----------------------------------------------------------------------------------------------------


def test_interval_and_p_are_students(rng):
    values = rng.normal(0.01, 0.02, 12)
    mean, low, high, p = statistics.paired(values)
    expected = stats.ttest_1samp(values, 0.0)
    assert (mean, p) == pytest.approx((values.mean(), expected.pvalue))
    assert (low, high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert statistics.paired(np.zeros(3)) == (0.0, 0.0, 0.0, 1.0)
    assert statistics.paired(np.full(3, 0.5)) == (0.5, 0.5, 0.5, 0.0)


def test_holm():
    """0.01 x 4, 0.02 x 3, then at least as much, and 1 at most."""
    assert statistics.holm([0.02, 0.6, 0.01, 0.025]) == pytest.approx([0.06, 0.6, 0.04, 0.06])
    assert statistics.holm([0.9, 0.8]) == [1.0, 1.0]
    assert statistics.holm([]) == []


def test_differences_are_paired_and_corrected_together(tiny):
    several = lab.differences([tiny, tiny], "ap75")
    assert [(d.regime, d.contender.name) for d in several] == 2 * [("near", "l1 on deltas"), ("near", "l1 in pixels")]
    one = tiny.ap75[0] - tiny.ap75[2]
    assert several[0].mean == pytest.approx(one.mean())
    alone = lab.differences(tiny, "ap75")
    assert [d.p for d in alone] == [d.p for d in several[:2]]
    assert min(d.adjusted for d in several) == pytest.approx(min(1.0, 4 * min(d.p for d in several)))


def test_errors_of_differences(tiny):
    check_error(lambda: lab.differences(tiny, "ar"), ValueError, "metric must be one of 'ap', 'ap50', 'ap75'; got 'ar'")
    (single,) = lab.train(bl.giou, **TINY | {"trainings": 1})
    text = "results must have two trainings of each loss or more; 'near' has one"
    check_error(lambda: lab.differences(single), ValueError, text)
