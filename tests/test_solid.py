"""Boxes in space: losses against exact rationals, differences, plain formulas in torch, and boxes in the plane."""

import math
from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import boxloss as bl
from boxloss.shapes.box import Image
from boxloss.shapes.solid.shape import SOLID
from errors import check_error, table
from solid_boxes import COMPILED, FORMATS, LOSSES, boxes, enclosing, exact, ious, pairs

ENGINES = ("array", "numba")
STEP = 1e-6
YAW = {"format": "cxcyczwlha"}


def differences(loss, pred, target, which, **given):
    """Central differences by the numbers of pred or of target."""
    sides, found = [pred, target], []
    for step in STEP * np.eye(sides[which].shape[-1]):
        moved = [[*sides] for _ in range(2)]
        moved[0][which], moved[1][which] = sides[which] + step, sides[which] - step
        found.append((loss(*moved[0], **given) - loss(*moved[1], **given)) / (2.0 * STEP))
    return np.stack(found, axis=-1)


# --- Values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["random", "near", "shared_edge", "touching", "crossing", "far"])
def test_iou_is_exact(kind, dtype, engine, rng):
    pred, target = (side.astype(dtype) for side in pairs(kind, rng, 40))
    bound = 2e-15 if dtype == "float64" else 1e-6
    score = bl.iou_score(pred, target, engine=engine, **YAW)
    assert_allclose(score, ious(pred, target), rtol=0, atol=bound)
    matrix = bl.iou_score.pairwise(pred, target, engine=engine, **YAW)
    assert_allclose(np.diagonal(matrix), score, rtol=0, atol=bound)
    upright = pred[:, :6], target[:, :6]
    score = bl.iou_score(*upright, format="cxcyczwlh", engine=engine)
    assert_allclose(score, ious(*upright), rtol=0, atol=bound if kind != "far" else 1e-10 if dtype == "float64" else 1)


@pytest.mark.parametrize("width", [6, 7])
def test_penalties_are_exact(width, rng):
    """Of GIoU, DIoU and EIoU, whose third side is that along z."""
    pred, target = boxes(rng, 30)[:, :width], boxes(rng, 30)[:, :width]
    given = {"format": "cxcyczwlha" if width == 7 else "cxcyczwlh"}
    giou, diou, eiou = (loss(pred, target, **given) for loss in (bl.giou, bl.diou, bl.eiou))
    for k, (p, t) in enumerate(zip(pred, target, strict=True)):
        (score, union), (volume, diagonal) = exact(p, t), enclosing(p, t)
        assert_allclose(giou[k], float(1 - score + (volume - union) / volume), rtol=0, atol=4e-15)
        distance = sum((Fraction(a) - Fraction(b)) ** 2 for a, b in zip(p[:3], t[:3], strict=True))
        assert_allclose(diou[k], float(1 - score + distance / diagonal), rtol=0, atol=4e-15)
        if width == 6:
            c = [max(a + m / 2, b + n / 2) - min(a - m / 2, b - n / 2) for a, b, m, n in zip(
                *(map(Fraction, part) for part in (p[:3], t[:3], p[3:], t[3:])), strict=True
            )]  # fmt: skip
            sides = sum(((Fraction(m) - Fraction(n)) / s) ** 2 for m, n, s in zip(p[3:], t[3:], c, strict=True))
            assert_allclose(eiou[k], float(1 - score + distance / diagonal + sides), rtol=0, atol=4e-15)


@pytest.mark.parametrize(
    ("pred", "target", "expected"),
    [
        # of mmcv's tests of diff_iou_rotated_3d
        ([0.5, 0.5, 0.5, 1, 1, 1, 0], [0.5, 0.5, 0.5, 1, 1, 1, 0], 1.0),
        ([0.5, 0.5, 0.5, 1, 1, 1, 0], [0.5, 0.5, 0.5, 1, 1, 2, math.pi / 2], 0.5),
        ([0.5, 0.5, 0.5, 1, 1, 1, 0], [0.5, 0.5, 0.5, 1, 1, 1, math.pi / 4], math.sqrt(0.5)),
        ([0.5, 0.5, 0.5, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1, 0], 1 / 15),
        ([0.5, 0.5, 0.5, 1, 1, 1, 0], [-1.5, -1.5, -1.5, 2.5, 2.5, 2.5, 0], 0.0),
        # of keras-cv's of iou_3d
        ([0, 0, 0, 2, 2, 2, 0], [1, 1, 1, 2, 2, 2, math.pi / 4], 2 / 30),
        ([0, 0, 0, 2, 2, 2, 0], [0, 0, 0, 2, 2, 2, 3 * math.pi / 4], math.sqrt(0.5)),
        ([0, 0, 0, 2, 2, 2, math.pi / 4], [0, 0, 0, 2, 2, 2, 3 * math.pi / 4], 1.0),
        # equal cubes, turned by 45 degrees and raised by half: 2 (sqrt(2) - 1) s^2 of the ground, half of the height
        ([0, 0, 0, 2, 2, 2, 0.3], [0, 0, 1, 2, 2, 2, 0.3 + math.pi / 4], 1 / (2 * (math.sqrt(2) + 1) - 1)),
        # one inside the other, with a face of both in one plane
        ([3, -2, 5, 4, 4, 4, 0.7], [3, -2, 4, 1, 2, 2, 0.7], 4 / 64),
    ],
)
def test_closed_cases(pred, target, expected):
    for sides in ((pred, target), (target, pred)):
        score = bl.iou_score(*(np.asarray([side], float) for side in sides), **YAW)
        assert_allclose(score, [expected], rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", LOSSES)
def test_boxes_of_one_height_are_boxes_of_the_plane(name, rng):
    """Prisms from z = 0 to 1 have the values of their bases to the last bit, where no length along z counts."""
    loss, n = LOSSES[name], 60
    for flat, solid in (("cxcywh", "cxcyczwlh"), ("cxcywha", "cxcyczwlha")):
        given = [boxes(rng, n) for _ in range(2)]
        given[0][:20] = given[1][:20]
        for side in given:
            side[:, 2], side[:, 5] = 0.5, 1.0
        plane = [np.delete(side, [2, 5], axis=1)[:, : len(flat) - 2] for side in given]
        space = [side[:, : len(solid) - 3] for side in given]
        value, grads = loss.value_and_grad(*plane, wrt="both", format=flat, engine="array")
        found, found_grads = loss.value_and_grad(*space, wrt="both", format=solid, engine="array")
        if name not in ("diou", "eiou", "inner"):  # whose diagonal is that of space
            assert_array_equal(found, value)
            for of_space, grad in zip(found_grads, grads, strict=True):
                assert_allclose(np.delete(of_space, [2, 5], axis=1), grad, rtol=1e-14, atol=1e-15)


def of_integers(rng, n):
    """Boxes of format cxcyczwlh, of whose faces many are in one plane."""
    return np.concatenate([rng.integers(-3, 3, (n, 3)), 2.0 * rng.integers(1, 4, (n, 3))], axis=1)


@pytest.mark.parametrize("name", LOSSES)
def test_axes_are_alike(name, rng):
    """At ties too."""
    loss, cycled = LOSSES[name], [2, 0, 1, 5, 3, 4]
    pred, target = of_integers(rng, 300), of_integers(rng, 300)
    given = {"wrt": "both", "format": "cxcyczwlh", "engine": "array"}
    value, grads = loss.value_and_grad(pred, target, **given)
    found, found_grads = loss.value_and_grad(pred[:, cycled], target[:, cycled], **given)
    assert_allclose(found, value, rtol=1e-14, atol=1e-15)
    for grad, expected in zip(found_grads, grads, strict=True):
        assert_allclose(grad, expected[:, cycled], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", LOSSES)
def test_yaw_of_0_changes_nothing_but_rounding(name, rng):
    """Of one box alone, whatever its format is, and of both; at ties too."""
    loss = LOSSES[name]
    pred, target = of_integers(rng, 300), of_integers(rng, 300)
    value, grads = loss.value_and_grad(pred, target, wrt="both", format="cxcyczwlh", engine="array")
    turned = np.concatenate([target, np.zeros((300, 1))], axis=1)
    for given in (("cxcyczwlh", "cxcyczwlha"), ("xyzxyz", "cxcyczwlha")):
        own = bl.convert(pred, "cxcyczwlh", given[0])
        found, (d_pred, d_target) = loss.value_and_grad(own, turned, wrt="both", format=given, engine="array")
        assert_allclose(found, value, rtol=4e-15, atol=4e-15)
        assert_allclose(d_target[:, :6], grads[1], rtol=4e-15, atol=4e-15)
        if given[0] == "cxcyczwlh":
            assert_allclose(d_pred, grads[0], rtol=4e-15, atol=4e-15)


# --- Gradients ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", [*FORMATS, ("xyzxyz", "cxcyczwlha"), ("cxcyczwlha", "cxcyczwlh")])
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_central_differences(name, format, rng):
    loss, formats = LOSSES[name], (format, format) if isinstance(format, str) else format
    pred, target = (boxes(rng, 150, own) for own in formats)
    given = {"format": format, "engine": "array"}
    _, grads = loss.value_and_grad(pred, target, wrt="both", **given)
    for which, grad in enumerate(grads):
        expected = differences(loss, pred, target, which, **given)
        assert (np.abs(grad - expected).max(-1) / (1.0 + np.abs(expected).max(-1))).max() < 2e-7


@pytest.mark.parametrize("name", ["iou", "giou", "eiou", "interpolated"])
def test_gradients_at_kinks_are_means_of_both_sides(name, rng):
    """Along z: faces in one plane, and contact."""
    loss = LOSSES[name]
    for format in ("cxcyczwlh", "cxcyczwlha"):
        pred, target = boxes(rng, 200, format), boxes(rng, 200, format)
        pred[:, :2] *= 0.3
        target[:, :2] *= 0.3
        pred[:, [2, 5]], target[:, [2, 5]] = rng.integers(-2, 3, (200, 2)), rng.integers(-2, 3, (200, 2))
        pred[:, 5], target[:, 5] = 2.0 + pred[:, 5] % 2 * 2, 2.0 + target[:, 5] % 2 * 2
        given = {"format": format, "engine": "array"}
        _, grads = loss.value_and_grad(pred, target, wrt="both", **given)
        for which, grad in enumerate(grads):
            assert_allclose(grad, differences(loss, pred, target, which, **given), rtol=0, atol=2e-5)


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
@pytest.mark.parametrize("name", ["eiou", "inner", "l1"])
def test_libraries_agree(name, format, backend, rng):
    loss, pred, target = LOSSES[name], boxes(rng, 12, format), boxes(rng, 12, format)
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
        "smooth_l1": lambda: torch.nn.functional.smooth_l1_loss(pred, target, reduction="none").sum(-1),
    }[name]()


@pytest.mark.torch
@pytest.mark.parametrize("name", ["giou", "diou", "eiou", "wiou", "squared_iou", "smooth_l1"])
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


def test_yaw_is_from_x_towards_y():
    """A long box at 45 degrees reaches (2, 2), and not (2, -2)."""
    long, point = np.asarray([[0.0, 0, 0, 6, 0.5, 1, math.pi / 4]]), np.asarray([[2.0, 2, 0, 0.1, 0.1, 1]])
    given = {"format": ("cxcyczwlha", "cxcyczwlh")}
    assert bl.iou_score(long, point, **given) > 0.0
    assert bl.iou_score(long, point * [1, -1, 1, 1, 1, 1], **given) == 0.0


SOLIDS, FLAT = np.asarray([[0.0, 0, 0, 1, 1, 1]]), np.asarray([[0.0, 0, 1, 1]])
NAMED = "is not defined for {} boxes: it is stated over"


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
        f"CIoU {NAMED.format('axis-aligned 3-D')} 'aspect'",
    ),
    (
        "relations",
        lambda: (bl.iou + bl.Focal(bl.siou))(SOLIDS, SOLIDS, format=("xyzxyz", "cxcyczwlha")),
        ValueError,
        f"SIoU {NAMED.format('rotated 3-D')} 'center_offset', 'sides'",
    ),
    (
        "numbers",
        lambda: bl.iou(SOLIDS, SOLIDS, format="cxcyczwlha"),
        ValueError,
        "pred must have shape (..., 7); got (1, 6)",
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


def test_component_of_a_formula_in_two_dimensions_is_not_found():
    """A loss of somebody's own that reads two components of three does not pass over the third."""
    pair = SOLID.pair(np, SOLID.box(*SOLIDS.T), SOLID.box(*SOLIDS.T), Image())
    for name in ("enclosing_sides", "size_difference"):
        assert len(quantity := pair.quantity(SOLID.relation(name))) == 3
        assert not hasattr(quantity, "x")
