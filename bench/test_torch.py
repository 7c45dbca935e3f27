"""CIoU value and gradient against what torch's autograd gives, on two threads each.

Torch is imported by the test itself, and the test comes last: its threads and what it does to the allocator stay out
of the other measurements.
"""

import numpy as np

import boxloss as bl
from peers import check_agreement, forward_and_backward, plain_ciou


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
