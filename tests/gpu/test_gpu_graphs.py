"""Calls in a CUDA graph: captured once, replayed on other boxes."""

import numpy as np
import pytest

import boxloss as bl
from cases import BY_NAME
from generators import mixed

pytestmark = pytest.mark.device

DETR = BY_NAME["detr"].loss
some_losses = pytest.mark.parametrize("loss", [bl.l1, bl.ciou, DETR], ids=["l1", "ciou", "detr"])


@pytest.fixture
def static(library):
    """Pred, target and weight at addresses that stay: for a capture, with boxes all of which match."""
    arrays = [library.empty((n, 4)) for n in (700, 700)] + [library.empty((700,))]
    for array in arrays:
        array[...] = 1.0
    return arrays


def check_replays(library, static, replay, results, compute, rng):
    """Replays with other inputs give other results, the right ones."""
    for _ in range(3):
        exact = (*(side.astype("float32") for side in mixed(rng, 700)), rng.uniform(0.1, 2.0, 700).astype("float32"))
        for array, values in zip(static, exact, strict=True):
            array[...] = library.asarray(values)
        replay()
        for result, known in zip(results, compute(*(a.astype("float64") for a in exact), "array"), strict=True):
            np.testing.assert_allclose(library.to_numpy(result), known, rtol=1e-4, atol=1e-6)


@some_losses
def test_value_and_gradient(loss, library, static, rng):
    def compute(pred, target, weight, engine):
        return loss.value_and_grad(pred, target, engine=engine)

    replay, results = library.capture(lambda: compute(*static, "cuda"))
    check_replays(library, static, replay, results, compute, rng)


def test_weight_and_mean(library, static, rng):
    def compute(pred, target, weight, engine):
        return bl.ciou.value_and_grad(pred, target, weight=weight, reduction="mean", engine=engine)

    replay, results = library.capture(lambda: compute(*static, "cuda"))
    check_replays(library, static, replay, results, compute, rng)


@some_losses
def test_pairwise(loss, library, static, rng):
    def compute(pred, target, weight, engine):
        return (loss.pairwise(pred[:200], target, engine=engine),)

    replay, results = library.capture(lambda: compute(*static, "cuda"))
    check_replays(library, static, replay, results, compute, rng)


def test_nearest_and_topk(library, static, rng):
    def compute(pred, target, weight, engine):
        return *bl.ciou.nearest(pred, target, engine=engine)[:1], *bl.ciou.topk(pred, target, 3, engine=engine)[:1]

    replay, results = library.capture(lambda: compute(*static, "cuda"))
    check_replays(library, static, replay, results, compute, rng)


def test_pairwise_into_a_buffer(library, static, rng):
    out = library.empty((700, 700))

    def compute(pred, target, weight, engine):
        return (bl.ciou.pairwise(pred, target, engine=engine, out=out if engine == "cuda" else None),)

    replay, results = library.capture(lambda: compute(*static, "cuda"))
    assert results[0] is out
    check_replays(library, static, replay, results, compute, rng)


def test_forward_and_backward(torch, torch_library, rng):
    pred, target, weight = (torch.ones(shape, device="cuda") for shape in ((700, 4), (700, 4), (700,)))
    pred.requires_grad_()

    def work():
        loss = bl.ciou(pred, target, weight=weight, reduction="mean")
        return loss.detach(), torch.autograd.grad(loss, pred)[0]

    def compute(pred, target, weight, engine):
        return bl.ciou.value_and_grad(pred, target, weight=weight, reduction="mean", engine=engine)

    replay, results = torch_library.capture(work)
    static = pred.detach(), target, weight
    check_replays(torch_library, static, replay, results, compute, rng)
