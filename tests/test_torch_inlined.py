"""Which calls are operations of torch in graphs of Inductor, and which stay one operator."""

import pytest

import boxloss as bl
from generators import mixed
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
def pair(torch, rng):
    """Pred and target in float64; both require grad."""
    return [torch.tensor(side, requires_grad=True) for side in mixed(rng, 12)]


INLINED = {
    "gradients": lambda p, t: bl.ciou.value_and_grad(p, t, wrt="both"),
    "formats and half": lambda p, t: bl.giou.value_and_grad(
        p.half(), t, format=("rel_cxcywh", "xyxy"), image_size=SIDES, eps=1e-3
    ),
    "a sum": lambda p, t: (DETR.value_and_grad(p[:, None], t[None, :5], weight=0.5),),
}


@pytest.mark.parametrize("call", INLINED.values(), ids=INLINED)
def test_few_pairs_are_operations_of_torch_in_graphs_of_inductor(call, torch, pair):
    """By the rule that Inductor is given; the second run has other numbers."""
    from boxloss.adapters.torch import inlined, operators

    graph = recorded(torch, call, pair, {operators.elementwise: inlined.pairs})
    assert not boxloss_operators(graph)
    for sides in (pair, [side.flip(0) for side in pair]):
        torch.testing.assert_close(graph(*sides), call(*sides))
    pair[0].data[:3] = pair[1].data[:3]
    pair[0].data[3, 1] = float("nan")
    torch.testing.assert_close(graph(*pair), call(*pair), equal_nan=True)


@pytest.mark.parametrize(
    "names",
    ["l1,smooth_l1,log_iou,eiou", "siou,shape_iou,wiou,piou2,nwd,gcd", "gwd,kld,bcd,probiou,kfiou,mgiou"],
)
def test_losses_are_inlined_without_writing_to_an_array(names, torch, rng):
    """By the table of Inductor, which takes no graph that writes; what it compiles from is run as it is."""
    sides = [torch.tensor(rng.uniform(0.5, 2.0, (5, 4)), requires_grad=True) for _ in range(2)]
    loss = sum(bl.get(name) for name in names.split(","))

    def call(pred, target):
        return loss(pred, target, format="cxcywh")

    compiled = torch.compile(call, fullgraph=True, backend="aot_eager_decomp_partition")
    torch.testing.assert_close(compiled(*sides), call(*sides))
    found = torch.autograd.grad(compiled(*sides).sum(), sides)
    torch.testing.assert_close(found, torch.autograd.grad(call(*sides).sum(), sides), rtol=1e-6, atol=1e-8)


KEPT = {
    "many": lambda p, t: bl.giou(p.repeat(400, 1), t.repeat(400, 1)),
    "with an angle": lambda p, t: bl.giou(p[:, [0, 1, 2, 3, 0]], t, format=("cxcywha", "xyxy")),
    "an engine": lambda p, t: bl.giou(p, t, engine="numba"),
    "a loss of one's own": lambda p, t: Own()(p, t),
}


class Own(bl.GIoU):
    """A formula of somebody's own, which may do anything."""


@pytest.mark.parametrize("call", KEPT.values(), ids=KEPT)
def test_other_pairs_are_one_operator(call, torch, pair):
    from boxloss.adapters.torch import inlined, operators

    graph = recorded(torch, call, pair, {operators.elementwise: inlined.pairs})
    assert boxloss_operators(graph) == ["boxloss.kernel.default"]
    torch.testing.assert_close(graph(*pair), call(*pair))


def recorded(torch, call, pair, rules):
    """The graph of a call after the rules by which operators become others."""
    from torch.fx.experimental.proxy_tensor import make_fx

    with torch.no_grad():
        return make_fx(call, decomposition_table=rules, tracing_mode="fake")(*pair)


def boxloss_operators(graph):
    return [str(node.target) for node in graph.graph.nodes if "boxloss" in str(node.target)]
