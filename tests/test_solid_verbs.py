"""Boxes in space: engines, verbs and libraries, formats, and what is refused."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import boxloss as bl
from alone import alone
from boxloss.losses.overlap import OverlapLoss
from boxloss.shapes.box import Image
from boxloss.shapes.relations import AreaPartials
from boxloss.shapes.solid.shape import SOLID
from errors import check_error, of_shape, table
from solid_boxes import COMPILED, FORMATS, LOSSES, boxes, differences

YAW = {"format": "cxcyczwlha"}
SOME = ("eiou", "inner", "l1")


# --- Engines, verbs and libraries -----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", [("xyzxyz", "xyzxyz"), ("cxcyczwlh", "cxcyczwlha")])
def test_compiled_kernels(format, rng):
    """Of float32 and ordinary boxes, whose matrices have no guards, and of float64 and others."""
    loss = sum(LOSSES[name] for name in COMPILED)
    pred, target = (boxes(rng, 30, own) for own in format)
    pred[:5] = 0.0
    for dtype, first, bound in (("float32", 5, 2e-5), ("float64", 0, 1e-12)):
        given = [side[first:].astype(dtype) for side in (pred, target)]
        wide = [side.astype("float64") for side in given]
        expected = loss.value_and_grad(*wide, wrt="both", format=format, engine="array")
        value, grads = loss.value_and_grad(*given, wrt="both", format=format, engine="numba")
        assert value.dtype == dtype
        for found, wanted in zip((value, *grads), (expected[0], *expected[1]), strict=True):
            assert_allclose(found, wanted, rtol=10 * bound, atol=bound * np.abs(wanted).max())
        matrix = loss.pairwise(*given, format=format, engine="numba")
        assert_allclose(matrix, loss(wide[0][:, None], wide[1], format=format, engine="array"), rtol=bound, atol=bound)


@pytest.mark.parametrize("format", ["xyzxyz", "cxcyczwlha"])
def test_verbs_that_keep_the_best(format, rng):
    pred, target = boxes(rng, 400, format), boxes(rng, 300, format)
    given = {"format": format}
    matrix = bl.iou_score.pairwise(pred, target, **given)
    for found, order in (
        (bl.iou_score.nearest(pred, target, **given), matrix.argmax(-1)),
        (bl.iou_score.topk(pred, target, 3, **given), np.argsort(-matrix, axis=-1, kind="stable")[:, :3]),
    ):
        assert_array_equal(found[0], np.take_along_axis(matrix, order.reshape(400, -1), -1).reshape(found[0].shape))
        assert_array_equal(found[1], order)
    i, j, value = bl.iou_score.above(pred, target, 0.2, **given)
    assert_array_equal(np.stack([i, j]), np.nonzero(matrix > 0.2))
    assert_array_equal(value, matrix[i, j])


@pytest.mark.parametrize("format", ["xyzxyz", "cxcyczwlha"])
def test_suppression(format, rng):
    given, scores = boxes(rng, 200, format), rng.uniform(size=200)
    matrix, kept = bl.iou_score.pairwise(given, given, format=format), []
    for k in np.argsort(-scores):
        if not (matrix[k, kept] > 0.1).any():
            kept.append(k)
    assert len(kept) < 150
    assert_array_equal(bl.nms(given, scores, threshold=0.1, format=format), kept)


@pytest.mark.parametrize("format", ["xyzxyz", "cxcyczwlha"])
@pytest.mark.parametrize("name", SOME)
def test_libraries_agree(name, format, backend, rng):
    loss, pred, target = alone(LOSSES[name], map(LOSSES.get, SOME)), boxes(rng, 12, format), boxes(rng, 12, format)
    expected, expected_grads = loss.value_and_grad(pred, target, wrt="both", format=format, engine="array")
    given = [backend.asarray(side) for side in (pred, target)]
    value, grads = loss.value_and_grad(*given, wrt="both", format=format)
    backend.assert_like(value, expected, rtol=1e-12, atol=1e-13)
    for grad, wanted in zip(grads, expected_grads, strict=True):
        backend.assert_like(grad, wanted, rtol=1e-10, atol=1e-12)
    matrix = loss.pairwise(*given, format=format)
    backend.assert_like(matrix, loss.pairwise(pred, target, format=format, engine="array"), rtol=1e-12, atol=1e-13)


def plain(name, pred, target):
    """Losses of boxes along the axes, format cxcyczwlh, as one writes them in torch."""
    import torch

    p1, p2, t1, t2 = (side[:, :3] + sign * side[:, 3:] / 2 for side in (pred, target) for sign in (-1, 1))
    shared = (torch.minimum(p2, t2) - torch.maximum(p1, t1)).clamp(min=0).prod(-1)
    union = pred[:, 3:].prod(-1) + target[:, 3:].prod(-1) - shared
    c = torch.maximum(p2, t2) - torch.minimum(p1, t1)
    distance, iou, volume = ((pred[:, :3] - target[:, :3]) ** 2).sum(-1), shared / union, c.prod(-1)
    penalty = distance / (c**2).sum(-1)
    return {
        "giou": lambda: 1 - iou + (volume - union) / volume,
        "diou": lambda: 1 - iou + penalty,
        "eiou": lambda: 1 - iou + penalty + ((pred[:, 3:] - target[:, 3:]) ** 2 / c**2).sum(-1),
        "wiou": lambda: torch.exp(distance / (c**2).sum(-1).detach()) * (1 - iou),
        "squared_iou": lambda: 1 - iou**2,
        "mgiou": lambda: (1 - ((torch.minimum(p2, t2) - torch.maximum(p1, t1)) / c).mean(-1)) / 2,
        "smooth_l1": lambda: torch.nn.functional.smooth_l1_loss(pred, target, reduction="none").sum(-1),
    }[name]()


@pytest.mark.torch
@pytest.mark.parametrize("name", ["giou", "diou", "eiou", "wiou", "squared_iou", "mgiou", "smooth_l1"])
def test_plain_formulas(name, rng):
    import torch

    loss = bl.SmoothL1(coordinates="cxcywh") if name == "smooth_l1" else bl.get(name)
    pred, target = (torch.from_numpy(boxes(rng, 200, "cxcyczwlh")).requires_grad_() for _ in range(2))
    expected = plain(name, pred, target)
    expected_grads = torch.autograd.grad(expected.sum(), (pred, target))
    value = loss(pred, target, format="cxcyczwlh")
    grads = torch.autograd.grad(value.sum(), (pred, target))
    torch.testing.assert_close(value, expected, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(grads, expected_grads, rtol=1e-10, atol=1e-12)


@pytest.mark.torch
def test_torch_compiles(rng):
    import torch

    pred, target = (torch.from_numpy(boxes(rng, 20)).requires_grad_() for _ in range(2))

    def step(pred, target):
        return bl.giou(pred, target, reduction="mean", **YAW)

    found = torch.autograd.grad(torch.compile(step, fullgraph=True, backend="aot_eager")(pred, target), (pred, target))
    torch.testing.assert_close(found, torch.autograd.grad(step(pred, target), (pred, target)))


# --- Formats, and what is refused -----------------------------------------------------------------------------------


def test_formats():
    corners, centre = np.asarray([[0.0, 1, 2, 2, 5, 8]]), np.asarray([[1.0, 3, 5, 2, 4, 6]])
    assert_array_equal(bl.convert(corners, "xyzxyz", "cxcyczwlh"), centre)
    assert_array_equal(bl.convert(centre, "cxcyczwlh", "xyzxyz"), corners)
    assert bl.iou(corners, centre, format=("xyzxyz", "cxcyczwlh")) == 0.0
    turned = np.asarray([[1.0, 3, 5, 4, 2, 6, math.pi / 2]])
    assert_array_equal(bl.convert(centre, "cxcyczwlh", "cxcyczwlha"), [[1, 3, 5, 2, 4, 6, 0]])
    assert_allclose(bl.convert(turned, "cxcyczwlha", "xyzxyz"), corners, rtol=0, atol=1e-15)


@pytest.mark.parametrize("format", FORMATS)
def test_functions_of_boxes(format):
    """The volume is that of all sides, and so is what is wrong with them."""
    sides = np.asarray([[0.0, 0, 0, 2, 3, 4, 0.5], [0, 0, 0, 2, 3, 0, 0.5], [0, 0, 0, 2, 3, -4, 0.5]])
    given = sides[:, : 7 if format == "cxcyczwlha" else 6]
    given = bl.convert(given, "cxcyczwlh", format) if format == "xyzxyz" else given
    assert_array_equal(bl.area(given, format=format), [24.0, 0.0, 0.0])
    found = bl.validate(given, format=format)
    assert_array_equal([found.valid, found.empty, found.inverted], np.eye(3, dtype=bool))


def test_yaw_is_from_x_towards_y():
    """A long box at 45 degrees reaches (2, 2), and not (2, -2)."""
    long, point = np.asarray([[0.0, 0, 0, 6, 0.5, 1, math.pi / 4]]), np.asarray([[2.0, 2, 0, 0.1, 0.1, 1]])
    given = {"format": ("cxcyczwlha", "cxcyczwlh")}
    assert bl.iou_score(long, point, **given) > 0.0
    assert bl.iou_score(long, point * [1, -1, 1, 1, 1, 1], **given) == 0.0


SOLIDS, FLAT = np.asarray([[0.0, 0, 0, 1, 1, 1]]), np.asarray([[0.0, 0, 1, 1]])
NAMED = "is not defined for {} boxes: it compares"


@table(
    (
        "two dimensions",
        lambda: bl.iou(SOLIDS, FLAT, format=("xyzxyz", "xyxy")),
        ValueError,
        "pred and target must both be boxes in a plane or both boxes in space; got format 'xyzxyz' of axis-aligned 3-D "
        "boxes and format 'xyxy' of axis-aligned boxes",
    ),
    (
        "two dimensions, with angles",
        lambda: bl.iou(FLAT, SOLIDS, format=("cxcywha", "cxcyczwlha")),
        ValueError,
        "pred and target must both be boxes in a plane or both boxes in space; got format 'cxcywha' of rotated "
        "boxes and format 'cxcyczwlha' of rotated 3-D boxes",
    ),
    (
        "relation",
        lambda: bl.ciou(SOLIDS, SOLIDS, format="xyzxyz"),
        ValueError,
        f"CIoU {NAMED.format('axis-aligned 3-D')} aspect ratios in a plane. "
        "Defined for them are diou, eiou, wiou, iou and others",
    ),
    (
        "relations",
        lambda: (bl.iou + bl.Focal(bl.siou))(SOLIDS, SOLIDS, format=("xyzxyz", "cxcyczwlha")),
        ValueError,
        f"SIoU {NAMED.format('rotated 3-D')} offsets in a plane. "
        "Defined for them are eiou, iou, log_iou, squared_iou and others",
    ),
    (
        "numbers",
        lambda: bl.iou(SOLIDS, SOLIDS, format="cxcyczwlha"),
        ValueError,
        of_shape("pred", 7, (1, 6)),
    ),
    (
        "matrix",
        lambda: bl.iou.pairwise(SOLIDS[0], SOLIDS, format="xyzxyz"),
        ValueError,
        "pred of a pairwise matrix must have shape (..., N, 6); got (6,)",
    ),
    (
        "two axes",
        lambda: bl.iou_score.above(SOLIDS, SOLIDS[None], 0.5, format="xyzxyz"),
        ValueError,
        "target of below and above must have shape (N, 6); got (1, 1, 6)",
    ),
)
def test_what_is_refused(call, kind, text):
    check_error(call, kind, text)


@dataclass(frozen=True)
class Distance(OverlapLoss):
    """A loss of somebody's own, which knows nothing of axes."""

    relations = ("areas", "center_distance")
    expression = "rho^2 + U - I"
    value_range = "[0, inf)"

    @staticmethod
    def formula(xp, areas, rho2):
        return rho2 + areas.symmetric_difference, (AreaPartials(-1.0, 1.0), 1.0)


@pytest.mark.parametrize("format", ["xyxy", "cxcywha", "xyzxyz", "cxcyczwlha"])
def test_loss_of_ones_own_is_defined_for_every_kind_of_box(format, rng):
    own = {"xyxy": ("cxcywh", 4), "xyzxyz": ("cxcyczwlh", 6)}.get(format, (format, 7))
    pred, target = (
        bl.convert((side if "z" in format else np.delete(side, [2, 5], axis=1))[:, : own[1]], own[0], format)
        for side in (boxes(rng, 30), boxes(rng, 30))
    )
    given = {"format": format, "engine": "array"}
    _, grads = Distance().value_and_grad(pred, target, wrt="both", **given)
    for which, grad in enumerate(grads):
        assert_allclose(grad, differences(Distance(), pred, target, which, **given), rtol=1e-6, atol=1e-6)


def test_component_of_a_formula_in_two_dimensions_is_not_found():
    """A loss of somebody's own that reads two components of three does not pass over the third."""
    pair = SOLID.pair(np, SOLID.box(*SOLIDS.T), SOLID.box(*SOLIDS.T), Image())
    for name in ("enclosing_sides", "size_difference"):
        assert len(quantity := pair.quantity(SOLID.relation(name))) == 3
        assert not hasattr(quantity, "x")
