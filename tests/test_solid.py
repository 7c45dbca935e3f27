"""Boxes in space: losses against exact rationals, closed cases, boxes in the plane, and central differences."""

import math
from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import boxloss as bl
from solid_boxes import FORMATS, LOSSES, boxes, differences, enclosing, exact, ious, pairs

ENGINES = ("array", "numba")
YAW = {"format": "cxcyczwlha"}


# --- Values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["random", "near", "shared_edge", "touching", "crossing", "crossing_needles", "far"])
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
        # of pytorch3d's of box3d_overlap, as far as boxes stand upright: moved unit cubes, and two of its issue 992
        ([0.5, 0.5, 0.5, 1, 1, 1, 0], [0.5, 0.75, 0.5, 1, 1, 1, 0], 0.75 / 1.25),
        ([0.5, 0.5, 0.5, 1, 1, 1, 0], [0.5, 100.5, 0.5, 1, 1, 1, 0], 0.0),
        ([0, 0, 0, 2, 2, 2, 0], [-1, 1, 0, 2, 2, 2, 0], 2 / 14),
        ([0, 0, 0, 1, 1, 1, 0.185], [0, 0, 0, 1, 1, 1, 0.185], 1.0),
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
        if name not in ("diou", "eiou", "inner", "along the axes", "mgiou"):  # of which z is a part
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


def corners_and_normals(box):
    """The eight corners of a box, and three of its normals."""
    (x, y, z, w, l, h, yaw), signs = box, np.stack(np.meshgrid(*[[-0.5, 0.5]] * 3), axis=-1).reshape(-1, 3)  # noqa: E741
    normals = np.asarray([[math.cos(yaw), math.sin(yaw), 0], [-math.sin(yaw), math.cos(yaw), 0], [0, 0, 1]])
    return [x, y, z] + (signs * [w, l, h]) @ normals, normals


def test_mgiou_is_the_mean_over_the_normals_of_both(rng):
    pred, target, expected = boxes(rng, 60), boxes(rng, 60), []
    for p, t in zip(pred, target, strict=True):
        (own, of_own), (other, of_other) = corners_and_normals(p), corners_and_normals(t)
        ends = [(own @ n, other @ n) for n in (*of_own, *of_other)]
        shared = [min(a.max(), b.max()) - max(a.min(), b.min()) for a, b in ends]
        whole = [max(a.max(), b.max()) - min(a.min(), b.min()) for a, b in ends]
        expected.append(0.5 * (1 - np.mean(np.divide(shared, whole))))
    assert_allclose(bl.mgiou(pred, target, **YAW), expected, rtol=1e-13)


def test_enclosing_box_along_the_axes(rng):
    pred, target = boxes(rng, 60), boxes(rng, 60)
    both = [np.concatenate([corners_and_normals(box)[0] for box in pair]) for pair in zip(pred, target, strict=True)]
    sides = np.stack([corners.max(0) - corners.min(0) for corners in both])
    score = bl.iou_score(pred, target, **YAW)
    union = (bl.area(pred, **YAW) + bl.area(target, **YAW)) / (1 + score)
    volume, distance = sides.prod(1), ((pred - target)[:, :3] ** 2).sum(1)
    found = bl.AxisEnclosing(bl.giou)(pred, target, **YAW)
    assert_allclose(found, 1 - score + (volume - union) / volume, rtol=1e-12)
    assert (found > bl.giou(pred, target, **YAW) + 0.1).any()
    found = bl.AxisEnclosing(bl.diou)(pred, target, **YAW)
    assert_allclose(found, 1 - score + distance / (sides**2).sum(1), rtol=1e-12)
    for format in ("xyzxyz", "cxcyczwlh"):
        own, other = boxes(rng, 30, format), boxes(rng, 30, format)
        along = bl.AxisEnclosing(bl.eiou)(own, other, format=format)
        assert_array_equal(along, bl.eiou(own, other, format=format))


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


def test_range_of_eiou():
    """That of a tiny box in a corner, 1 + 1/4 and 1 for each side; with a yaw a box may be long along a short side."""
    corner, box = np.asarray([[0.0, 0, 0, 1e-9, 1e-9, 1e-9]]), np.asarray([[0.0, 0, 0, 1, 1, 1]])
    assert_allclose(bl.eiou(corner, box, format="xyzxyz"), 4.25, rtol=0, atol=1e-7)
    assert_allclose(bl.eiou(corner[:, [0, 1, 3, 4]], box[:, [0, 1, 3, 4]]), 3.25, rtol=0, atol=1e-7)
    # Two thin boxes, side by side: the height of the one, turned, lies along the width of the other.
    thin, other = np.asarray([[0.0, 1, 1e-9, 1, math.pi / 2]]), np.asarray([[0.0, 0, 1, 1e-9, 0]])
    assert_allclose(bl.eiou(thin, other, format="cxcywha"), 3.5, rtol=0, atol=1e-7)
    flat, high = np.insert(thin, [2, 4], [[0.0, 1e-9]], axis=1), np.insert(other, [2, 4], [[0.0, 1e-3]], axis=1)
    assert_allclose(bl.eiou(flat, high, format="cxcyczwlha"), 4.5, rtol=0, atol=1e-5)
    for format, place, has_angle, end in (
        ("cxcywh", 2, 0, 3.25),
        ("cxcywha", 2, 1, 4.0),
        ("cxcyczwlh", 3, 0, 4.25),
        ("cxcyczwlha", 3, 1, 5.0),
    ):
        rng = np.random.default_rng(0)
        center, size, angle = (rng.normal(size=(2, 100_000, k)) for k in (place, place, has_angle))
        pred, target = np.concatenate([center * 10.0**size, 10.0 ** (2.0 * size), angle], axis=-1)
        assert end - 1.5 < bl.eiou(pred, target, format=format).max() < end
