"""Losses of somebody's own where torch knows them by text: in graphs, under transforms, and in graphs from disk."""

import enum
import io
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

import boxloss as bl
from boxloss.losses.coordinate import CoordinateLoss
from generators import mixed

pytestmark = [
    pytest.mark.torch,
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),  # of torch.compile's and torch.jit's own making
]


class Scale(NamedTuple):
    """A named tuple with a number and a name."""

    factor: float
    name: str


class Side(enum.Enum):
    """A field that is no literal."""

    LEFT = 1
    RIGHT = 2


def twice(value):
    return value + value


SCALE, TWO = Scale(3.0, "x"), np.int64(2)


@dataclass(frozen=True)
class Fields(CoordinateLoss):
    """Fields of many kinds."""

    scale: Scale = SCALE
    side: Side = Side.LEFT
    function: Any = twice
    names: frozenset[str] = frozenset({"a"})
    count: Any = TWO
    expression = "..."
    value_range = "[0, inf)"

    @staticmethod
    def formula(xp, e, scale, side, function, names, count):
        factor = scale.factor * (1.0 if side is Side.LEFT and scale.name == "x" else 7.0) * len(names)
        return function(factor * xp.abs(e)) + count * xp.abs(e), (2.0 * factor + count) * xp.sign(e)


@pytest.fixture
def torch():
    import torch

    torch._dynamo.reset()
    return torch


@pytest.fixture
def pair(torch, rng):
    return [torch.tensor(side) for side in mixed(rng, 6)]


def make(factor):
    """A class of a name that all these have, in a function."""

    @dataclass(frozen=True)
    class Own(bl.L1):
        @staticmethod
        def formula(xp, e):
            return factor * xp.abs(e), factor * xp.sign(e)

    return Own


def ways(torch, pair):
    """The mean of a loss by each way that knows it by text."""
    return {
        "compile": lambda loss: torch.compile(
            lambda p, t: loss(p, t, reduction="mean"), fullgraph=True, backend="aot_eager"
        )(*pair),
        "transform": lambda loss: torch.func.vmap(loss)(*pair).mean(),
        "trace": lambda loss: torch.jit.trace(
            lambda p, t: loss(p, t, reduction="mean"), tuple(pair), check_trace=False
        )(*pair),
    }


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("way", ["compile", "transform", "trace"])
def test_a_class_of_a_name_that_another_has(way, torch, pair):
    """As in a notebook whose cell runs again, or in a function that makes classes."""
    call = ways(torch, pair)[way]
    expected = bl.l1(*pair, reduction="mean")
    for factor in (2.0, 3.0, 5.0, 2.0):
        torch.testing.assert_close(call(make(factor)()), factor * expected)
        torch.testing.assert_close(call(bl.l2 + make(factor)()), factor * expected + bl.l2(*pair, reduction="mean"))


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("way", ["compile", "transform", "trace"])
def test_fields_of_any_kind(way, torch, pair):
    call = ways(torch, pair)[way]
    for loss in (Fields(), Fields(side=Side.RIGHT), Fields(scale=Scale(0.5, "y")), Fields(names=frozenset("abc"))):
        torch.testing.assert_close(call(loss), loss(*pair, reduction="mean"))


def test_a_loss_made_in_the_graph(torch, pair):
    """And nowhere before: what the graph makes is nothing that the graph depends on."""
    kind = make(4.0)
    compiled = torch.compile(lambda p, t: (0.5 * kind())(p, t), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*pair), 2.0 * bl.l1(*pair))
    with torch.compiler.set_stance("fail_on_recompile"):
        torch.testing.assert_close(compiled(*pair), 2.0 * bl.l1(*pair))


def test_a_formula_that_cannot_be_compiled(torch, pair):
    """The array engine takes it, and so does a graph."""

    @dataclass(frozen=True)
    class Hyperbolic(bl.L1):
        @staticmethod
        def formula(xp, e):
            return xp.tanh(e * e), 2.0 * e / xp.cosh(e * e) ** 2

    loss, options = Hyperbolic(), {"reduction": "sum", "engine": "array"}
    compiled = torch.compile(lambda p, t: loss(p, t, **options), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*pair), loss(*pair, **options))


def test_text_of_a_structure_is_the_structure():
    from boxloss.adapters.torch.texts import structure_of, text_of
    from boxloss.formulas.text import from_text

    detr = 5.0 * bl.L1(coordinates="cxcywh") + 2.0 * bl.giou
    for loss in (
        bl.ciou,
        bl.siou,
        bl.SmoothL1(beta=0.1, coordinates="xywh"),
        detr,
        make(2.0)(),
        Fields() + 2.0 * bl.iou,
    ):
        structure = loss.program.structure
        assert from_text(structure.text) is structure
        assert structure_of(text_of(structure.text)) is structure
    text, _, digest = text_of(bl.ciou.program.structure.text).rpartition(" ")
    assert structure_of(f"{text} {'0' * len(digest)}") is bl.ciou.program.structure  # of another version
    assert detr.program.with_eps(0.5) == detr.with_eps(0.5).program
    assert (np.float64(0.1) * bl.l1).program == (0.1 * bl.l1).program


SAVED = """
import io, sys, warnings
warnings.simplefilter("ignore")
import torch, boxloss as bl
sys.path.insert(0, {folder!r})
if {saves}:
    import own
    boxes = torch.ones(2, 4)
    torch.jit.save(torch.jit.trace(lambda p, t: own.Own()(p, t), (boxes, boxes + 1)), {file!r})
else:
    import boxloss.adapters.torch.traced
    call = torch.jit.load({file!r})
    try:
        print(call(torch.zeros(1, 4), torch.ones(1, 4)).tolist())
    except Exception as error:
        print(str(error))
"""
MODULE = """
import boxloss as bl
class Own(bl.L1):
    @staticmethod
    def formula(xp, e):
        return {factor} * xp.abs(e), {factor} * xp.sign(e)
"""


def test_a_graph_from_disk_does_not_run_another_formula(tmp_path, run_forked_of_torch):
    file = str(tmp_path / "graph.pt")
    module = tmp_path / "own.py"

    def process(saves):
        return run_forked_of_torch(SAVED.format(folder=str(tmp_path), file=file, saves=saves))

    module.write_text(MODULE.format(factor=2.0))
    process(True)
    assert process(False) == "[8.0]"
    module.write_text(MODULE.format(factor=3.0))
    told = "a graph holds a loss Own of another formula than own.Own has now; make the graph again"
    assert told in process(False)
    module.unlink()
    assert "of the class own.Own, which cannot be imported here" in process(False)


def test_a_pickled_loss_carries_no_tensor_and_gets_one(torch, pair):
    import pickle

    torch.func.vmap(bl.l1)(*pair)  # from here on losses have tensors
    loss = bl.SmoothL1(beta=0.375)
    assert loss.program.tensor is not None
    stored = io.BytesIO()
    pickle.dump(loss, stored)
    assert b"torch" not in stored.getvalue()
    again = pickle.loads(stored.getvalue())
    assert again.program == loss.program
    assert again.program.tensor.tolist() == [0.375]
