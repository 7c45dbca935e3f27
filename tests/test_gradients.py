"""Gradients against finite differences, at kinks too, and against torch's autograd of another formula."""

import numpy as np
import pytest

import boxloss as bl
from cases import CASES
from generators import KINKS, SMOOTH, disjoint, nested, overlapping

ENGINES = ("array", "numba")
STEP = 1e-5
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
every_engine = pytest.mark.parametrize("engine", ENGINES)


def one_sided(function, at, k, step):
    """The derivative with respect to coordinate k of each row on one side, to second order in the step."""
    values = []
    for steps in (0.0, 1.0, 2.0):
        moved = at.copy()
        moved[:, k] += steps * step
        values.append(function(moved))
    return (-3.0 * values[0] + 4.0 * values[1] - values[2]) / (2.0 * step)


def central(function, at, step=STEP):
    """The mean of the two one-sided derivatives, for each coordinate: the derivative away from kinks."""
    step = np.broadcast_to(step, len(at))
    mean = [0.5 * (one_sided(function, at, k, step) + one_sided(function, at, k, -step)) for k in range(4)]
    return np.stack(mean, axis=-1)


def check_against_differences(case, engine, pred, target, step=STEP):
    _, grads = case.loss.value_and_grad(pred, target, wrt="both", engine=engine)
    expected = (
        central(lambda moved: case.differentiated(moved, target, pred, target), pred, step),
        central(lambda moved: case.differentiated(pred, moved, pred, target), target, step),
    )
    for grad, mean in zip(grads, expected, strict=True):
        np.testing.assert_allclose(grad, mean, rtol=1e-6, atol=1e-7)


@every_engine
@pytest.mark.parametrize("kind", SMOOTH)
@every_case
def test_gradient_is_the_derivative(case, kind, engine, rng):
    check_against_differences(case, engine, *SMOOTH[kind](rng, 40))


@every_engine
@pytest.mark.parametrize("kind", KINKS)
@every_case
def test_gradient_at_a_kink_is_the_mean_of_the_one_sided_derivatives(case, kind, engine, rng):
    if kind == "zero_side" and not case.continuous_without_area:
        return
    pred, target = KINKS[kind](rng, 40)
    step = STEP
    if case.name == "log_iou":  # flat until the IoU is above its clamp, a step of 1e-6 of a side from contact
        step = np.where(bl.iou_score(pred, target) > 0.0, STEP, 1e-9)
    check_against_differences(case, engine, pred, target, step)


def test_kinks_are_kinks(rng):
    """The mean at a kink says something only if the two sides differ there."""
    for kind in KINKS.values():
        pred, target = kind(rng, 40)
        left, right = (
            np.stack([one_sided(lambda moved, t=target: bl.diou(moved, t), pred, k, s) for k in range(4)])
            for s in (-STEP, STEP)
        )
        assert np.mean(np.any(np.abs(left - right) > 1e-3, axis=0)) > 0.4


@pytest.mark.torch
@every_engine
@pytest.mark.parametrize("kind", [overlapping, disjoint, nested], ids=lambda kind: kind.__name__)
@every_case
def test_value_and_gradient_of_an_independent_formula(case, kind, engine, rng):
    import torch

    pred, target = kind(rng, 200)
    leaves = [torch.tensor(boxes, requires_grad=True) for boxes in (pred, target)]
    expected = case.reference(*leaves)
    expected_grads = torch.autograd.grad(expected.sum(), leaves, allow_unused=True, materialize_grads=True)
    value, grads = case.loss.value_and_grad(pred, target, wrt="both", engine=engine)
    np.testing.assert_allclose(value, expected.detach().numpy(), rtol=1e-12, atol=1e-13)
    for grad, by_autograd in zip(grads, expected_grads, strict=True):
        np.testing.assert_allclose(grad, by_autograd.numpy(), rtol=1e-10, atol=1e-12)
