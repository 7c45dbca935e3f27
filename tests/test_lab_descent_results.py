"""Descents: what they take, what they keep, and how the work is shared out."""

import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest

import boxloss as bl
from boxloss import lab
from boxloss.lab import engine
from boxloss.shapes.box import Box
from boxloss.shapes.shape import Gradient
from generators import boxes


@pytest.fixture
def states(rng):
    """Starts and targets of more than two blocks."""
    count = 2 * 128 + 33
    return [bl.convert(boxes(rng, count), "xyxy", "cxcywh") for _ in range(2)]


def test_nan_stays_in_its_row(states):
    start, target = states
    expected = lab.descend(bl.giou, start, target, steps=5).path
    start[7, 1] = np.nan
    run = lab.descend(bl.giou, start, target, steps=5)
    assert np.isnan(run.final[7, 1])
    np.testing.assert_array_equal(np.delete(run.path, 7, axis=1), np.delete(expected, 7, axis=1))
    assert np.isnan(run.error).all()


def test_no_starts():
    run = lab.descend(bl.giou, np.empty((0, 4)), (0, 0, 1, 1), steps=5)
    assert (run.path.shape, run.final.shape) == ((6, 0, 4), (0, 4))
    for curve in (run.error, run.iou, run.value):
        np.testing.assert_array_equal(curve, np.zeros(6))


def test_leading_axes_broadcast(states):
    start, target = states[0][:6].reshape(3, 2, 4), states[1][:2]
    run = lab.descend(bl.giou, start, target, steps=5)
    assert run.path.shape == (6, 3, 2, 4)
    assert run.target.shape == (3, 2, 4)
    for i in range(3):
        for j in range(2):
            alone = lab.descend(bl.giou, start[i, j], target[j], steps=5)
            np.testing.assert_array_equal(run.path[:, i, j], alone.path)
    transposed = lab.descend(bl.giou, start.swapaxes(0, 1), target[:, None], steps=5)
    np.testing.assert_array_equal(transposed.final, run.final.swapaxes(0, 1))


def test_what_is_given_is_not_written_to(states):
    start, target = (side.copy() for side in states)
    run = lab.descend(bl.giou, *states, steps=5)
    np.testing.assert_array_equal(states, (start, target))
    np.testing.assert_array_equal((run.start, run.target), (start, target))


def test_every_so_many_steps_are_recorded(states):
    whole = lab.descend(bl.giou, *states, steps=20)
    some = lab.descend(bl.giou, *states, steps=20, every=7)
    assert some.recorded.tolist() == [0, 7, 14, 20]
    np.testing.assert_array_equal(some.path, whole.path[some.recorded])
    assert lab.descend(bl.giou, *states, steps=14, every=7).recorded.tolist() == [0, 7, 14]
    assert lab.descend(bl.giou, *states, steps=3, every=7).recorded.tolist() == [0, 3]


def test_only_what_is_asked_for_is_kept(states):
    whole = lab.descend(bl.giou, *states, steps=20)
    curves = lab.descend(bl.giou, *states, steps=20, record="curves")
    final = lab.descend(bl.giou, *states, steps=20, record="final")
    for run in (curves, final):
        assert (run.path, run.recorded) == (None, None)
        np.testing.assert_array_equal(run.final, whole.final)
    np.testing.assert_array_equal((curves.error, curves.iou, curves.value), (whole.error, whole.iou, whole.value))
    assert (final.error, final.iou, final.value) == (None, None, None)


def test_float32_only_if_both_are(states):
    start, target = (side.astype(np.float32) for side in states)
    run = lab.descend(bl.giou, start, target, steps=20)
    whole = lab.descend(bl.giou, start.astype(np.float64), target, steps=20)
    assert (run.path.dtype, run.error.dtype, whole.path.dtype) == (np.float32, np.float64, np.float64)
    np.testing.assert_allclose(run.path, whole.path, atol=1e-4)
    np.testing.assert_allclose(run.error, whole.error, rtol=1e-5)
    assert lab.descend(bl.giou, [0, 0, 1, 1], [1, 0, 1, 1], steps=1).final.dtype == np.float64


def test_learning_rates_of_all_forms(states):
    number, sequence, function = (
        lab.descend(bl.giou, *states, lr=lr, steps=3) for lr in (0.25, [0.25] * 3, lambda k: 0.25)
    )
    for run in (sequence, function):
        np.testing.assert_array_equal(run.path, number.path)
        np.testing.assert_array_equal(run.lr, [0.25] * 3)
    falling = lab.descend(bl.giou, *states, lr=lambda k: 1.0 - k, steps=2)
    np.testing.assert_array_equal(falling.path[2], falling.path[1])
    np.testing.assert_array_equal(falling.lr, [1.0, 0.0])


@pytest.fixture
def threads():
    before = bl.get_num_threads()
    yield bl.set_num_threads
    bl.set_num_threads(before)


@pytest.mark.parametrize("chunks", [3, 19])  # fewer than threads take at a time, and more
def test_the_same_bits_on_any_number_of_threads(chunks, threads, rng):
    size = chunks * engine.CHUNK + 5
    start = np.concatenate([rng.normal(size=(size, 2)), rng.random((size, 2))], axis=1)
    runs = []
    for n in (1, 2, 5):
        threads(n)
        runs.append(lab.descend(bl.giou, start, (0, 0, 1, 1), steps=3))
    for run in runs[1:]:
        np.testing.assert_array_equal(run.path, runs[0].path)
        np.testing.assert_array_equal((run.error, run.iou, run.value), (runs[0].error, runs[0].iou, runs[0].value))


def test_an_interrupt_stops_the_other_threads(threads, monkeypatch):
    threads(2)
    begun, calls = threading.Event(), []

    def kernel(*arguments):
        calls.append(arguments)
        if threading.current_thread() is threading.main_thread():
            assert begun.wait(10)
            raise KeyboardInterrupt
        begun.set()
        time.sleep(0.01)

    monkeypatch.setattr(engine, "compiled", lambda *arguments: kernel)
    chunks = 300
    with pytest.raises(KeyboardInterrupt):
        lab.descend(bl.giou, np.zeros((chunks * engine.CHUNK, 4), np.float32), np.zeros(4, np.float32), steps=1)
    at_the_interrupt = len(calls)
    time.sleep(0.1)
    assert len(calls) <= at_the_interrupt + 1 < chunks


@dataclass(frozen=True)
class Wind(bl.Loss):
    """A loss of another package; what it calls its gradient is none."""

    expression = "0"
    value_range = "0"

    relations = ()

    def evaluate(self, xp, pair):
        return 0.0 * pair.given.x1, lambda exchanged: Gradient(given=Box(-1.0, 0.0, -1.0, 2.0))


def test_any_loss_descends_along_what_it_says_is_its_gradient(states):
    start, target = states
    run = lab.descend(Wind(), start, target, lr=0.5, steps=4)
    # Of corners (-1, 0, -1, 2): of x -2, of y 2, of w 0 and of h 1.
    np.testing.assert_allclose(run.final, start + 4 * 0.5 * np.asarray([2.0, -2.0, 0.0, -1.0]), atol=1e-14)
    np.testing.assert_array_equal(run.value, np.zeros(5))
