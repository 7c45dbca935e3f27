"""`boxloss.torch.BoxLoss`, a model that learns with it, and what the autograd node does with its memory."""

import copy
import doctest
import pickle

import pytest

import boxloss as bl
from errors import check_error
from generators import mixed

pytestmark = pytest.mark.torch


@pytest.fixture
def torch():
    import torch

    return torch


@pytest.fixture
def pair(torch, rng):
    return torch.tensor(mixed(rng, 6)[0], requires_grad=True), torch.tensor(mixed(rng, 6)[1])


# --- The module -----------------------------------------------------------------------------------------------------


@pytest.fixture
def box_loss(torch):
    from boxloss.torch import BoxLoss

    return BoxLoss


def test_module_is_the_call(box_loss, torch, pair):
    weight = torch.rand(6, dtype=torch.float64)
    options = {"format": ("cxcywh", "xyxy"), "reduction": "mean", "engine": "array"}
    value = box_loss("giou", eps=1e-3, **options)(*pair, weight=weight, avg_factor=2.0)
    torch.testing.assert_close(value, bl.giou(*pair, weight=weight, avg_factor=2.0, eps=1e-3, **options))
    assert box_loss(5.0 * bl.l1 + bl.giou).loss == 5.0 * bl.l1 + bl.giou
    assert box_loss().loss is bl.ciou


def test_repr(box_loss):
    assert repr(box_loss("giou")) == "BoxLoss(GIoU(eps=0.0), reduction='mean')"
    module = box_loss(bl.l1, format="rel_xywh", image_size=(480, 640), reduction="none", engine="array")
    assert repr(module) == (
        "BoxLoss(L1(coordinates='xyxy'), format='rel_xywh', image_size=(480, 640), reduction='none', engine='array')"
    )


def test_copies_and_checkpoints(box_loss, torch, pair):
    model = torch.nn.ModuleDict({"head": torch.nn.Linear(4, 4), "criterion": box_loss("giou", reduction="sum")})
    assert list(model.state_dict()) == ["head.weight", "head.bias"]
    model.load_state_dict(model.state_dict(), strict=True)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert repr(other["criterion"]) == repr(model["criterion"])
        assert other["criterion"](*pair).item() == model["criterion"](*pair).item()


def test_examples_of_the_docstring(box_loss):
    import boxloss.torch

    assert doctest.testmod(boxloss.torch) == (0, 13)


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"loss": "iuo"}, ValueError, None),
        ({"reduction": "max"}, ValueError, "reduction must be one of 'none', 'mean', 'sum'; got 'max'"),
        ({"engine": "gpu"}, ValueError, None),
        (
            {"format": "rel_xyxy"},
            TypeError,
            "image_size must be a pair (height, width), which format 'rel_xyxy' reads; got None",
        ),
        ({"loss": "l1", "eps": 0.1}, ValueError, "eps pads a denominator and L1 has none; got eps=0.1"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_options_are_checked_at_once(options, kind, text, box_loss):
    if text is None:
        with pytest.raises(kind, match=f"{'name' if 'loss' in options else 'engine'} must be one of"):
            box_loss(**options)
    else:
        check_error(lambda: box_loss(**options), kind, text)


# --- A model that learns --------------------------------------------------------------------------------------------


def pictures(torch, count, generator):
    """Images of 16 x 16 pixels with a bright rectangle, and its box."""
    side = torch.rand(count, 2, generator=generator) * 8 + 4
    corner = torch.rand(count, 2, generator=generator) * (16 - side)
    box = torch.cat([corner, corner + side], dim=1).round()
    x = torch.arange(16) + 0.5
    inside = [(x > box[:, k, None]) & (x < box[:, k + 2, None]) for k in (0, 1)]
    return (inside[1][:, :, None] & inside[0][:, None, :]).float(), box


def test_head_learns_boxes_with_ciou(box_loss, torch):
    """Images to boxes, by CIoU alone, in 300 steps: a mean IoU above 0.85 on images that it did not see."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    images, target = pictures(torch, 2048, generator)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 64), torch.nn.ReLU(), torch.nn.Linear(64, 4))
    with torch.no_grad():
        model[-1].weight.mul_(0.1)
        model[-1].bias.copy_(torch.tensor([8.0, 8.0, 8.0, 8.0]))  # centre and size of a box in the middle
    criterion = box_loss("ciou", format=("cxcywh", "xyxy"))
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(300):
        batch = torch.randint(len(images), (128,), generator=generator)
        optimiser.zero_grad()
        criterion(model(images[batch]), target[batch]).backward()
        optimiser.step()
    images, target = pictures(torch, 256, generator)
    with torch.no_grad():
        score = bl.iou_score(model(images), target, format=("cxcywh", "xyxy"), reduction="mean")
    assert score.item() > 0.85


# --- Memory of the node ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_kept_graphs_are_differentiated_again(scale, reduction, torch, pair):
    """Backward writes into the memory of the gradient, but never while the graph is kept."""
    pred, target = pair
    _, expected = bl.giou.value_and_grad(pred, target, reduction=reduction)
    value = scale * bl.giou(pred, target, reduction=reduction).sum()
    for _ in range(3):
        (grad,) = torch.autograd.grad(value, pred, retain_graph=True)
        torch.testing.assert_close(grad, scale * expected)
        grad.zero_()  # the caller's own
    value.backward(retain_graph=True)
    value.backward()
    torch.testing.assert_close(pred.grad, 2.0 * scale * expected)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        value.backward()


def test_gradients_accumulate(torch, pair):
    pred, target = pair
    for _ in range(3):
        bl.giou(pred, target, reduction="mean").backward()
    torch.testing.assert_close(pred.grad, 3.0 * bl.giou.value_and_grad(pred, target, reduction="mean")[1])


def test_one_tensor_as_both(torch, pair):
    pred, _ = pair
    shifted = pred.flip(0)
    bl.giou(pred, shifted, reduction="sum").backward()
    _, (d_pred, d_target) = bl.giou.value_and_grad(pred, shifted, wrt="both")
    torch.testing.assert_close(pred.grad, d_pred + d_target.flip(0))


def test_checkpointed_layer(torch, pair):
    from torch.utils.checkpoint import checkpoint

    pred, target = pair
    checkpoint(lambda p: bl.giou(p, target, reduction="mean"), pred, use_reentrant=False).backward()
    torch.testing.assert_close(pred.grad, bl.giou.value_and_grad(pred, target, reduction="mean")[1])


def test_what_is_no_loss_to_train_with():
    from boxloss.torch import BoxLoss

    text = "loss must fall with the match, and IoUScore grows: a step would make boxes worse"
    check_error(lambda: BoxLoss(bl.iou_score), ValueError, text)
    text = "loss must be a loss or the name of one; got the class GIoU, not an instance of it"
    check_error(lambda: BoxLoss(bl.GIoU), TypeError, text)
