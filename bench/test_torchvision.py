"""`boxloss.compat.torchvision` against the functions that it stands in for, on two threads each."""

import numpy as np
import pytest

from peers import check_agreement, forward_and_backward


def both(name):
    """The function of a name here and there."""
    import torch

    from boxloss.compat import torchvision
    from torchvision_ops import ops

    torch.set_num_threads(2)
    return {"boxloss": getattr(torchvision, name), "torchvision": getattr(ops, name)}


@pytest.mark.parametrize("count", [100, 1_000_000])
@pytest.mark.parametrize("name", ["generalized_box_iou_loss", "complete_box_iou_loss"])
def test_loss(compare, boxes, smoke, name, count):
    import torch

    count = min(count, 10_000) if smoke else count
    pred, target = map(torch.from_numpy, boxes(count))
    contestants = {who: forward_and_backward(function, pred, target) for who, function in both(name).items()}
    check_agreement(contestants, np.asarray)
    row = {"function": name, "boxes": count}
    compare("compat_losses", row, contestants, budget=4.0, pause=0.01 if count > 10_000 else 0.0)


@pytest.mark.parametrize("name", ["generalized_box_iou", "complete_box_iou"])
def test_matrix(compare, boxes, smoke, name):
    import torch

    count = 100 if smoke else 1000
    pred, target = map(torch.from_numpy, boxes(count))
    functions = both(name)
    matrices = [function(pred, target) for function in functions.values()]
    torch.testing.assert_close(*matrices, rtol=1e-4, atol=1e-5)
    contestants = {who: lambda function=function: function(pred, target) for who, function in functions.items()}
    row = {"function": name, "boxes": f"{count} x {count}"}
    compare("compat_matrices", row, contestants, per="pair", count=count**2, budget=3.0, pause=0.01)
