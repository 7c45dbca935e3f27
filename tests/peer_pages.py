"""What the tests in `tests/peers` share."""

import sys

import torch

from documents import ROOT, run


def names_of(page, capsys):
    """The functions of a page, whose other blocks are not run."""
    return run(ROOT / "docs" / "frameworks" / f"{page}.md", lambda: capsys.readouterr().out)


def modules_with(package, name):
    """The loaded modules of a package that have this name."""
    loaded = [(path, module) for path, module in sys.modules.items() if path.startswith(package + ".")]
    return {path for path, module in loaded if name in vars(module)}


def random_pairs(count, side=60.0):
    """Corners of boxes in pixels, and of others beside them."""
    generator = torch.Generator().manual_seed(0)
    corner, size, shift = (torch.rand(count, 2, generator=generator) for _ in range(3))
    pred = torch.cat([500 * corner, 500 * corner + 20 + side * size], 1)
    return pred, pred + 8 * torch.cat([shift - 0.5, 0.5 - shift], 1)


def gradients(model, loss):
    """The loss of a model and the gradients of its parameters."""
    model.zero_grad()
    loss.backward()
    return loss.item(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_same(found, wanted, rtol=1e-4):
    """Equal losses; gradients to a part of the largest entry of all."""
    assert abs(found[0] - wanted[0]) <= 1e-5 * abs(wanted[0])
    assert found[1].keys() == wanted[1].keys()
    largest = max(grad.abs().max() for grad in wanted[1].values())
    for name, theirs in wanted[1].items():
        assert (found[1][name] - theirs).abs().max() <= rtol * largest, name
