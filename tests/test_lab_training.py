"""Trainings: what is seen and predicted, that they are paired and go on, and what is said of their differences."""

import multiprocessing
import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import boxloss as bl
from boxloss import lab
from boxloss.lab.training import crew, experiment, jobs, proposals, regressor, scenes, statistics
from boxloss.lab.training.contenders import Contender, contenders
from boxloss.lab.training.proposals import Jitter, decode, encode
from errors import check_error, table

TINY = {"share": 0.01, "trainings": 2, "tunings": 1}


def central(function, at, step=1e-6):
    """The gradient of a number by central differences."""
    found = np.empty_like(at)
    for place in np.ndindex(at.shape):
        move = np.zeros_like(at)
        move[place] = step
        found[place] = (function(at + move) - function(at - move)) / (2 * step)
    return found


# --- Canvases and proposals -----------------------------------------------------------------------------------------


def test_boxes_are_those_of_the_ink(monkeypatch):
    monkeypatch.setattr(scenes, "NOISE", 0.0)
    monkeypatch.setattr(scenes, "DIGITS", (1, 2))
    drawn = scenes.draw("test", 5, (12.0, 96.0), np.random.default_rng(3))
    assert drawn.image.tolist() == [0, 1, 2, 3, 4]
    for canvas, box in zip(drawn.canvas, drawn.box, strict=True):
        rows, columns = (np.flatnonzero(canvas.any(axis=axis)) for axis in (1, 0))
        ink = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
        assert bl.convert(box, "cxcywh", "xyxy").tolist() == list(ink)


def test_sizes_and_overlaps_are_within_their_limits():
    drawn = scenes.draw("train", 20, (12.0, 96.0), np.random.default_rng(0))
    longer = drawn.box[:, 2:].max(axis=1)
    assert longer.min() >= 12
    assert longer.max() <= 96
    assert longer.min() < 20 < 70 < longer.max()
    overlap = bl.iou_score.pairwise(drawn.box, drawn.box, format="cxcywh")
    others = (drawn.image[:, None] == drawn.image) & ~np.eye(len(drawn.box), dtype=bool)
    assert 0.0 < overlap[others].max() <= scenes.MOST_OVERLAP


def test_splits_share_no_digit():
    parts = [set(range(*part.indices(1797))) for part in scenes.SPLITS.values()]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(scenes.load())


def test_stretching_keeps_a_ramp():
    ramp = np.arange(8.0)[:, None] + 10.0 * np.arange(4.0)
    stretched = scenes.resize(ramp, 16, 8)
    inner = np.arange(0.25, 7.0, 0.5)[:, None] + 10.0 * np.arange(0.25, 3.0, 0.5)
    np.testing.assert_allclose(stretched[1:-1, 1:-1], inner[:14, :6], rtol=1e-6)


def test_what_is_seen_of_a_ramp_is_where_the_cells_are():
    ramp = np.arange(scenes.CANVAS, dtype=np.float32) + np.zeros((2, scenes.CANVAS, 1), np.float32)
    seen = proposals.see(ramp, np.asarray([1]), np.asarray([[80.0, 60, 28, 14]]), context=1.0).reshape(14, 14)
    np.testing.assert_allclose(seen, np.broadcast_to(80 - 14 + 2 * np.arange(14) + 0.5, (14, 14)), rtol=1e-5)


def test_proposals_without_a_digit_meet_none():
    rng = np.random.default_rng(0)
    drawn = scenes.draw("test", 6, (24.0, 48.0), rng)
    made = proposals.propose(drawn, 2, 5, Jitter(0.1, 0.1, 1.5), rng)
    np.testing.assert_array_equal(made.image[made.full], np.repeat(drawn.image, 2))
    np.testing.assert_array_equal(made.target[made.full], np.repeat(drawn.box, 2, axis=0))
    empty = ~made.full
    overlap = bl.iou_score.pairwise(made.box[empty], drawn.box, format="cxcywh")
    assert empty.any()
    assert overlap[made.image[empty][:, None] == drawn.image].max() < 0.2


# --- Deltas and their gradients -------------------------------------------------------------------------------------


def test_deltas_there_and_back(rng):
    proposal = np.column_stack([rng.uniform(0, 99, (5, 2)), rng.uniform(5, 50, (5, 2))])
    deltas = rng.normal(size=(5, 4))
    box, slope = decode(deltas, proposal)
    np.testing.assert_allclose(encode(box, proposal), deltas, rtol=1e-9)
    numerical = [(decode(deltas + e, proposal)[0] - decode(deltas - e, proposal)[0]) / 2e-6 for e in 1e-6 * np.eye(4)]
    np.testing.assert_allclose(slope, np.stack([d[:, i] for i, d in enumerate(numerical)], axis=1), rtol=1e-6)


def test_a_size_has_an_upper_end():
    proposal = np.asarray([[0.0, 0, 10, 10]])
    (box,), (slope,) = decode(np.asarray([[0.0, 0, 1e6, 0]]), proposal)
    assert box[2] == pytest.approx(10 * 1000 / 16)
    assert slope[2] == 0.0


@pytest.mark.parametrize("contender", contenders([bl.L1(coordinates="cxcywh"), bl.giou]), ids=lambda c: c.name)
def test_gradient_by_the_weights(contender, rng):
    weights = [w.astype(np.float64) for w in regressor.start(6, rng)]
    weights[2] += rng.normal(scale=0.1, size=weights[2].shape)
    seen = rng.normal(size=(3, 6))
    proposal = np.asarray([[10.0, 10, 8, 6], [40, 30, 20, 30], [5, 5, 4, 4]])
    target = proposal + [[1.0, 2, 3, 1]]

    def loss(deltas):
        if contender.of == "deltas":
            return contender.loss(deltas, encode(target, proposal), format="cxcywh", reduction="mean")
        return contender.loss(decode(deltas, proposal)[0], target, format="cxcywh", reduction="mean")

    deltas, hidden = regressor.predict(weights, seen)
    d_deltas = regressor.loss_gradient(contender, deltas, proposal, target)
    found = regressor.pull_back(weights, seen, hidden, d_deltas)
    for i in (1, 2, 3):

        def moved(w, i=i):
            return loss(regressor.predict([*weights[:i], w, *weights[i + 1 :]], seen)[0])

        np.testing.assert_allclose(found[i], central(moved, weights[i]), rtol=1e-5, atol=1e-8)


def test_a_loss_of_coordinates_is_trained_on_twice():
    assert [c.name for c in contenders([bl.l1, bl.iou, bl.iou, bl.SmoothL1(beta=0.5)])] == [
        "l1 on deltas",
        "l1 in pixels",
        "iou",
        "SmoothL1(coordinates='xyxy', beta=0.5) on deltas",
        "SmoothL1(coordinates='xyxy', beta=0.5) in pixels",
    ]


# --- Trainings ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny():
    (result,) = lab.train([bl.l1, bl.giou], **TINY)
    return result


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
