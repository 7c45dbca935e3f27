"""`nearest` and `topk` in torch, JAX and Dask: their derivatives, what compiles and maps them, and chunks."""

import numpy as np
import pytest

import boxloss as bl
from generators import boxes


def of_pairs(rng, dtype="float64"):
    """Preds, targets padded with anything, and which targets count: of the second image none."""
    pred, target = boxes(rng, 12).reshape(2, 6, 4).astype(dtype), boxes(rng, 10).reshape(2, 5, 4).astype(dtype)
    target[0, 4] = target[1, 0] = np.nan
    return pred, target, np.asarray([[True, True, True, True, False], [False] * 5])


@pytest.mark.torch
def test_torch_without_targets_has_a_derivative_of_zero():
    import torch

    pred = torch.tensor([[0.0, 0, 2, 2], [float("nan"), 0, 1, 1]], requires_grad=True)
    for value, index in (bl.giou.nearest(pred, torch.zeros(0, 4)), bl.giou.topk(pred, torch.zeros(0, 4), 2)):
        assert (value == float("inf")).all()
        assert (index == -1).all()
        (grad,) = torch.autograd.grad(value.sum(), pred)
        assert (grad == 0.0).all()


@pytest.mark.torch
@pytest.mark.parametrize("engine", ["array", "numba"])
def test_torch_differentiates_by_the_pairs_that_were_chosen(engine, rng):
    import torch

    pred, target, mask = map(torch.tensor, of_pairs(rng))
    sides = pred.requires_grad_(), target.requires_grad_()
    for loss, k in ((bl.ciou, 0), (bl.giou, 3)):
        verb = loss.topk if k else loss.nearest
        value, index = verb(*sides, *([k] if k else []), target_mask=mask, engine=engine)
        found = torch.autograd.grad(value[torch.isfinite(value)].sum(), sides)
        one = index[0].reshape(6, -1)
        pairs = sides[0][0, :, None].expand(*one.shape, 4), sides[1][0][one]
        expected = torch.autograd.grad(loss(*pairs, engine=engine).sum(), sides)
        for got, wanted in zip(found, expected, strict=True):
            torch.testing.assert_close(got, wanted)
            assert not got[1].any()
    i, j, value = bl.giou.below(pred[0], target[0], 1.5, engine=engine)
    found = torch.autograd.grad(value.sum(), sides)
    expected = torch.autograd.grad(bl.giou(pred[0][i], target[0][j], engine=engine).sum(), sides)
    for got, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(got, wanted)


@pytest.mark.torch
@pytest.mark.parametrize("formats", [("cxcywha", "xyxy"), ("xyxy", "cxcywha"), ("cxcywh", "xyxy")])
def test_torch_differentiates_boxes_of_two_formats(formats, rng):
    import torch

    pred, target, mask = of_pairs(rng)
    sides = [
        torch.tensor(bl.convert(side, "xyxy", own), requires_grad=True)
        for side, own in zip((pred, target), formats, strict=True)
    ]
    masks = torch.tensor(mask)
    value, index = bl.giou.nearest(*sides, target_mask=masks, format=formats)
    values, _ = bl.giou.topk(*sides, 12, target_mask=masks, format=formats)
    assert (index < 0).any()
    assert torch.isinf(values).any()
    total = value[index >= 0].sum() + values[torch.isfinite(values)].sum()
    found = torch.autograd.grad(total, sides)
    clean = torch.where(masks[..., None], sides[1], 1.0)
    matrix = torch.where(masks[..., None, :], bl.giou.pairwise(sides[0], clean, format=formats), torch.inf)
    everything = matrix[torch.isfinite(matrix)].sum() + matrix.amin(-1)[index >= 0].sum()
    torch.testing.assert_close(total, everything)
    for got, wanted in zip(found, torch.autograd.grad(everything, sides), strict=True):
        torch.testing.assert_close(got, wanted)


@pytest.mark.torch
def test_torch_compiles_and_transforms(rng):
    import torch

    pred, target, mask = map(torch.tensor, of_pairs(rng))
    pred.requires_grad_()

    def call(pred, target, mask):
        value, index = bl.giou.nearest(pred, target, target_mask=mask)
        return value, index, *bl.iou_score.topk(pred, target, 2)

    expected = call(pred, target, mask)
    compiled = torch.compile(call, backend="aot_eager", fullgraph=True)(pred, target, mask)
    mapped = torch.func.vmap(call)(pred, target, mask)
    for results in (compiled, mapped):
        assert all(map(torch.equal, results, expected))
    own = torch.func.grad(lambda pred: bl.giou.nearest(pred, target)[0].sum())(pred.detach())
    torch.testing.assert_close(own, torch.autograd.grad(bl.giou.nearest(pred, target)[0].sum(), pred)[0])
    text = "below and above give as many pairs as there are"
    with pytest.raises(RuntimeError, match=text):
        torch.func.vmap(lambda a, b: bl.giou.below(a, b, 0.5))(pred.detach(), target)


@pytest.mark.torch
def test_a_graph_knows_what_boxes_without_overlap_have(rng, monkeypatch):
    """So that `nearest` looks at near targets alone, as it does outside."""
    import torch

    from boxloss.verbs.nearest import near
    from boxloss.verbs.nearest import numba as nearest

    monkeypatch.setattr(nearest, "MANY_PREDS", 1)
    monkeypatch.setattr(nearest, "MANY_TARGETS", 1)
    calls, groups_of = [], near.groups_of
    monkeypatch.setattr(near, "groups_of", lambda *arguments: calls.append(1) or groups_of(*arguments))
    pred, target = (torch.tensor(boxes(rng, n)) for n in (40, 90))
    for loss in (bl.giou, bl.iou_score):
        expected = loss.nearest(pred, target)
        found = torch.compile(loss.nearest, backend="aot_eager", fullgraph=True)(pred, target)
        assert all(map(torch.equal, found, expected))
    assert len(calls) == 4


@pytest.mark.jax
def test_jax_differentiates_and_compiles(rng):
    import jax

    pred, target, mask = map(jax.numpy.asarray, of_pairs(rng))

    def total(pred, target):
        value, index = bl.ciou.nearest(pred, target, target_mask=mask)
        return jax.numpy.where(index < 0, 0.0, value).sum()

    found = jax.jit(jax.grad(total, argnums=(0, 1)))(pred, target)
    _, index = bl.ciou.nearest(pred, target, target_mask=mask)
    expected = jax.grad(lambda p, t: bl.ciou(p[0], t[0][index[0]]).sum(), argnums=(0, 1))(pred, target)
    for got, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12)
    turned = bl.convert(pred[0], "xyxy", "cxcywha")
    of_two = jax.grad(lambda p, t: bl.giou.nearest(p, t, format=("cxcywha", "xyxy"))[0].sum(), argnums=1)
    of_one = jax.grad(lambda p, t: bl.giou.nearest(p, t)[0].sum(), argnums=1)
    np.testing.assert_allclose(of_two(turned, target[0, :4]), of_one(pred[0], target[0, :4]), rtol=1e-6, atol=1e-12)
    value, index = jax.jit(lambda p, t: bl.giou.topk(p, t, 2))(pred[0], target[0])
    np.testing.assert_allclose(value, bl.giou.topk(pred[0], target[0], 2)[0], rtol=1e-12)
    assert index.shape == (6, 2)


@pytest.mark.dask
def test_dask_is_lazy_and_takes_preds_chunk_by_chunk(rng):
    import dask.array as da

    pred, target = boxes(rng, 20), boxes(rng, 9)
    lazy = da.from_array(pred, chunks=(6, 2)), da.from_array(target, chunks=(4, 4))
    value, index = bl.giou.topk(*lazy, 3)
    assert value.chunks == index.chunks == ((6, 6, 6, 2), (3,))
    assert (value.dtype, index.dtype) == (np.float64, np.int64)
    for got, wanted in zip((value, index), bl.giou.topk(pred, target, 3), strict=True):
        np.testing.assert_array_equal(got.compute(scheduler="synchronous"), wanted)
    i, j, value = bl.giou.below(*lazy, 1.2)
    assert i.numblocks == (4,)
    for got, wanted in zip((i, j, value), bl.giou.below(pred, target, 1.2), strict=True):
        np.testing.assert_array_equal(got.compute(scheduler="synchronous"), wanted)


@pytest.mark.dask
@pytest.mark.parametrize("loss", [bl.giou, bl.iou_score], ids=repr)
def test_every_bit_is_that_of_the_chunked_matrix(loss, rng):
    """A matrix needs guards for the chunks that hold a box of no area, or none at all; so do the verbs."""
    import dask.array as da

    pred, target = (boxes(rng, count).astype(np.float32) for count in (20, 23))
    target[[3, 9, 10], 2] = target[[3, 9, 10], 0]
    target[14], target[20] = np.nan, target[1]  # no box, and one that ties with another of another chunk
    mask = rng.random(23) < 0.8
    masks = da.from_array(mask, chunks=5)
    pred_chunks, chunks = da.from_array(pred, chunks=(8, 4)), da.from_array(target, chunks=(4, 4))
    matrix = loss.pairwise(pred_chunks, chunks).compute(scheduler="synchronous")
    worst = -np.inf if loss.is_score else np.inf
    left = np.where(np.isnan(matrix) | ~mask, worst, matrix)
    order = np.argsort(-left if loss.is_score else left, axis=1, kind="stable")
    for k in (1, 5, 23):
        value, index = (
            part.compute(scheduler="synchronous") for part in loss.topk(pred_chunks, chunks, k, target_mask=masks)
        )
        there = np.arange(k) < np.sum(mask & ~np.isnan(target[:, 0]))
        np.testing.assert_array_equal(index, np.where(there, order[:, :k], -1))
        np.testing.assert_array_equal(value, np.where(there, np.take_along_axis(left, order, 1)[:, :k], worst))
    one = [part.compute(scheduler="synchronous") for part in loss.nearest(pred_chunks, chunks, target_mask=masks)]
    np.testing.assert_array_equal(one[0], np.take_along_axis(left, order, 1)[:, 0])
    np.testing.assert_array_equal(one[1], order[:, 0])
    within = loss.above if loss.is_score else loss.below
    i, j, value = (
        part.compute(scheduler="synchronous") for part in within(pred_chunks, chunks, 0.9 - 0.6 * loss.is_score)
    )
    rows, columns = np.nonzero(matrix > 0.3 if loss.is_score else matrix < 0.9)
    np.testing.assert_array_equal(np.stack([i, j]), np.stack([rows, columns]))
    np.testing.assert_array_equal(value, matrix[rows, columns])
