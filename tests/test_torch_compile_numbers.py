"""Numbers of losses under torch.compile: others compile nothing, and they may vary in a graph."""

import pytest

import boxloss as bl
from generators import mixed
from torch_graphs import without_graphs

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),  # of torch.compile's own making
]


@pytest.fixture
def torch():
    return without_graphs()


@pytest.fixture
def pair(torch, rng):
    """Pred and target in float64; both require grad."""
    return [torch.tensor(side, requires_grad=True) for side in mixed(rng, 12)]


def test_new_numbers_compile_nothing(torch, pair):
    """Neither a graph nor a kernel, whatever the number is: a parameter, an eps, a weight of a sum or one in it."""
    makers = (
        lambda k: bl.SmoothL1(beta=k),
        lambda k: bl.Huber(delta=k),
        lambda k: bl.LogIoU(min_iou=k / 100),
        lambda k: bl.CIoU(eps=k),
        lambda k: k * bl.L1() + 2 * bl.SmoothL1(beta=k),
        lambda k: bl.Wise(bl.Focaler(bl.Inner(bl.ciou, k), high=0.5 + k / 4), mean=k) + bl.NWD(k) + bl.PIoU2(k),
        lambda k: bl.Scaled(bl.giou, k) + bl.Interpolated(bl.diou, k / 2) + bl.MPDIoU(image_size=(5.0, 8.0 * k)),
    )
    from numba.core import event
    from torch._dynamo.testing import CompileCounterWithBackend

    counter = CompileCounterWithBackend("aot_eager")

    for make in makers:
        torch._dynamo.reset()
        call = torch.compile(lambda loss, p, t: loss(p, t, reduction="sum"), fullgraph=True, backend=counter)
        torch.autograd.grad(call(make(0.25), *pair), pair[:1])
        frames = counter.frame_count
        with event.install_recorder("numba:compile") as kernels:
            for k in (0.5, 0.75, 1.5):
                value, expected = call(make(k), *pair), make(k)(*pair, reduction="sum")
                torch.testing.assert_close(value, expected)
                torch.testing.assert_close(*(torch.autograd.grad(v, pair[:1])[0] for v in (value, expected)))
        assert counter.frame_count == frames
        assert len(kernels.buffer) == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda k: bl.Wise(bl.Inner(bl.ciou, k), mean=k),
        lambda k: bl.SmoothL1(beta=k) + k * bl.Alpha(bl.giou, alpha=k),
        lambda k: bl.giou - k * bl.iou_score,
    ],
    ids=["modifiers", "a sum", "a score"],
)
def test_numbers_that_vary_in_a_graph_that_makes_the_loss(make, torch, pair):
    """From its second value on torch.compile takes a number of a call for a symbol."""
    torch._dynamo.reset()
    call = torch.compile(lambda p, t, k: make(k)(p, t, reduction="sum"), fullgraph=True, backend="aot_eager")
    for k in (0.7, 0.75, 0.8):
        torch.testing.assert_close(call(*pair, k), make(k)(*pair, reduction="sum"))


@pytest.mark.parametrize(
    "make",
    [lambda k: bl.LogIoU(min_iou=k), lambda k: bl.giou + k * bl.l1, lambda k: (0.5 - k) * bl.giou],
    ids=["a parameter", "a sum", "another direction"],
)
def test_the_best_of_a_loss_with_another_number_compiles_nothing(make, torch, pair):
    """Where boxes without overlap are, and whether a larger value is better, depend on numbers too."""
    from torch._dynamo.testing import CompileCounterWithBackend

    torch._dynamo.reset()
    counter = CompileCounterWithBackend("aot_eager")
    call = torch.compile(lambda loss, p, t: (*loss.nearest(p, t), *loss.topk(p, t, 2)), fullgraph=True, backend=counter)
    frames = []
    for k in (0.2, 0.4, 0.6, 0.8):
        loss = make(k)
        for found, expected in zip(call(loss, *pair), (*loss.nearest(*pair), *loss.topk(*pair, 2)), strict=True):
            torch.testing.assert_close(found, expected)
        frames.append(counter.frame_count)
    assert frames[1:] == frames[1:2] * 3
