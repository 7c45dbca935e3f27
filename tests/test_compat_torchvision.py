"""`boxloss.compat.torchvision` against torchvision itself: signatures, values, autograd's gradients, types."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose

import boxloss as bl
import boxloss.compat.torchvision as compat
import generators
from errors import check_error, table
from generators import boxes, mixed
from torchvision_calls import LOSSES, SCORES, values_and_grads

EPS = (None, 1e-3)  # torchvision's own, and one that shows where it is added
HAVE_NO_EPS = ("box_iou", "generalized_box_iou")
every_loss = pytest.mark.parametrize("name", LOSSES)
every_score = pytest.mark.parametrize("name", SCORES)
padded = pytest.mark.parametrize(
    ("name", "eps"), [(name, eps) for name in LOSSES + SCORES for eps in EPS if not (eps and name in HAVE_NO_EPS)]
)


@pytest.fixture(scope="module")
def ops():
    from torchvision_ops import ops

    return ops


@pytest.fixture
def torch():
    import torch

    return torch


def options_of(eps):
    return {} if eps is None else {"eps": eps}


# --- The same as torchvision ----------------------------------------------------------------------------------------


@pytest.mark.torch
@pytest.mark.parametrize("name", compat.__all__)
def test_signature(name, ops):
    ours, theirs = (inspect.signature(getattr(module, name)).parameters.values() for module in (compat, ops))
    assert [(p.name, p.kind, p.default) for p in ours] == [(p.name, p.kind, p.default) for p in theirs]


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["overlapping", "disjoint", "nested", "aligned", "match"])
@padded
def test_values_and_gradients(name, eps, kind, ops, rng):
    """At two scales: of pixels, and one at which every eps counts."""
    for scale in (100.0, 0.05):
        pair = [scale * side for side in getattr(generators, kind)(rng, 30)]
        found, wanted = (values_and_grads(getattr(module, name), *pair, **options_of(eps)) for module in (compat, ops))
        assert_allclose(found[0], wanted[0], rtol=1e-12, atol=1e-12)
        for ours, theirs in zip(found[1:], wanted[1:], strict=True):
            assert_allclose(scale * ours, scale * theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.torch
@padded
def test_matrices_and_losses_of_constants(name, eps, ops, torch, rng):
    """Without a gradient the scores run the pairwise kernels."""
    pair = [torch.tensor(side) for side in mixed(rng, 20)]
    found, wanted = (getattr(module, name)(*pair, **options_of(eps)) for module in (compat, ops))
    assert found.shape == wanted.shape
    assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize("fmt", ["xyxy", "xywh", "cxcywh"])
def test_format_of_box_iou(fmt, ops, rng):
    pair = [bl.convert(side, "xyxy", fmt) for side in mixed(rng, 8)]
    found, wanted = (values_and_grads(module.box_iou, *pair, fmt) for module in (compat, ops))
    for ours, theirs in zip(found, wanted, strict=True):
        assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11)


@pytest.mark.torch
@every_score
def test_batches_of_matrices(name, ops, torch, rng):
    pair = [torch.tensor(boxes(rng, 2 * n).reshape(2, n, 4)) for n in (3, 5)]
    assert_allclose(getattr(compat, name)(*pair), getattr(ops, name)(*pair), rtol=1e-12, atol=1e-12)


@pytest.mark.torch
@every_loss
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_reductions(reduction, name, ops, torch, rng):
    full = [torch.tensor(side) for side in mixed(rng, 7)]
    for pair in (full, [side[:0] for side in full], [side[0] for side in full]):
        found, wanted = (getattr(module, name)(*pair, reduction) for module in (compat, ops))
        assert found.shape == wanted.shape
        assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


TYPES = ("float16", "bfloat16", "float32", "float64", "uint8", "int32", "int64")
MIXED = [("float16", "float32"), ("float32", "float64"), ("int64", "float32"), ("float64", "int32"), ("int32", "int64")]
REFUSED = [("float32", "float64", name) for name in LOSSES]  # there, by an accident: it assigns into the narrower type


@pytest.mark.torch
@pytest.mark.parametrize(("one", "two"), [(name, name) for name in TYPES] + MIXED)
def test_types_promote_as_there(one, two, ops, torch):
    """Half precision of theirs subtracts coordinates before it widens them; ours widens first."""
    pred = torch.tensor([[0, 0, 20, 20], [1, 2, 30, 40]], dtype=getattr(torch, one))
    target = torch.tensor([[10, 10, 30, 30], [4, 5, 33, 35]], dtype=getattr(torch, two))
    for name in (*LOSSES, *SCORES):
        if (one, two, name) in REFUSED:
            with pytest.raises(RuntimeError):
                getattr(ops, name)(pred, target)
            assert getattr(compat, name)(pred, target).dtype == torch.float64
            continue
        found, wanted = (getattr(module, name)(pred, target) for module in (compat, ops))
        assert found.dtype == wanted.dtype, name
        assert_allclose(found, wanted, rtol=1e-6, atol=1e-6, err_msg=name)


# --- Functions of boxes ---------------------------------------------------------------------------------------------

BOXES = np.asarray([[-5.0, 3, 12, 8], [4, 4, 4, 9], [6, 7, 2, 20], [10, 11, 50, 90.5], [0, 0, 2, 2]])
FORMATS = ("xyxy", "xywh", "cxcywh")
CALLS = {
    **{f"area-{fmt}": lambda m, b, fmt=fmt: m.box_area(b, fmt) for fmt in FORMATS},
    **{f"convert-{i}-{o}": lambda m, b, i=i, o=o: m.box_convert(b, i, o) for i in FORMATS for o in FORMATS},
    "clip": lambda m, b: m.clip_boxes_to_image(b, (10, 12)),
    "small": lambda m, b: m.remove_small_boxes(b, 2),
    "small-fraction": lambda m, b: m.remove_small_boxes(b, min_size=2.5),
}


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("call", CALLS)
def test_functions_of_boxes_to_the_last_bit(call, dtype, ops, torch):
    given = torch.tensor(BOXES).to(getattr(torch, dtype))
    found, wanted = (CALLS[call](module, given) for module in (compat, ops))
    assert found.dtype == wanted.dtype
    assert torch.equal(found, wanted)
    assert found.data_ptr() != given.data_ptr()


@pytest.mark.torch
@pytest.mark.parametrize("call", [call for call in CALLS if not call.startswith("small")])
def test_gradients_of_functions_of_boxes(call, ops, torch):
    """On the border of the image too, where a corner keeps its gradient."""
    given = torch.tensor(np.concatenate([BOXES, [[0.0, 0, 12, 10]]]), requires_grad=True)
    found, wanted = (torch.autograd.grad(CALLS[call](module, given).sum(), given)[0] for module in (compat, ops))
    assert torch.equal(found, wanted)


# --- Every array library --------------------------------------------------------------------------------------------


def plain(name, pred, target):
    """The same from the losses of this package, for boxes on which an eps of 1e-7 does not count."""
    kinds = {"generalized": bl.giou, "distance": bl.diou, "complete": bl.ciou}
    if name == "box_iou":
        return bl.iou_score.pairwise(pred, target, engine="array")
    loss = kinds[name.partition("_")[0]]
    return loss(pred, target, engine="array") if name in LOSSES else 1 - loss.pairwise(pred, target, engine="array")


@pytest.mark.parametrize("name", LOSSES + SCORES)
def test_every_library(name, backend, rng):
    pair = [10.0 * side for side in mixed(rng, 6)]
    result = getattr(compat, name)(*(backend.asarray(side) for side in pair))
    backend.assert_like(result, plain(name, *pair), rtol=1e-6, atol=1e-6)


def test_functions_of_boxes_of_every_library(backend):
    given = backend.asarray(BOXES)
    backend.assert_like(compat.box_area(given), [85.0, 0, -52, 3180, 4])
    backend.assert_like(compat.box_convert(given[:1, ...], "xyxy", "cxcywh"), [[3.5, 5.5, 17, 5]])
    backend.assert_like(compat.clip_boxes_to_image(given[:1, ...], (6, 10)), [[0.0, 3, 10, 6]])
    assert backend.to_numpy(compat.remove_small_boxes(given, 2)).tolist() == [0, 3, 4]


@pytest.mark.jax
@pytest.mark.parametrize("name", ["complete_box_iou_loss", "distance_box_iou"])
def test_jax(name, rng):
    """Under jit, with gradients; a matrix as well."""
    import jax

    function = getattr(compat, name)
    pair = [10.0 * side for side in mixed(rng, 6)]
    given = [jax.numpy.asarray(side) for side in pair]
    grad = jax.jit(jax.grad(lambda pred, target: function(pred, target).sum()))(*given)
    if name == "distance_box_iou":
        wanted = -bl.diou.value_and_grad(pair[0][:, None], pair[1])[1].sum(axis=1)
    else:
        wanted = bl.ciou.value_and_grad(*pair)[1]
    assert_allclose(grad, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.torch
@pytest.mark.parametrize("name", ["complete_box_iou_loss", "generalized_box_iou"])
def test_one_graph_of_torch_compile(name, torch, rng):
    pred, target = (torch.tensor(side) for side in mixed(rng, 5))
    pred.requires_grad_()
    function = getattr(compat, name)
    compiled = torch.compile(lambda p, t: function(p, t).sum(), fullgraph=True, backend="eager")
    (found,), (wanted,) = (torch.autograd.grad(f(pred, target).sum(), pred) for f in (compiled, function))
    assert_allclose(found, wanted, rtol=1e-13)


# --- Errors ---------------------------------------------------------------------------------------------------------

NAMES = "'xyxy', 'xywh', 'cxcywh'"
ALL = f"{NAMES}, 'cxcywhr', 'xywhr', 'xyxyxyxy'"


@table(
    ("fmt", lambda: compat.box_iou(BOXES, BOXES, "yxyx"), ValueError, f"fmt must be one of {ALL}; got 'yxyx'"),
    ("fmt-area", lambda: compat.box_area(BOXES, "yxyx"), ValueError, f"fmt must be one of {NAMES}; got 'yxyx'"),
    ("in", lambda: compat.box_convert(BOXES, 1, "xywh"), ValueError, f"in_fmt must be one of {ALL}; got 1"),
    ("out", lambda: compat.box_convert(BOXES, "xywh", ""), ValueError, f"out_fmt must be one of {ALL}; got ''"),
    (
        "reduction",
        lambda: compat.generalized_box_iou_loss(BOXES, BOXES, "avg"),
        ValueError,
        "reduction must be one of 'none', 'mean', 'sum'; got 'avg'",
    ),
    (
        "eps",
        lambda: compat.complete_box_iou_loss(BOXES, BOXES, eps=-1.0),
        ValueError,
        "eps must not be negative; got -1.0",
    ),
    (
        "shape1",
        lambda: compat.box_iou(BOXES[:, :3], BOXES),
        ValueError,
        "boxes1 must have shape (..., 4); got (5, 3)",
    ),
    (
        "shape2",
        lambda: compat.distance_box_iou_loss(BOXES, BOXES[:, :3]),
        ValueError,
        "boxes2 must have shape (..., 4); got (5, 3)",
    ),
    (
        "array",
        lambda: compat.generalized_box_iou([[0, 0, 1, 1]], BOXES),
        TypeError,
        "boxes1 must be an array of a library that follows the array API standard; got builtins.list. "
        "Convert it first, for example with numpy.asarray(boxes1)",
    ),
    (
        "size",
        lambda: compat.clip_boxes_to_image(BOXES, 10),
        TypeError,
        "size must be a pair (height, width); got 10",
    ),
    (
        "no size",
        lambda: compat.clip_boxes_to_image(BOXES, None),
        TypeError,
        "size must be a pair (height, width), which clip_boxes_to_image reads; got None",
    ),
    (
        "min_size",
        lambda: compat.remove_small_boxes(BOXES, "2"),
        TypeError,
        "min_size must be a number; got the string '2'",
    ),
)
def test_errors(call, kind, text):
    check_error(call, kind, text)
