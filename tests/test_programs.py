"""Programs between losses and engines: relations, parts of boxes that are prepared, and the image of a call."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import boxloss as bl
from boxloss.losses.overlap import OverlapLoss
from boxloss.shapes.guards import inverse
from generators import boxes, mixed
from own_relations import AreaDifference, area_difference, difference

every_engine = pytest.mark.parametrize("engine", ["array", "numba"])


@dataclass(frozen=True)
class Turned(OverlapLoss):
    """The aspect term alone, and another relation with the part of the package's own."""

    relations = ("aspect", area_difference)
    expression = "angle^2 + |w h - W H|"
    value_range = "[0, inf)"

    @staticmethod
    def formula(xp, angle, difference):
        return angle * angle + xp.abs(difference), (2.0 * angle, xp.sign(difference))


@dataclass(frozen=True)
class MPDIoU(OverlapLoss):
    """1 - IoU and the squared distances of the corners over the squared diagonal of the image of the call."""

    relations = ("areas", "corners", "image_diagonal")
    expression = "1 - I / U + (d1^2 + d2^2) / (W^2 + H^2)"
    value_range = "[0, 3)"

    @staticmethod
    def formula(xp, areas, corners, diagonal):
        from boxloss.losses.iou import iou_and_distance

        _, distance, d_areas = iou_and_distance(xp, areas, 0.0)
        per = inverse(xp, diagonal)
        squares = [c * c for c in corners]
        d = type(corners)(*(2.0 * per * c for c in corners))
        return distance + sum(squares) * per, (d_areas, d, None)


TERMS = [
    bl.L1(),
    bl.SmoothL1(beta=0.3),
    bl.Huber(delta=2.0),
    bl.LogIoU(min_iou=0.01),
    bl.GIoU(),
    bl.DIoU(eps=0.5),
    bl.CIoU(),
    bl.CIoU(full_gradient=True, eps=0.25),
    bl.EIoU(),
    AreaDifference(),
    AreaDifference(scale=0.125),
    Turned(),
]
sums = st.lists(st.tuples(st.floats(-4.0, 4.0, width=16), st.sampled_from(TERMS)), min_size=1, max_size=4)


def broadcast(loss, pred, target, engine):
    return loss(pred[:, None], target[None], engine=engine)


# --- Prepared parts ---------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(terms=sums, seed=st.integers(0, 1000))
def test_a_matrix_is_the_broadcast_call_for_every_sum_of_losses(terms, seed):
    """Each relation has its own part of a box, whichever terms read it and in whatever order."""
    loss, rng = bl.WeightedSum(tuple(terms)), np.random.default_rng(seed)
    pred, target = boxes(rng, 5), boxes(rng, 4)
    expected = sum(weight * broadcast(term, pred, target, "array") for weight, term in terms)
    np.testing.assert_allclose(loss.pairwise(pred, target, engine="array"), expected, rtol=1e-9, atol=1e-9)


@settings(max_examples=8, deadline=None)
@given(terms=sums, seed=st.integers(0, 1000))
def test_compiled_matrices_of_sums(terms, seed):
    """The same of kernels, of which each sum has one of its own."""
    loss, rng = bl.WeightedSum(tuple(terms)), np.random.default_rng(seed)
    pred, target = boxes(rng, 5), boxes(rng, 4)
    expected = sum(weight * broadcast(term, pred, target, "array") for weight, term in terms)
    np.testing.assert_allclose(loss.pairwise(pred, target, engine="numba"), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "loss",
    [
        bl.CIoU() + AreaDifference(),
        AreaDifference(scale=0.5) + 2.0 * bl.CIoU(),
        Turned() + AreaDifference() + bl.CIoU() + bl.GIoU(),
    ],
    ids=["aspect first", "areas first", "shared"],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_compiled_matrices_too(loss, dtype, rng):
    pred, target = boxes(rng, 40).astype(dtype), boxes(rng, 30).astype(dtype)
    rtol = 1e-10 if dtype == "float64" else 1e-3
    expected = broadcast(loss, pred.astype(float), target.astype(float), "array")
    np.testing.assert_allclose(loss.pairwise(pred, target, engine="numba"), expected, rtol=rtol, atol=1e-4)


def test_a_relation_is_computed_once_for_all_terms(rng):
    calls = []

    def forward(xp, pair):
        calls.append(1)
        return difference(xp, pair)

    counted = area_difference._replace(forward=forward)

    @dataclass(frozen=True)
    class Counted(AreaDifference):
        relations = (counted,)

    (Counted(scale=1.0) + Counted(scale=2.0) + 3.0 * Counted())(*mixed(rng, 3), engine="array")
    assert len(calls) == 1


# --- The image of a call ----------------------------------------------------------------------------------------------


@every_engine
@pytest.mark.parametrize("format", ["xyxy", "rel_xyxy"])
def test_a_relation_may_read_the_size_of_the_image(engine, format, rng):
    pred, target = mixed(rng, 20)
    height, width = 3.0, 4.0
    scale = np.asarray([width, height, width, height]) if format == "rel_xyxy" else 1.0
    value, grad = MPDIoU().value_and_grad(pred, target, format=format, image_size=(height, width), engine=engine)
    corners = (pred * scale - target * scale) ** 2
    expected = bl.iou(pred * scale, target * scale, engine="array") + corners.sum(-1) / 25.0
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-14)
    step = 1e-6
    for k in range(4):
        moved = [pred + s * step * np.eye(4)[k] for s in (1.0, -1.0)]
        up, down = (MPDIoU()(m, target, format=format, image_size=(height, width), engine=engine) for m in moved)
        smooth = np.abs(grad).max(-1) < 1e3
        np.testing.assert_allclose(grad[smooth, k], ((up - down) / (2 * step))[smooth], rtol=1e-4, atol=1e-6)
    matrix = MPDIoU().pairwise(pred, target, format=format, image_size=(height, width), engine=engine)
    np.testing.assert_allclose(np.diagonal(matrix), value, rtol=1e-11, atol=1e-13)


def test_a_loss_that_reads_the_image_wants_its_size():
    box = np.asarray([[0.0, 0, 2, 2]])
    for verb in (MPDIoU(), MPDIoU().value_and_grad, MPDIoU().pairwise, (2.0 * MPDIoU() + bl.l1)):
        with pytest.raises(
            TypeError, match=r"^image_size must be a pair \(height, width\), which MPDIoU reads; got None\. Give"
        ):
            verb(box, box)
