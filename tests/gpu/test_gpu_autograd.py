"""Torch's autograd on CUDA tensors."""

import numpy as np
import pytest

import boxloss as bl
from cases import BY_NAME
from generators import boxes, mixed

DETR = BY_NAME["detr"].loss
some_losses = pytest.mark.parametrize("loss", [bl.l1, bl.ciou, DETR], ids=["l1", "ciou", "detr"])


@pytest.fixture
def pair(torch_library, rng):
    """Pred and target in float64; both require grad."""
    return [torch_library.asarray(side).requires_grad_() for side in mixed(rng, 333)]


@pytest.mark.parametrize(("reduction", "avg_factor"), [("none", None), ("sum", None), ("mean", None), ("mean", 2.5)])
@some_losses
def test_backward_is_the_gradient_of_the_host(loss, reduction, avg_factor, pair, torch_library, rng):
    options = {"reduction": reduction, "avg_factor": avg_factor}
    numbers = rng.uniform(0.1, 2.0, 333)
    exact = [torch_library.to_numpy(side) for side in pair]
    expected, grads = loss.value_and_grad(*exact, wrt="both", weight=numbers, engine="array", **options)
    weight = torch_library.asarray(numbers).requires_grad_()
    value = loss(*pair, weight=weight, engine=torch_library.engine, **options)
    value.sum().backward()
    torch_library.check_value(value.detach(), expected, "float64")
    for side, d in zip(pair, grads, strict=True):
        torch_library.check_gradient(side.grad, d, "float64")
    divisor = (avg_factor or 333) if reduction == "mean" else 1
    torch_library.check_value(weight.grad, loss(*exact, engine="array") / divisor, "float64")


def test_backward_sums_over_broadcast_axes(torch_library, rng):
    exact = boxes(rng, 5).reshape(5, 1, 4), boxes(rng, 7)
    pred, target = (torch_library.asarray(side).requires_grad_() for side in exact)
    bl.giou(pred, target, reduction="sum", engine=torch_library.engine).backward()
    _, (d_pred, d_target) = bl.giou.value_and_grad(*exact, wrt="both", engine="array")
    torch_library.check_gradient(pred.grad, d_pred.sum(1, keepdims=True), "float64")
    torch_library.check_gradient(target.grad, d_target.sum(0), "float64")


@pytest.mark.parametrize("narrow", ["float16", "bfloat16", "float32"])
def test_backward_keeps_the_type_of_each_tensor(narrow, torch_library, rng):
    given = [torch_library.asarray(side.astype("float32"), narrow) for side in mixed(rng, 50)]
    exact = [torch_library.to_numpy(side).astype("float64") for side in given]
    given[0].requires_grad_()
    value = bl.giou(*given, engine=torch_library.engine)
    value.sum().backward()
    expected, d = bl.giou.value_and_grad(*exact, engine="array")
    torch_library.check_value(value.detach(), expected, "float32")
    torch_library.check_gradient(given[0].grad, d, narrow)


def test_gradcheck(torch, torch_library, rng):
    pair = [torch_library.asarray(side).requires_grad_() for side in mixed(rng, 12)]
    assert torch.autograd.gradcheck(lambda *pair: bl.giou(*pair, engine=torch_library.engine), pair)


def test_gradients_are_constants(pair, torch_library):
    value, grads = bl.l1.value_and_grad(*pair, wrt="both", engine=torch_library.engine)
    for result in (value, *grads):
        assert not result.requires_grad


@pytest.mark.parametrize("shape", [(40, 70), (1500, 900)], ids=["some rows", "blocks of rows"])
def test_backward_of_a_matrix(shape, torch_library, rng):
    exact = [boxes(rng, count) for count in shape]
    pred, target = (torch_library.asarray(side).requires_grad_() for side in exact)
    upstream = rng.normal(size=shape)
    matrix = bl.ciou.pairwise(pred, target, engine=torch_library.engine)
    (matrix * torch_library.asarray(upstream)).sum().backward()
    expected, (d_pred, d_target) = bl.ciou.value_and_grad(
        exact[0][:, None], exact[1][None], wrt="both", weight=upstream, engine="array"
    )
    torch_library.check_value(matrix.detach() * torch_library.asarray(upstream), expected, "float64")
    torch_library.check_gradient(pred.grad, d_pred.sum(1), "float64")
    torch_library.check_gradient(target.grad, d_target.sum(0), "float64")


def test_a_tensor_that_is_the_negative_of_memory(torch, torch_library, rng):
    exact = boxes(rng, 50)
    pred = torch.complex(torch_library.asarray(0.0 * exact), torch_library.asarray(-exact)).conj().imag
    assert pred.is_neg()
    value = bl.l1(pred, torch_library.asarray(0.0 * exact), engine=torch_library.engine)
    torch_library.check_value(value, np.abs(exact).sum(-1), "float64")


@pytest.mark.device
def test_backward_on_a_stream_of_its_own(torch, torch_library, rng):
    """Inputs are written behind a long kernel, on the stream of forward and backward."""
    exact = mixed(rng, 333)
    right = [torch_library.asarray(side) for side in exact]
    pred, target = torch.zeros_like(right[0], requires_grad=True), torch.zeros_like(right[1])

    def work():
        with torch.no_grad():
            pred.copy_(right[0])
            target.copy_(right[1])
        return torch.autograd.grad(bl.ciou(pred, target, reduction="mean", engine="cuda"), pred)[0]

    stream = torch.cuda.Stream()
    torch.cuda.synchronize()
    with torch.cuda.stream(stream):
        work()
        with torch.no_grad():
            pred.zero_()
            target.zero_()
        torch_library.spin()
        grad = work()
        was_done = stream.query()
    torch.cuda.synchronize()
    assert not was_done, "forward or backward waited for the device"
    _, d = bl.ciou.value_and_grad(*exact, reduction="mean", engine="array")
    torch_library.check_gradient(grad, d, "float64")


def test_descent_reaches_the_target(torch, torch_library):
    """A training step as it is written: parameters, an optimiser, a reduced loss."""
    pred = torch_library.asarray([[0.0, 0.0, 1.0, 3.0], [2.0, 2.0, 3.0, 3.0]], "float32").requires_grad_()
    target = torch_library.asarray([[0.5, 0.5, 2.0, 2.0], [0.0, 1.0, 3.0, 2.0]], "float32")
    optimiser = torch.optim.Adam([pred], lr=0.05)
    for _ in range(150):
        optimiser.zero_grad()
        loss = bl.giou(pred, target, reduction="mean", engine=torch_library.engine)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.1


def test_compiled_step(torch, torch_library, rng):
    """Torch traces forward and backward and runs them as they are, which needs no compiler of its own."""
    torch.compiler.reset()
    exact = mixed(rng, 333)
    pred, target = (torch_library.asarray(side) for side in exact)

    @torch.compile(backend="aot_eager", fullgraph=True)
    def step(pred, target):
        return bl.ciou(pred, target, reduction="mean", engine=torch_library.engine)

    value = step(pred.requires_grad_(), target)
    value.backward()
    expected, d = bl.ciou.value_and_grad(*exact, reduction="mean", engine="array")
    torch_library.check_value(value.detach(), expected, "float64")
    torch_library.check_gradient(pred.grad, d, "float64")
