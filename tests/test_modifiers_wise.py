"""The state of Wise-IoU: a value that is updated, and a module of torch that keeps it."""

import dataclasses

import numpy as np
import pytest

import boxloss as bl
from generators import mixed


def test_state_is_a_value():
    state = bl.WiseState(momentum=0.25)
    assert state.updated(np.asarray([0.0, 0.4])) == bl.WiseState(momentum=0.25, mean=0.8)
    assert state == bl.WiseState(momentum=0.25)
    assert state.updated(np.empty(0)) is state
    assert bl.WiseState(**dataclasses.asdict(state.updated(0.4))) == state.updated(0.4)
    assert bl.WiseState(momentum=1.0).updated(0.0).mean > 0.0  # all boxes match: the next step can still divide by it


def test_state_takes_what_a_loss_returns(backend, rng):
    pred, target = mixed(rng, 8)
    value = bl.iou(backend.asarray(pred), backend.asarray(target))
    np.testing.assert_allclose(
        bl.WiseState(0.5).updated(value).mean, 0.5 + 0.5 * bl.iou(pred, target).mean(), rtol=1e-12
    )


@pytest.mark.torch
def test_module_keeps_the_mean_as_a_buffer(rng):
    import torch

    from boxloss.torch import WiseIoU

    pred, target = (torch.tensor(side) for side in mixed(rng, 30))
    module, state = WiseIoU(momentum=0.25, reduction="none"), bl.WiseState(0.25)
    for _ in range(3):
        state = state.updated(bl.iou(pred, target))
        found = module(pred.requires_grad_(), target)
        expected = bl.Wise(bl.wiou, mean=state.mean)(pred, target)
        torch.testing.assert_close(found, expected)
    found.sum().backward()
    other = WiseIoU(momentum=0.25)
    other.load_state_dict(module.state_dict())
    assert other.mean.item() == pytest.approx(state.mean)
    module.eval()
    module(pred, target)
    assert module.mean.item() == pytest.approx(state.mean)
    halved = module.half().mean  # a step of a mean is less than the last digit of half precision
    assert (halved.dtype, halved.item()) == (torch.float32, pytest.approx(state.mean))


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::UserWarning")  # of torch, where a graph breaks
def test_the_module_compiles_once_whatever_its_mean(rng):
    import torch
    from torch._dynamo.testing import CompileCounterWithBackend

    from boxloss.torch import WiseIoU

    torch._dynamo.reset()
    counter, module = CompileCounterWithBackend("aot_eager"), WiseIoU(momentum=0.5)
    step = torch.compile(lambda p, t: 2.0 * module(1.5 * p, t), backend=counter)
    frames = []
    for _ in range(4):
        pred, target = (torch.tensor(side) for side in mixed(rng, 6))
        step(pred.requires_grad_(), target).backward()
        frames.append(counter.frame_count)
    assert frames[0] > 0
    assert len(set(frames)) == 1
