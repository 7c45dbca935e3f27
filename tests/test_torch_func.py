"""torch.func, tensor subclasses and the modes of torch: one call, whatever it runs under."""

import warnings

import numpy as np
import pytest

import boxloss as bl
from errors import check_error
from generators import boxes, mixed

pytestmark = pytest.mark.torch


@pytest.fixture
def torch():
    import torch

    return torch


@pytest.fixture
def pair(torch, rng):
    return [torch.tensor(side) for side in mixed(rng, 6)]


def total(pred, target, **options):
    return bl.giou(pred, target, reduction="sum", **options)


@pytest.mark.parametrize("engine", ["array", "numba"])
def test_grad(engine, torch, pair):
    grads = torch.func.grad(total, argnums=(0, 1))(*pair, engine=engine)
    torch.testing.assert_close(grads, bl.giou.value_and_grad(*pair, wrt="both")[1])
    value, aux = torch.func.vjp(bl.giou, *pair)
    upstream = torch.arange(6.0, dtype=torch.float64)
    torch.testing.assert_close(aux(upstream), tuple(upstream[:, None] * grad for grad in grads))
    torch.testing.assert_close(value, bl.giou(*pair))


def test_grad_of_a_weight(torch, pair):
    weight = torch.rand(6, dtype=torch.float64)
    grad = torch.func.grad(lambda w: bl.giou(*pair, weight=w, reduction="mean"))(weight)
    torch.testing.assert_close(grad, bl.giou(*pair) / 6)


def test_vmap_of_grad_is_a_gradient_a_pair(torch, pair):
    grads = torch.func.vmap(torch.func.grad(bl.giou))(*pair)
    torch.testing.assert_close(grads, bl.giou.value_and_grad(*pair)[1])


def test_grad_of_vmap(torch, pair):
    grad = torch.func.grad(lambda pred: torch.func.vmap(bl.giou)(pred, pair[1]).sum())(pair[0])
    torch.testing.assert_close(grad, bl.giou.value_and_grad(*pair)[1])


@pytest.mark.parametrize("in_dims", [(0, None), (None, 0), (0, 0), (1, 0), (2, 1)])
def test_vmap_of_any_axis_and_rank(in_dims, torch, rng):
    """The batch of one array does not meet another axis of the other array."""
    shapes = (2, 3, 4), (3, 4)
    batched = [
        torch.tensor(boxes(rng, 30)[: 5 * (shape[0] * (shape[1] if len(shape) > 2 else 1))].reshape(5, *shape))
        for shape in shapes
    ]
    arguments = [x[0] if dim is None else x.movedim(0, dim) for x, dim in zip(batched, in_dims, strict=True)]
    value = torch.func.vmap(bl.l1, in_dims)(*arguments)
    rows = [[x[0 if dim is None else i] for x, dim in zip(batched, in_dims, strict=True)] for i in range(5)]
    torch.testing.assert_close(value, torch.stack([bl.l1(*row) for row in rows]))
    matrix = torch.func.vmap(bl.l1.pairwise, in_dims)(*arguments)
    torch.testing.assert_close(matrix, torch.stack([bl.l1.pairwise(*row) for row in rows]))


def test_vmap_of_reductions_and_value_and_grad(torch, pair):
    batched = [side.reshape(2, 3, 4) for side in pair]

    def call(pred, target):
        return bl.giou.value_and_grad(pred, target, reduction="mean", wrt="both")

    values, grads = torch.func.vmap(call)(*batched)
    torch.testing.assert_close(values, bl.giou(*batched).mean(1))
    expected = bl.giou.value_and_grad(*batched, wrt="both")[1]
    torch.testing.assert_close(grads, tuple(grad / 3 for grad in expected))


def test_jacobian(torch, pair):
    jacobian = torch.func.jacrev(bl.giou)(*pair)
    expected = torch.zeros(6, 6, 4, dtype=torch.float64)
    expected[torch.arange(6), torch.arange(6)] = bl.giou.value_and_grad(*pair)[1]
    torch.testing.assert_close(jacobian, expected)
    vectorised = torch.autograd.functional.jacobian(lambda p: bl.giou(p, pair[1]), pair[0], vectorize=True)
    torch.testing.assert_close(vectorised, expected)


def test_batched_backward(torch, pair):
    """One backward for many derivatives: the memory of the gradient is not overwritten by the first."""
    pred, target = pair[0].requires_grad_(), pair[1]
    (rows,) = torch.autograd.grad(bl.giou(pred, target), pred, torch.eye(6, dtype=pred.dtype), is_grads_batched=True)
    torch.testing.assert_close(rows.sum(0), bl.giou.value_and_grad(pred, target)[1])


def test_second_derivative_of_a_batched_backward_is_refused(torch, pair):
    pred, target = pair[0].requires_grad_(), pair[1]
    value, each = bl.giou(pred, target), torch.eye(6, dtype=pred.dtype)
    (rows,) = torch.autograd.grad(value, pred, each, is_grads_batched=True, create_graph=True)
    with pytest.raises(RuntimeError, match="can be differentiated once"):
        rows.sum().backward()


def test_second_derivative_is_refused(torch, pair):
    def gradient(pred):
        return torch.func.grad(total)(pred, pair[1]).sum()

    with pytest.raises(RuntimeError, match="can be differentiated once"):
        torch.func.grad(gradient)(pair[0])


def test_functional_call(torch, pair):
    layer = torch.nn.Linear(4, 4, dtype=torch.float64)
    parameters = dict(layer.named_parameters())

    def loss(parameters):
        return bl.giou(torch.func.functional_call(layer, parameters, pair[0]), pair[1], reduction="mean")

    grads = torch.func.grad(loss)(parameters)
    loss(parameters).backward()
    torch.testing.assert_close(grads, {name: parameter.grad for name, parameter in layer.named_parameters()})


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_autocast(dtype, torch, rng):
    """Half boxes of a layer and float32 targets: computed in float32, and the gradient is the layer's."""
    dtype = getattr(torch, dtype)
    pred, target = (torch.tensor(side, dtype=torch.float32) for side in mixed(rng, 6))
    layer = torch.nn.Linear(4, 4)
    with torch.autocast("cpu", dtype=dtype):
        out = layer(pred)
        value = bl.giou(out, target, reduction="mean")
        plain, grad = bl.giou.value_and_grad(out, target, reduction="mean")
        matrix = bl.giou.pairwise(out, target)
        rows = torch.func.vmap(bl.giou)(out.detach(), target)
    assert out.dtype == grad.dtype == dtype
    assert value.dtype == plain.dtype == matrix.dtype == rows.dtype == torch.float32
    exact, d_out = bl.giou.value_and_grad(out.float(), target, reduction="mean")
    torch.testing.assert_close(value, exact)
    (given,) = torch.autograd.grad(value, out)
    torch.testing.assert_close(given, d_out.to(dtype))
    assert bl.giou(out, target).dtype == torch.float32


def test_small_gradients_of_half_boxes_survive_a_mean(torch):
    """They are rounded to float16 after the scale that a gradient scaler put on the value, not before."""
    pred = torch.full((1, 4), 0.5, dtype=torch.float16).expand(4096, 4).clone().requires_grad_()
    target = torch.ones(4096, 4, dtype=torch.float16)
    (bl.l1(pred, target, reduction="mean", avg_factor=1e9) * 1e9).backward()
    assert (pred.grad == -1.0).all()


def test_subclasses_and_fake_tensors(torch, pair):
    class Boxes(torch.Tensor):
        pass

    pred, target = (side.as_subclass(Boxes) for side in pair)
    torch.testing.assert_close(torch.Tensor(bl.giou(pred.requires_grad_(), target).detach()), bl.giou(*pair))
    assert torch.autograd.grad(bl.giou(pred, target).sum(), pred)[0].shape == (6, 4)
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        value = bl.giou(torch.empty(3, 1, 4), torch.empty(5, 4))
    assert value.shape == (3, 5)
    text = "below and above take plain tensors; got Boxes. Give boxes.as_subclass(torch.Tensor)"
    check_error(lambda: bl.giou.below(pred, target, 0.5), TypeError, text)


WRONG_OPTIONS = {
    "a negative divisor": {"reduction": "mean", "avg_factor": -1.0},
    "a divisor of a sum": {"reduction": "sum", "avg_factor": 2.0},
    "a divisor beyond float32": {"reduction": "mean", "avg_factor": 1e-40},
    "text for a weight": {"weight": "3"},
    "an infinite weight": {"weight": float("inf")},
    "a weight of another library": {"weight": np.ones(6)},
    "one number for an image": {"image_size": 5, "format": "rel_xyxy"},
}


@pytest.mark.parametrize("options", WRONG_OPTIONS.values(), ids=WRONG_OPTIONS)
def test_subclasses_and_transforms_are_told_what_plain_tensors_are(options, torch, pair):
    class Boxes(torch.Tensor):
        pass

    pred, target = (side.float() for side in pair)
    with pytest.raises((TypeError, ValueError)) as plain:
        bl.giou(pred, target, **options)
    own = [side.as_subclass(Boxes) for side in (pred, target)]
    check_error(lambda: bl.giou(*own, **options), plain.type, str(plain.value))
    check_error(lambda: bl.giou.value_and_grad(*own, **options), plain.type, str(plain.value))
    of_one = {"weight": np.ones(())} if isinstance(options.get("weight"), np.ndarray) else {}
    mapped = torch.func.vmap(lambda p, t: bl.giou(p, t, **options | of_one))
    check_error(lambda: mapped(pred, target), plain.type, str(plain.value))


def test_a_complex_weight(torch, pair):
    text = "weight must be of a real or boolean type; got torch.complex64"
    weight = torch.ones(6, dtype=torch.complex64)
    check_error(lambda: bl.giou(*pair, weight=weight), TypeError, text)
    check_error(lambda: torch.func.vmap(bl.giou)(*pair, weight=weight), TypeError, text)


def test_parameters(torch, pair):
    pred = torch.nn.Parameter(pair[0])
    total(pred, pair[1]).backward()
    torch.testing.assert_close(pred.grad, bl.giou.value_and_grad(*pair)[1])


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("tracked", [False, True])
def test_a_trace_is_no_constant(reduction, tracked, torch, rng):
    """Of torch.jit.trace and make_fx: what was seen of five boxes is right for seven."""
    from torch.fx.experimental.proxy_tensor import make_fx

    def loss(p, t):
        return bl.giou(p, t, reduction=reduction)

    five, seven = ([torch.tensor(side) for side in mixed(rng, n)] for n in (5, 7))
    five[0].requires_grad_(tracked)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, of itself
        traced = torch.jit.trace(loss, tuple(five), check_trace=False)
    recorded = make_fx(loss, tracing_mode="symbolic")(*(side.detach() for side in five))
    for function in (traced, recorded):
        torch.testing.assert_close(function(*seven), loss(*seven))
    if tracked:
        seven[0].requires_grad_()
        grads = [torch.autograd.grad(f(*seven).sum(), seven[:1])[0] for f in (traced, loss)]
        torch.testing.assert_close(*grads)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # of torch, of itself
def test_forward_mode_is_told_that_there_is_none(torch, pair):
    """Results would have no tangent, which is a derivative of 0."""
    from torch.autograd import forward_ad

    text = "losses have no derivative in forward mode: take one of reverse mode, as torch.func.vjp and jacrev do"
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(pair[0], torch.ones_like(pair[0]))
        for call in (bl.giou, bl.giou.value_and_grad, bl.giou.pairwise, bl.giou.nearest):
            check_error(lambda call=call: call(dual, pair[1]), NotImplementedError, text)
            check_error(lambda call=call: call(pair[1], dual), NotImplementedError, text)
        check_error(lambda: bl.giou.below(dual, pair[1], 0.5), NotImplementedError, text)
        check_error(lambda: bl.giou(*pair, weight=dual[:, 0]), NotImplementedError, text)
        assert bl.giou(*pair).shape == (6,)  # nothing of it has one
