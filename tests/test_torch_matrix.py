"""Matrices of torch tensors: their derivative, buffers, and what a transform or a compiler makes of them."""

import pytest

import boxloss as bl
from errors import check_error
from generators import boxes, mixed

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),  # of torch.compile's own making
]

every_engine = pytest.mark.parametrize("engine", ["array", "numba"])
TWICE = "can be differentiated once"


@pytest.fixture
def torch():
    import torch

    return torch


@pytest.fixture
def pair(torch, rng):
    """Five preds and seven targets; all require grad."""
    return [torch.tensor(boxes(rng, count), requires_grad=True) for count in (5, 7)]


def broadcast(loss, pred, target, **options):
    """The matrix by the elementwise verb, whose derivative other tests hold to torch's own."""
    return loss(pred[..., :, None, :], target[..., None, :, :], **options)


def squares(pred, target):
    """A number of a matrix in which each entry has another derivative."""
    return bl.giou.pairwise(pred, target).square().sum()


def squares_of_pairs(pred, target):
    return broadcast(bl.giou, pred, target).square().sum()


# --- The derivative ---------------------------------------------------------------------------------------------------


@every_engine
@pytest.mark.parametrize("rows", [1, 2, 100])
@pytest.mark.parametrize("leads", [((), ()), ((2,), ()), ((), (3,)), ((2, 1), (3,))], ids=repr)
def test_a_matrix_has_the_derivative_of_the_broadcast_call(leads, rows, engine, torch, rng, monkeypatch):
    """However many rows backward takes at a time."""
    monkeypatch.setattr("boxloss.adapters.torch.pullback.PAIRS_ON_CPU", rows * 7)
    pred, target = (
        torch.tensor(boxes(rng, 6 * count)[: count * max(1, *lead, 1)].reshape(*lead, count, 4), requires_grad=True)
        for lead, count in zip(leads, (5, 7), strict=True)
    )
    options = {"format": ("cxcywh", "xyxy"), "engine": engine}
    matrix, expected = bl.giou.pairwise(pred, target, **options), broadcast(bl.giou, pred, target, **options)
    upstream = torch.tensor(rng.normal(size=expected.shape))
    torch.testing.assert_close(matrix, expected)
    grads, wanted = (torch.autograd.grad((m * upstream).sum(), (pred, target)) for m in (matrix, expected))
    torch.testing.assert_close(grads, wanted)


@every_engine
def test_gradcheck(engine, torch, pair):
    torch.autograd.gradcheck(lambda pred, target: bl.giou.pairwise(pred, target, engine=engine), pair)


@pytest.mark.parametrize("leaf", [0, 1])
def test_only_what_requires_grad_gets_one(leaf, torch, pair):
    other = pair[1 - leaf].requires_grad_(False)
    squares(*pair).backward()
    expected = torch.autograd.grad(squares_of_pairs(*pair), pair[leaf])[0]
    torch.testing.assert_close(pair[leaf].grad, expected)
    assert other.grad is None


def test_a_matrix_is_differentiable_only_where_asked(torch, pair):
    assert not bl.giou.pairwise(*(side.detach() for side in pair)).requires_grad
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert not bl.giou.pairwise(*pair).requires_grad


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_half(name, torch, pair):
    pred, target = (side.detach().to(getattr(torch, name)).requires_grad_() for side in pair)
    matrix = bl.giou.pairwise(pred, target.detach().float())
    matrix.sum().backward()
    expected = torch.autograd.grad(broadcast(bl.giou, pred, target).sum(), pred)[0]
    assert (matrix.dtype, pred.grad.dtype) == (torch.float32, pred.dtype)
    torch.testing.assert_close(pred.grad, expected, rtol=2e-2, atol=2e-2)


def test_no_boxes(torch, pair):
    pred = torch.zeros((0, 4), dtype=torch.float64, requires_grad=True)
    bl.giou.pairwise(pred, pair[1]).sum().backward()
    assert pred.grad.shape == (0, 4)
    assert not pair[1].grad.any()


def test_nothing_but_boxes_is_kept(torch, pair):
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        bl.giou.pairwise(*pair)
    assert sum(tensor.numel() for tensor in kept) == 4 * (5 + 7)


def test_second_derivative_is_refused(torch, pair):
    (grad,) = torch.autograd.grad(squares(*pair), pair[:1], create_graph=True)
    with pytest.raises(RuntimeError, match=TWICE):
        grad.sum().backward()
    with pytest.raises(RuntimeError, match=TWICE):
        torch.autograd.functional.hessian(lambda pred: bl.l1.pairwise(pred, pair[1]).sum(), pair[0])
    plain = [side.detach() for side in pair]
    with pytest.raises(RuntimeError, match=TWICE):
        torch.func.grad(lambda pred: torch.func.grad(squares)(pred, plain[1]).sum())(plain[0])


# --- Transforms and graphs --------------------------------------------------------------------------------------------


def test_func(torch, pair):
    plain = [side.detach() for side in pair]
    expected = torch.autograd.grad(squares_of_pairs(*pair), pair)
    torch.testing.assert_close(torch.func.grad(squares, argnums=(0, 1))(*plain), expected)
    jacobians = (torch.func.jacrev(f)(*plain) for f in (bl.giou.pairwise, lambda p, t: broadcast(bl.giou, p, t)))
    torch.testing.assert_close(*jacobians)


@pytest.mark.parametrize("in_dims", [(0, None), (None, 0), (0, 0), (1, 2)])
def test_vmap_of_a_derivative(in_dims, torch, rng):
    sides = [torch.tensor(boxes(rng, 3 * count).reshape(3, count, 4)) for count in (5, 7)]
    given = [side[0] if dim is None else side.movedim(0, dim) for side, dim in zip(sides, in_dims, strict=True)]
    found = torch.func.vmap(torch.func.grad(squares, argnums=(0, 1)), in_dims)(*given)
    rows = [[side[0 if dim is None else k] for side, dim in zip(sides, in_dims, strict=True)] for k in range(3)]
    expected = [torch.func.grad(squares_of_pairs, argnums=(0, 1))(*row) for row in rows]
    torch.testing.assert_close(found, tuple(map(torch.stack, zip(*expected, strict=True))))


def test_derivative_of_a_vmap(torch, rng):
    pred, target = (torch.tensor(side) for side in (boxes(rng, 15).reshape(3, 5, 4), boxes(rng, 7)))
    matrices = torch.func.vmap(bl.l1.pairwise, (0, None))
    grads = torch.func.grad(lambda p, t: matrices(p, t).square().sum(), argnums=(0, 1))(pred, target)
    expected = torch.func.grad(lambda p, t: broadcast(bl.l1, p, t).square().sum(), argnums=(0, 1))(pred, target)
    torch.testing.assert_close(grads, expected)


def test_compiled(torch, pair):
    torch._dynamo.reset()
    compiled = torch.compile(squares, fullgraph=True, backend="aot_eager", dynamic=True)
    torch.testing.assert_close(torch.autograd.grad(compiled(*pair), pair), torch.autograd.grad(squares(*pair), pair))


def test_operators_keep_torchs_rules(torch, pair):
    from boxloss.adapters.torch import matrix_operators as operators

    pred, target = (side.detach() for side in pair)
    options = bl.ciou.program.tensor, bl.ciou.program.structure.text, None, "xyxy", "cxcywh", None, "auto"
    utils = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(operators.pairwise, (pred.requires_grad_(), target, *options), test_utils=utils)
    upstream = torch.ones(5, 7, dtype=torch.float64)
    for wanted in ((True, True), (False, True), (True, False)):
        arguments = (pred.detach(), target, *options, upstream, *wanted)
        torch.library.opcheck(operators.pairwise_backward, arguments, test_utils=(utils[0], utils[2]))


def test_a_program_that_a_transform_made_first(torch, pair):
    """Its numbers outlive the transform; see also the test of a first use in a graph."""

    def first(pred):
        return bl.Huber(delta=0.625)(pred, pair[1].detach()[:5]).sum()

    torch.func.grad(first)(pair[0].detach())
    loss = None

    def make(pred):
        nonlocal loss
        loss = bl.Huber(delta=0.875)
        return loss(pred, pair[1].detach()[:5]).sum()

    torch.func.grad(make)(pair[0].detach())
    assert loss.program.tensor.numpy().tolist() == [0.875]


# --- Buffers ----------------------------------------------------------------------------------------------------------


def test_out_is_the_memory_of_the_tensor(torch, rng):
    pair = [torch.tensor(side) for side in mixed(rng, 12)]
    out = torch.full((12, 12), torch.nan, dtype=torch.float64)
    address = out.data_ptr()
    assert bl.l1.pairwise(*pair, out=out, engine="numba") is out
    assert out.data_ptr() == address
    torch.testing.assert_close(out, bl.l1.pairwise(*pair, engine="array"))


@every_engine
def test_autograd_knows_that_out_was_written(torch, pair, engine):
    factor, out = torch.ones(5, 7, dtype=torch.float64, requires_grad=True), torch.ones(5, 7, dtype=torch.float64)
    product = (factor * out).sum()
    bl.giou.pairwise(*(side.detach() for side in pair), out=out, engine=engine)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()


WITH_HISTORY = (
    "out must be None where pred or target requires grad: a matrix that is written to it has no history. "
    "Give pred.detach() and target.detach(), or call under torch.no_grad()"
)
OUT_WITH_HISTORY = "out must not require a gradient: what is written to it has no history. Give out.detach()"


def test_a_gradient_does_not_get_lost_in_a_buffer(torch, pair):
    out = torch.ones(5, 7, dtype=torch.float64)
    for sides in (pair, (pair[0], pair[1].detach()), (pair[0].detach(), pair[1])):
        check_error(lambda sides=sides: bl.giou.pairwise(*sides, out=out), ValueError, WITH_HISTORY)
    plain = [side.detach() for side in pair]
    check_error(lambda: bl.giou.pairwise(*plain, out=out.requires_grad_()), ValueError, OUT_WITH_HISTORY)
    with torch.no_grad():
        assert bl.giou.pairwise(*pair, out=out) is out
    with pytest.raises(torch._dynamo.exc.TorchDynamoException, match="out must be None where pred"):
        torch.compile(lambda p, t: bl.giou.pairwise(p, t, out=out), fullgraph=True, backend="eager")(*pair)
