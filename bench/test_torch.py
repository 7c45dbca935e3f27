"""CIoU value and gradient against what torch's autograd gives, and training steps, on two threads each.

Torch is imported by the tests themselves, and those with torch or JAX come last: its threads and what it does to the
allocator stay out of the other measurements.
"""

import numpy as np
import pytest

import boxloss as bl
from peers import check_agreement, forward_and_backward, plain_ciou, training_step


def test_autograd(compare, boxes, million, smoke):
    import torch

    from torchvision_ops import ops

    torch.set_num_threads(2)
    pred, target = boxes(million)
    p, t = torch.from_numpy(pred), torch.from_numpy(target)
    contestants = {
        "value_and_grad": lambda: bl.ciou.value_and_grad(pred, target),
        "value_and_grad, tensors": lambda: bl.ciou.value_and_grad(p, t),
        "ciou and backward, tensors": forward_and_backward(bl.ciou, p, t),
        "torch eager": forward_and_backward(plain_ciou, p, t),
        "torchvision": forward_and_backward(ops.complete_box_iou_loss, p, t),
    }
    if not smoke:  # it compiles for half a minute
        contestants["torch.compile"] = forward_and_backward(torch.compile(plain_ciou), p, t)
    check_agreement(contestants, np.asarray)
    goals = [
        ("torch_eager", "torch eager", "value_and_grad"),
        ("torchvision", "torchvision", "value_and_grad"),
        ("torch_compile", "torch.compile", "value_and_grad"),
    ][: 2 if smoke else 3]
    row = {"dtype": "float32", "threads": 2}
    compare("autograd", row, contestants, per="box", count=million, goals=goals, budget=12.0, pause=0.01)


def mean_ciou(pred, target):
    return bl.ciou(pred, target, reduction="mean")


def mean_plain_ciou(pred, target):
    return plain_ciou(pred, target).mean()


@pytest.mark.filterwarnings("ignore::UserWarning")  # of torch.compile about torchvision's loss
@pytest.mark.parametrize("count", [100, 10_000, 1_000_000])
def test_training_step(compare, boxes, smoke, count):
    import torch

    from torchvision_ops import ops

    torch.set_num_threads(2)
    torch._dynamo.reset()
    pred, target = map(torch.from_numpy, boxes(min(count, 10_000) if smoke else count))
    functions = {
        "ciou": mean_ciou,
        "torchvision": lambda p, t: ops.complete_box_iou_loss(p, t, reduction="mean"),
        "plain": mean_plain_ciou,
    }
    contestants = {name: training_step(function, pred, target) for name, function in functions.items()}
    goals = []
    if not smoke:  # they compile for a minute
        for name, function in functions.items():
            # torchvision's selects by a mask, which breaks its graph.
            compiled = torch.compile(function, fullgraph=name != "torchvision")
            contestants[f"{name}, compiled"] = training_step(compiled, pred, target)
        goal = {100: "step_100", 1_000_000: "step_1000000"}.get(count)
        goals = [(goal, "torchvision, compiled", name) for name in ("ciou", "ciou, compiled") if goal]
    _check_steps(contestants)
    row = {"dtype": "float32", "threads": 2, "boxes": count}
    compare("training_step", row, contestants, goals=goals, budget=10.0, pause=0.01 if count > 10_000 else 0.0)


@pytest.mark.parametrize("count", [100, 1000])
def test_compiled_step(compare, boxes, smoke, count):
    """The two that are one graph each, alone: what comes after a slower step finds colder caches."""
    import torch

    torch.set_num_threads(2)
    torch._dynamo.reset()
    pred, target = map(torch.from_numpy, boxes(count))
    functions = {"ciou": mean_ciou, "plain": mean_plain_ciou}
    if not smoke:
        functions = {name: torch.compile(function, fullgraph=True) for name, function in functions.items()}
    contestants = {name: training_step(function, pred, target) for name, function in functions.items()}
    _check_steps(contestants)
    row = {"dtype": "float32", "threads": 2, "boxes": count}
    goals = [("step_plain", "ciou", "plain")] if count == 100 else []
    compare("compiled_step", row, contestants, goals=goals, budget=5.0)


def _check_steps(contestants):
    """All contestants compute one gradient."""
    grads = {name: step().numpy().copy() for name, step in contestants.items()}
    scale = np.abs(grads["ciou"]).max(axis=-1, keepdims=True) + 1e-6 / len(grads["ciou"])
    for name, grad in grads.items():
        assert np.quantile(np.abs(grad - grads["ciou"]) / scale, 0.999) < 1e-2, name
