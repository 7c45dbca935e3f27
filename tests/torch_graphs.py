"""What the tests of torch.compile share: torch without graphs, a sum of losses, and the size of an image."""

import boxloss as bl

DETR = 5.0 * bl.L1(coordinates="cxcywh") + 2.0 * bl.giou
SIDES = (20.0, 30.0)


def without_graphs():
    """Torch, which has compiled no graph."""
    import torch

    torch._dynamo.reset()
    return torch
