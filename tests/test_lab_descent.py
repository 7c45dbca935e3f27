"""Descents: the compiled loop against plain ones in NumPy and torch, what it records, and where boxes arrive."""

import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest

import boxloss as bl
from boxloss import lab
from boxloss.box import Box
from boxloss.formula import Formula
from boxloss.lab import engine

COST = 0.5 * bl.L1(coordinates="cxcywh") + bl.giou
STEPS = 40
LR = 0.05 * 0.97 ** np.arange(STEPS)


@pytest.fixture
def states(rng):
    """Starts and targets of more than two blocks, near and far."""
    count = 2 * 128 + 33
    start = np.concatenate([rng.uniform(-2, 2, (count, 2)), rng.uniform(0.4, 2, (count, 2))], axis=1)
    return start, np.concatenate([rng.uniform(-1, 1, (count, 2)), rng.uniform(0.4, 2, (count, 2))], axis=1)


# --- A plain loop ---------------------------------------------------------------------------------------------------

FORMATS = {"cxcywh": "cxcywh", "xyxy": "xyxy", "xy": "cxcywh", "log-size": "cxcywh"}


def encode(box, parametrisation):
    if parametrisation == "xyxy":
        return bl.convert(box, "cxcywh", "xyxy")
    return np.concatenate([box[:, :2], np.log(box[:, 2:])], axis=1) if parametrisation == "log-size" else box


def decode(numbers, parametrisation):
    if parametrisation == "xyxy":
        return bl.convert(numbers, "xyxy", "cxcywh")
    return (
        np.concatenate([numbers[:, :2], np.exp(numbers[:, 2:])], axis=1) if parametrisation == "log-size" else numbers
    )


def slope(loss, box, target, parametrisation):
    """The loss, and its gradient with respect to the numbers of a parametrisation."""
    form = FORMATS[parametrisation]
    pair = (bl.convert(b, "cxcywh", form) for b in (box, target))
    value, grad = loss.value_and_grad(*pair, format=form, engine="array")
    if parametrisation == "xy":
        grad[:, 2:] = 0.0
    if parametrisation == "log-size":
        grad[:, 2:] *= box[:, 2:]
    return value, grad


def iou_of(box, target):
    return bl.iou_score(box, target, format="cxcywh", engine="array")


def plain_loop(loss, start, target, optimizer, parametrisation, scaled):
    """The path, and the means of error, IoU and loss."""
    numbers, m, v = encode(start, parametrisation), 0.0, 0.0
    path, curves = [], []
    for k in range(STEPS + 1):
        box = decode(numbers, parametrisation)
        value, grad = slope(loss, box, target, parametrisation)
        iou = iou_of(box, target)
        path.append(box)
        curves.append([np.abs(box - target).sum(axis=1).mean(), iou.mean(), value.mean()])
        if k == STEPS:
            return np.asarray(path), np.asarray(curves).T
        rate = (LR[k] * (2.0 - iou) if scaled else np.full(len(box), LR[k]))[:, None]
        if optimizer == "sgd":
            change = grad
        elif optimizer == "momentum":
            m = 0.9 * m + grad
            change = m
        else:
            m, v = 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad**2
            change = m / (1 - 0.9 ** (k + 1)) / (np.sqrt(v / (1 - 0.999 ** (k + 1))) + 1e-8)
        numbers = numbers - rate * change
    return None


@pytest.mark.parametrize(
    ("optimizer", "parametrisation", "scaled"),
    [
        ("sgd", "cxcywh", True),
        ("momentum", "xyxy", False),
        ("adam", "log-size", True),
        ("sgd", "xy", False),
    ],
)
def test_descent_is_that_of_a_plain_loop(optimizer, parametrisation, scaled, states):
    run = lab.descend(COST, *states, optimizer, LR, STEPS, parametrisation, scale_by_iou=scaled)
    path, (error, iou, value) = plain_loop(COST, *states, optimizer, parametrisation, scaled)
    assert np.abs(path[-1] - path[0]).max() > 0.5  # they did move
    close = {"rtol": 1e-9, "atol": 1e-9}
    np.testing.assert_allclose(run.path, path, **close)
    np.testing.assert_allclose(run.error, error, **close)
    np.testing.assert_allclose(run.iou, iou, **close)
    np.testing.assert_allclose(run.value, value, **close)
    np.testing.assert_array_equal(run.final, run.path[-1])
    assert (run.loss, run.optimizer, run.parametrisation) == (COST, optimizer, parametrisation)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("optimizer", "parametrisation"), [("sgd", "xyxy"), ("momentum", "cxcywh"), ("adam", "cxcywh")]
)
def test_optimizers_are_those_of_torch(optimizer, parametrisation, states):
    import torch

    form = FORMATS[parametrisation]
    numbers, target = (torch.tensor(bl.convert(side, "cxcywh", form)) for side in states)
    numbers.requires_grad_()
    kinds = {
        "sgd": lambda: torch.optim.SGD([numbers]),
        "momentum": lambda: torch.optim.SGD([numbers], momentum=0.8),
        "adam": lambda: torch.optim.Adam([numbers], betas=(0.8, 0.99), eps=1e-4),
    }
    stepper = kinds[optimizer]()
    for rate in LR:
        stepper.param_groups[0]["lr"] = rate
        stepper.zero_grad()
        bl.giou(numbers, target, format=form, reduction="sum").backward()
        stepper.step()
    run = lab.descend(
        bl.giou,
        *states,
        optimizer,
        LR,
        STEPS,
        parametrisation,
        momentum=0.8,
        betas=(0.8, 0.99),
        eps=1e-4,
        record="final",
    )
    np.testing.assert_allclose(run.final, bl.convert(numbers.detach().numpy(), form, "cxcywh"), rtol=1e-9, atol=1e-9)


# --- Where boxes arrive ---------------------------------------------------------------------------------------------


def test_the_iou_loss_moves_no_box_that_does_not_overlap(states):
    start, target = states
    run = lab.descend(bl.iou, start, target, lr=0.01, record="final")
    apart = iou_of(start, target) == 0.0
    assert 50 < apart.sum() < len(start) - 50
    np.testing.assert_array_equal(run.final[apart], start[apart])
    assert np.all(iou_of(run.final, target)[~apart] > iou_of(start, target)[~apart])


@pytest.mark.parametrize("loss", [bl.giou, bl.diou, bl.ciou], ids=repr)
def test_other_losses_bring_every_box_to_its_target(loss, states):
    start, target = states
    run = lab.descend(loss, start, target, lr=lambda k: 0.05 * 0.999**k, steps=5000, record="final")
    assert np.min(iou_of(run.final, target)) > 0.99


# --- What is taken and what comes back ------------------------------------------------------------------------------


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


def test_the_same_bits_on_any_number_of_threads(threads, rng):
    start = np.concatenate([rng.normal(size=(3 * engine.CHUNK + 5, 2)), rng.random((3 * engine.CHUNK + 5, 2))], axis=1)
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

    def compose(self):
        def evaluate(xp, p, t, weights):
            return 0.0 * p.x1, p

        def pull(xp, p, t, residual):
            return Box(-1.0 + 0.0 * p.x1, 0.0 * p.x1, -1.0 + 0.0 * p.x1, 2.0 + 0.0 * p.x1)

        return Formula(evaluate, pull, pull, None, lambda xp, p, t, m, n, weights: 0.0 * p.x1)


def test_any_loss_descends_along_what_it_says_is_its_gradient(states):
    start, target = states
    run = lab.descend(Wind(), start, target, lr=0.5, steps=4)
    # Of corners (-1, 0, -1, 2): of x -2, of y 2, of w 0 and of h 1.
    np.testing.assert_allclose(run.final, start + 4 * 0.5 * np.asarray([2.0, -2.0, 0.0, -1.0]), atol=1e-14)
    np.testing.assert_array_equal(run.value, np.zeros(5))
