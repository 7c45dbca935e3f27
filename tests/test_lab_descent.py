"""Descents: the compiled loop against plain ones in NumPy and torch, and where boxes arrive."""

import numpy as np
import pytest

import boxloss as bl
from boxloss import lab

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
