"""Where the constants of the CPU engine come from.

`auto` takes the compiled engine at every size if it is the faster at every size (first table), and starts a second
thread for what is more than one chunk (second table) of `CHUNK_OF_BOXES` or `CHUNK_OF_PAIRS` (third and fourth).
"""

import pytest

import boxloss as bl
from boxloss.verbs.elementwise import numba as elementwise
from boxloss.verbs.pairwise import numba as pairwise

SIZES = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000]
THREADING_SIZES = [1 << k for k in range(12, 20)]
LOSSES = ["l1", "ciou"]


@pytest.fixture
def with_constant(monkeypatch):
    """A call during which a constant of the CPU engine has another value."""

    def make(name, value, call):
        module = elementwise if hasattr(elementwise, name) else pairwise
        monkeypatch.setattr(module, name, value)

        def run():
            setattr(module, name, value)
            return call()

        return run

    return make


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("count", SIZES)
def test_engines(compare, boxes, smoke, name, count):
    if smoke and count > 10_000:
        pytest.skip("a size for the full run")
    pred, target = boxes(count)
    loss = bl.get(name)
    contestants = {
        engine: lambda engine=engine: loss.value_and_grad(pred, target, engine=engine) for engine in ("numba", "array")
    }
    compare("engines", {"loss": name, "boxes": count}, contestants, per="box", count=count)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("count", THREADING_SIZES)
def test_threads(compare, boxes, smoke, with_constant, name, count):
    if smoke and count > 1 << 14:
        pytest.skip("a size for the full run")
    pred, target = boxes(count)
    call = lambda: bl.get(name).value_and_grad(pred, target)  # noqa: E731
    contestants = {
        "1 thread": with_constant("CHUNK_OF_BOXES", count, call),
        "2 threads": with_constant("CHUNK_OF_BOXES", count // 2, call),
    }
    compare("threads", {"loss": name, "boxes": count}, contestants, per="box", count=count)


@pytest.mark.parametrize("name", LOSSES)
def test_chunk_of_boxes(compare, boxes, million, with_constant, name):
    pred, target = boxes(million)
    call = lambda: bl.get(name).value_and_grad(pred, target)  # noqa: E731
    contestants = {f"2^{k}": with_constant("CHUNK_OF_BOXES", 1 << k, call) for k in range(13, 20)}
    compare("chunk_of_boxes", {"loss": name}, contestants, per="box", count=million)


@pytest.mark.parametrize("name", ["giou", "ciou"])
def test_chunk_of_pairs(compare, boxes, smoke, with_constant, name):
    side = 1000 if smoke else 5000
    pred, target = boxes(side)
    call = lambda: bl.get(name).pairwise(pred, target)  # noqa: E731
    contestants = {f"2^{k}": with_constant("CHUNK_OF_PAIRS", 1 << k, call) for k in range(14, 23, 2)}
    compare("chunk_of_pairs", {"loss": name}, contestants, per="pair", count=side * side)


@pytest.mark.parametrize("name", ["giou", "ciou"])
def test_block_of_targets(compare, boxes, smoke, with_constant, name):
    rows, columns = (100, 20_000) if smoke else (200, 100_000)
    (pred, _), (_, target) = boxes(rows), boxes(columns)
    call = lambda: bl.get(name).pairwise(pred, target)  # noqa: E731
    contestants = {f"2^{k}": with_constant("BLOCK_OF_TARGETS", 1 << k, call) for k in range(9, 18, 2)}
    compare("block_of_targets", {"loss": name}, contestants, per="pair", count=rows * columns)
