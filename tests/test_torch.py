"""Torch tensors: the autograd node, and memory that is shared and left alone."""

import numpy as np
import pytest

import boxloss as bl
from boxloss.engines.numba.arrays import flat
from generators import boxes, mixed

pytestmark = pytest.mark.torch

DETR = 5.0 * bl.L1(coordinates="cxcywh") + 2.0 * bl.giou
every_engine = pytest.mark.parametrize("engine", ["array", "numba"])
every_loss = pytest.mark.parametrize("loss", [bl.l1, bl.giou, DETR], ids=["l1", "giou", "detr"])


@pytest.fixture
def torch():
    import torch

    return torch


@pytest.fixture
def pair(torch, rng):
    """Pred and target in float64; both require grad."""
    return [torch.tensor(side, requires_grad=True) for side in mixed(rng, 12)]


def close(tensor, expected, **options):
    np.testing.assert_allclose(
        tensor.detach().numpy(), np.asarray(expected), **{"rtol": 1e-13, "atol": 1e-14} | options
    )


@every_engine
@every_loss
def test_backward_is_value_and_grad(loss, engine, pair, torch, rng):
    pred, target = pair
    upstream = torch.tensor(rng.normal(size=12))
    expected, grads = loss.value_and_grad(pred, target, wrt="both", engine=engine)
    value = loss(pred, target, engine=engine)
    (value * upstream).sum().backward()
    close(value, expected)
    for side, grad in zip(pair, grads, strict=True):
        close(side.grad, upstream[:, None] * grad)


@every_engine
@pytest.mark.parametrize(("reduction", "avg_factor"), [("sum", None), ("mean", None), ("mean", 2.5), ("mean", 0)])
def test_backward_of_weights_and_reductions(reduction, avg_factor, engine, pair, torch, rng):
    pred, target = pair
    weight = torch.tensor(rng.uniform(0.1, 2.0, 12), requires_grad=True)
    options = {"reduction": reduction, "avg_factor": avg_factor, "engine": engine}
    expected, grads = bl.l1.value_and_grad(pred, target, weight=weight.detach(), wrt="both", **options)
    value = bl.l1(pred, target, weight=weight, **options)
    value.backward()
    close(value, expected)
    for side, grad in zip(pair, grads, strict=True):
        close(side.grad, grad)
    divisor = {None: 12, 0: np.inf}.get(avg_factor, avg_factor) if reduction == "mean" else 1
    close(weight.grad, bl.l1(pred, target).detach() / divisor)


@every_engine
def test_backward_sums_over_broadcast_axes(engine, torch, rng):
    pred = torch.tensor(boxes(rng, 5).reshape(5, 1, 4), requires_grad=True)
    target = torch.tensor(boxes(rng, 7), requires_grad=True)
    _, (d_pred, d_target) = bl.giou.value_and_grad(pred, target, wrt="both", engine=engine)
    bl.giou(pred, target, reduction="sum", engine=engine).backward()
    close(pred.grad, d_pred.sum(1, keepdim=True))
    close(target.grad, d_target.sum(0))


@every_engine
def test_backward_in_a_format(engine, pair):
    pred, target = pair
    options = {"format": ("cxcywh", "xyxy"), "engine": engine}
    _, grads = bl.l1.value_and_grad(pred, target, wrt="both", **options)
    bl.l1(pred, target, reduction="sum", **options).backward()
    for side, grad in zip(pair, grads, strict=True):
        close(side.grad, grad)


@every_engine
@pytest.mark.parametrize("leaf", [0, 1])
def test_only_what_requires_grad_gets_one(leaf, engine, pair):
    other = pair[1 - leaf].requires_grad_(False)
    bl.giou(*pair, reduction="sum", engine=engine).backward()
    _, grads = bl.giou.value_and_grad(*pair, wrt="both", engine=engine)
    close(pair[leaf].grad, grads[leaf])
    assert other.grad is None


@every_engine
def test_result_is_differentiable_only_where_asked(engine, pair, torch):
    pred, target = pair
    assert bl.giou(pred, target, engine=engine).requires_grad
    assert not bl.giou(pred.detach(), target.detach(), engine=engine).requires_grad
    with torch.no_grad():
        assert not bl.giou(pred, target, engine=engine).requires_grad
    with torch.inference_mode():
        assert not bl.giou(pred, target, engine=engine).requires_grad


@every_engine
def test_gradients_are_constants(engine, pair, torch):
    pred, target = pair
    value, grads = bl.l1.value_and_grad(pred, target, wrt="both", engine=engine)
    for result in (value, *grads):
        assert not result.requires_grad


@every_engine
def test_boxes_may_be_written_to_before_backward(engine, pair, torch):
    """What is kept until then are gradients: 16 bytes a box in float32."""
    pred, target = (side.detach().float().requires_grad_() for side in pair)
    expected = torch.autograd.grad(bl.ciou(pred, target, reduction="sum", engine=engine), (pred, target))
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        value = bl.ciou(pred, target.detach(), reduction="sum", engine=engine)
    assert sum(tensor.nbytes for tensor in kept) == 16 * len(pred)
    both = bl.ciou(pred, target, reduction="sum", engine=engine)
    with torch.no_grad():
        pred.add_(1.0)
        target.zero_()
    close(torch.autograd.grad(value, pred)[0], expected[0])
    for found, wanted in zip(torch.autograd.grad(both, (pred, target)), expected, strict=True):
        close(found, wanted)


@every_engine
@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32"])
def test_backward_keeps_the_type_of_each_tensor(name, engine, torch, rng):
    dtype = getattr(torch, name)
    pred, target = (torch.tensor(side, dtype=dtype) for side in mixed(rng, 12))
    pred.requires_grad_()
    value = bl.giou(pred, target, engine=engine)
    value.sum().backward()
    _, grad = bl.giou.value_and_grad(pred, target, engine=engine)
    assert value.dtype == torch.float32
    assert pred.grad.dtype == grad.dtype == dtype
    close(pred.grad.float(), grad.float(), rtol=1e-6)


@every_engine
def test_integer_targets(engine, torch):
    pred = torch.tensor([[0.25, 0.0, 2.0, 2.0]], requires_grad=True)
    target = torch.tensor([[1, 1, 3, 3]])
    bl.giou(pred, target, reduction="sum", engine=engine).backward()
    close(pred.grad, bl.giou.value_and_grad(pred.detach(), target.float())[1], rtol=1e-6)


@every_engine
def test_gradcheck(engine, pair, torch):
    torch.autograd.gradcheck(lambda pred, target: bl.giou(pred, target, engine=engine), pair)


@every_engine
def test_second_derivative_is_refused(engine, pair, torch):
    """As well where nothing but the boxes leads to the gradient: it would pass for a constant."""
    for reduced in (lambda value: value.square().sum(), lambda value: value.sum()):
        value = reduced(bl.giou(*pair, engine=engine))
        d_pred, d_target = torch.autograd.grad(value, pair, create_graph=True)
        for penalty in (d_pred, d_target):
            with pytest.raises(RuntimeError, match="can be differentiated once"):
                (value + penalty.square().sum()).backward(retain_graph=True)


@every_engine
@pytest.mark.parametrize("vectorize", [False, True])
def test_no_hessian_of_zeros(engine, vectorize, pair, torch):
    """Where a gradient that does not depend on the boxes would count as a derivative of 0."""
    with pytest.raises(RuntimeError, match="can be differentiated once"):
        torch.autograd.functional.hessian(
            lambda pred: bl.ciou(pred, pair[1], reduction="sum", engine=engine), pair[0], vectorize=vectorize
        )


@every_engine
@pytest.mark.parametrize("retain_graph", [False, True])
def test_a_gradient_has_a_derivative_with_respect_to_all_but_the_boxes(engine, retain_graph, pair, torch):
    factor = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    value = factor * bl.ciou(*pair, reduction="sum", engine=engine)
    (d_pred,) = torch.autograd.grad(value, pair[:1], create_graph=True, retain_graph=retain_graph)
    expected = bl.ciou.value_and_grad(pair[0].detach(), pair[1].detach())[1]
    close(d_pred.detach(), 2.0 * expected, rtol=1e-14)
    close(torch.autograd.grad(d_pred.sum(), factor)[0], expected.sum(), rtol=1e-12)


def test_a_list_should_become_a_tensor(pair, torch):
    with pytest.raises(TypeError, match=r"target must be an array .* with torch.asarray\(target\)$"):
        bl.giou(pair[0], pair[1].tolist())


def test_numbers_are_constants(pair, torch):
    """A tensor in the place of a number must not lose its gradient silently."""
    learned = torch.tensor(2.0, requires_grad=True)
    calls = (lambda: learned * bl.giou, lambda: bl.giou(*pair, reduction="mean", avg_factor=learned))
    for name, call in zip(("weight of a sum", "avg_factor"), calls, strict=True):
        with pytest.raises(TypeError, match=f"{name} must be a number; got a tensor that requires grad"):
            call()
    assert learned.detach() * bl.giou == 2.0 * bl.giou


@every_engine
def test_descent_reaches_the_target(engine, torch):
    """A training step as it is written: parameters, an optimiser, a reduced loss."""
    pred = torch.tensor([[0.0, 0.0, 1.0, 3.0], [2.0, 2.0, 3.0, 3.0]], requires_grad=True)
    target = torch.tensor([[0.5, 0.5, 2.0, 2.0], [0.0, 1.0, 3.0, 2.0]])
    optimiser = torch.optim.Adam([pred], lr=0.05)
    for _ in range(150):
        optimiser.zero_grad()
        loss = bl.giou(pred, target, reduction="mean", engine=engine)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.1


@every_engine
def test_any_strides(engine, torch, rng):
    pred, target = (torch.tensor(side) for side in mixed(rng, 12))
    expected, d_pred = bl.l1.value_and_grad(pred, target, engine=engine)
    views = (
        torch.cat([pred, pred], dim=1)[:, 4:],
        pred.T.contiguous().T,
        pred.repeat_interleave(2, dim=0)[::2],
    )
    for view in views:
        assert not view.is_contiguous()
        value, grad = bl.l1.value_and_grad(view, target, engine=engine)
        close(value, expected)
        close(grad, d_pred)
    close(bl.l1(pred[:1].expand(12, 4), target, engine=engine), bl.l1(pred[:1].repeat(12, 1), target, engine=engine))


@every_engine
def test_tensors_are_not_written_to(engine, pair):
    copies = [side.detach().clone() for side in pair]
    versions = [side._version for side in pair]
    bl.giou(*pair, reduction="sum", engine=engine).backward()
    bl.giou.pairwise(*pair, engine=engine).sum().backward()
    assert [side._version for side in pair] == versions
    for side, copy in zip(pair, copies, strict=True):
        close(side, copy, rtol=0, atol=0)


def test_kernels_read_the_memory_of_tensors(pair):
    for side in pair:
        assert flat(side, tuple(side.shape)).ctypes.data == side.data_ptr()
