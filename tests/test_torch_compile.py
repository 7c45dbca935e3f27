"""torch.compile without a graph break: the same values and gradients, and never those of another loss."""

import pytest

import boxloss as bl
from generators import boxes, mixed
from torch_graphs import DETR, SIDES, without_graphs

pytestmark = [
    pytest.mark.torch,
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),  # of torch.compile's own making
]


@pytest.fixture
def torch():
    return without_graphs()


@pytest.fixture
def compile(torch):
    """Compile to a graph, or fail. The backend differentiates graphs as the default one does but writes no C++."""

    def compile(function, **options):
        return torch.compile(function, fullgraph=True, **{"backend": "aot_eager"} | options)

    return compile


@pytest.fixture
def pair(torch, rng):
    """Pred and target in float64; both require grad."""
    return [torch.tensor(side, requires_grad=True) for side in mixed(rng, 12)]


def check(torch, compiled, function, *tensors, scale=3.0):
    """A compiled function gives what the function gives, value and gradients."""
    expected, value = function(*tensors), compiled(*tensors)
    torch.testing.assert_close(value, expected)
    leaves = [t for t in tensors if isinstance(t, torch.Tensor) and t.requires_grad]
    grads = torch.autograd.grad((value * scale).sum(), leaves)
    torch.testing.assert_close(grads, torch.autograd.grad((expected * scale).sum(), leaves))
    assert all(grad.count_nonzero() for grad in grads)


def mean_ciou(pred, target):
    return bl.ciou(pred, target, reduction="mean")


# The later family in one graph, which is one kernel.
LATER = sum(
    (
        *(bl.siou, bl.wiou, bl.MPDIoU(), bl.shape_iou, bl.piou, bl.piou2, bl.nwd, bl.gcd, bl.mgiou),
        *(bl.Focaler(bl.Inner(bl.ciou)), bl.Alpha(bl.ciou), bl.Focal(bl.eiou), bl.Wise(bl.wiou, mean=0.7)),
        *(bl.Scaled(bl.giou, 1.5), bl.Interpolated(bl.diou, 0.6)),
    ),
    start=0.5 * bl.l1,
)
CALLS = {
    "a format": lambda p, t: bl.l1(p, t, format="cxcywh"),
    "two formats": lambda p, t: bl.giou(p, t, format=("rel_cxcywh", "xyxy"), image_size=SIDES),
    "eps": lambda p, t: bl.giou(p, t, eps=1e-3, reduction="sum"),
    "avg_factor": lambda p, t: bl.l1(p, t, reduction="mean", avg_factor=3.5),
    "a weight": lambda p, t: bl.l1(p, t, weight=t.detach()[:, 2] > 0.5, reduction="mean"),
    "a number as weight": lambda p, t: bl.l1(p, t, weight=0.3),
    "array engine": lambda p, t: bl.giou(p, t, engine="array"),
    "a sum": lambda p, t: DETR(p, t, reduction="sum"),
    "a sum made in the graph": lambda p, t: (2.0 * bl.giou + bl.l1)(p, t, reduction="mean"),
    "an exponent in the graph": lambda p, t: (bl.Alpha(bl.giou, alpha=2.0) + bl.siou)(p, t, reduction="mean"),
    "the later family": lambda p, t: LATER(p, t, image_size=(5, 8), reduction="mean"),
    "broadcast boxes": lambda p, t: bl.l1(p[:, None], t[None, :5]),
    "a transposed array": lambda p, t: bl.l1(p.reshape(3, 4, 4).transpose(0, 1), t.reshape(4, 3, 4)),
    "boxes that the graph computes": lambda p, t: bl.l1(torch_exp(p), t.square(), reduction="mean"),
}


def torch_exp(tensor):
    return (0.1 * tensor).exp()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_calls(call, compile, torch, pair):
    check(torch, compile(call), call, *pair)


def test_default_backend(compile, torch, pair):
    """The one test that runs Inductor, which takes seconds; it has compiled something else before."""
    from torch._inductor.decomposition import select_decomp_table

    from boxloss.adapters.torch import inlined, operators

    assert select_decomp_table().get(operators.elementwise) in (None, inlined.pairs)
    check(torch, compile(mean_ciou, backend="inductor"), mean_ciou, *pair)
    assert select_decomp_table()[operators.elementwise] is inlined.pairs


@pytest.mark.parametrize("dynamic", [None, True])
def test_dynamic_shapes(dynamic, compile, torch, rng):
    graphs = 0

    def count(graph, example):
        nonlocal graphs
        graphs += 1
        return graph.forward

    compiled, counted = compile(mean_ciou, dynamic=dynamic), compile(mean_ciou, dynamic=dynamic, backend=count)
    for size in (5, 7, 12, 30):
        pair = [torch.tensor(side, requires_grad=True) for side in mixed(rng, size)]
        check(torch, compiled, mean_ciou, *pair)
        counted(*pair)
    assert graphs <= 2


def test_no_boxes(compile, torch):
    pred, target = torch.zeros((0, 4), requires_grad=True), torch.zeros((0, 4))
    value = compile(mean_ciou)(pred, target)
    value.backward()
    assert value.item() == 0.0
    assert pred.grad.shape == (0, 4)


def test_losses_are_not_mixed_up(compile, torch, pair):
    """One code object, many losses, there and back: a loss with other fields is another graph."""

    def call(loss, pred, target):
        return loss(pred, target, reduction="mean")

    compiled = compile(call)
    losses = [bl.ciou, bl.CIoU(full_gradient=True), bl.SmoothL1(beta=0.2), bl.SmoothL1(beta=0.7), DETR, 2.0 * DETR]
    for loss in [*losses, *losses, bl.CIoU(), bl.SmoothL1(beta=0.2)]:
        check(torch, lambda p, t, loss=loss: compiled(loss, p, t), lambda p, t, loss=loss: call(loss, p, t), *pair)


def test_an_attribute_that_is_exchanged(compile, torch, pair):
    class Criterion(torch.nn.Module):
        loss = bl.giou

        def forward(self, pred, target):
            return self.loss(pred, target, reduction="mean")

    criterion = Criterion()
    compiled = compile(criterion)
    for loss in (bl.giou, bl.diou, bl.giou):
        criterion.loss = loss
        check(torch, compiled, lambda p, t, loss=loss: loss(p, t, reduction="mean"), *pair)


@pytest.mark.parametrize("as_tensor", [False, True])
def test_a_divisor_that_varies(as_tensor, compile, torch, pair):
    """More values than Dynamo would compile graphs for."""

    def call(pred, target, divisor):
        return bl.l1(pred, target, reduction="mean", avg_factor=divisor)

    compiled = compile(call)
    for number in range(1, 12):
        divisor = torch.tensor(number + 0.5) if as_tensor else number + 0.5
        check(torch, compiled, call, *pair, divisor)
    value = compiled(*pair, torch.tensor(0.0) if as_tensor else 0.0)
    assert value.item() == 0.0
    assert not torch.autograd.grad(value, pair[0])[0].any()


def test_a_weight_that_requires_grad(compile, torch, pair, rng):
    def call(pred, target, weight):
        return bl.giou(pred, target, weight=weight, reduction="mean")

    check(torch, compile(call), call, *pair, torch.tensor(rng.uniform(0.5, 1.5, 12), requires_grad=True))


@pytest.mark.parametrize("wrt", ["pred", "target", "both"])
def test_value_and_grad(wrt, compile, torch, pair, rng):
    weight = torch.tensor(rng.uniform(0.5, 1.5, 12))

    def call(pred, target):
        return bl.ciou.value_and_grad(pred, target, wrt=wrt, weight=weight, reduction="mean")

    torch.testing.assert_close(compile(call)(*pair), call(*pair))


def test_pairwise(compile, torch, pair):
    torch.testing.assert_close(compile(bl.ciou.pairwise)(*pair), bl.ciou.pairwise(*pair))
    out = torch.empty((12, 12), dtype=torch.float64)
    assert compile(lambda p, t: bl.ciou.pairwise(p.detach(), t.detach(), out=out))(*pair) is out
    torch.testing.assert_close(out, bl.ciou.pairwise(*pair).detach())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half(dtype, compile, torch, pair):
    halves = [side.detach().to(getattr(torch, dtype)).requires_grad_() for side in pair]
    check(torch, compile(mean_ciou), mean_ciou, *halves)
    assert compile(bl.ciou)(*halves).dtype == torch.float32


def test_autocast_in_the_graph(compile, torch, pair):
    layer = torch.nn.Linear(4, 4)

    def call(pred, target):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return bl.giou(layer(pred), target, reduction="mean")

    check(torch, compile(call), call, *(side.detach().float().requires_grad_() for side in pair))


def test_without_grad(compile, torch, pair):
    compiled = compile(mean_ciou)
    with torch.no_grad():
        assert not compiled(*pair).requires_grad
    with torch.inference_mode():
        torch.testing.assert_close(compiled(*(side.detach() for side in pair)), mean_ciou(*pair).detach())


def test_second_derivative_is_refused(compile, torch, pair):
    (grad,) = torch.autograd.grad(compile(mean_ciou)(*pair), pair[:1], create_graph=True)
    with pytest.raises(RuntimeError, match="does not currently support double backward"):
        grad.sum().backward()


ERRORS = {
    "last axis": (lambda p, t: bl.giou(p, t[:, :3]), "target must have shape (..., 4); got (12, 3)"),
    "weight": (lambda p, t: bl.l1(p, t, weight=t[:, :2]), "weight must be one number a pair, of a shape that"),
    "type": (
        lambda p, t: bl.giou(p, t > 0),
        "target must be of float16, bfloat16, float32, float64 or an integer",
    ),
    "format": (lambda p, t: bl.giou(p, t, format="xxyy"), "format must be one of 'xyxy'"),
    "eps": (lambda p, t: bl.l1(p, t, eps=0.1), "eps pads a denominator and L1 has none"),
    "rows": (lambda p, t: bl.l1.pairwise(p[0], t), "pred of a pairwise matrix must have shape (..., N, 4); got (4,)"),
}


@pytest.mark.parametrize(("call", "text"), ERRORS.values(), ids=ERRORS)
def test_errors_are_told_when_the_graph_is_made(call, text, compile, torch, pair):
    with pytest.raises(torch._dynamo.exc.TorchDynamoException) as caught:
        compile(call)(*pair)
    assert text in str(caught.value)


def test_transform_in_a_graph_is_refused(compile, torch, pair):
    with pytest.raises(torch._dynamo.exc.TorchDynamoException, match="inside of a transform"):
        compile(lambda p, t: torch.func.vmap(bl.giou)(p, t))(*pair)


def test_operators_keep_torchs_rules(torch, rng):
    """Schema, registration of the derivative and fake implementation, as torch itself tests them."""
    pred, target = torch.tensor(boxes(rng, 3)), torch.tensor(boxes(rng, 3), requires_grad=True)
    from boxloss.adapters.torch import operators

    options = bl.ciou.program.tensor, bl.ciou.program.structure.text, None, "xyxy", "cxcywh", None, "auto"
    # Not its test of a graph: that one differentiates the gradients too.
    utils = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(operators.elementwise, (pred, target, *options, True, True), test_utils=utils)


def test_a_first_use_in_a_graph(tmp_path, run_forked_of_torch):
    """What is imported while torch.compile looks at code is as real as what is imported before."""
    code = """
import numpy as np, torch, boxloss as bl
pred = torch.tensor([[0.0, 0, 2, 2]], requires_grad=True)
target = torch.tensor([[1.0, 1, 3, 3]])
call = torch.compile(lambda p, t: bl.SmoothL1(beta=0.5)(p, t) + bl.log_iou(p, t), fullgraph=True, backend="aot_eager")
call(pred, target).sum().backward()
print(type(bl.log_iou.program.tensor).__name__, bl.log_iou.program.tensor.tolist())
"""
    assert run_forked_of_torch(code, NUMBA_CACHE_DIR=tmp_path) == "Tensor [1e-06]"
