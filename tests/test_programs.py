"""Programs between losses and engines: run-time numbers, prepared parts, relations, and what formulas may not do."""

import math
import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import boxloss as bl
from boxloss.formulas.structure import Structure
from boxloss.formulas.text import from_text
from boxloss.losses.coordinate import CoordinateLoss
from boxloss.losses.overlap import OverlapLoss
from boxloss.shapes.guards import inverse
from boxloss.shapes.relations import negated
from boxloss.shapes.shape import Partials, Relation
from generators import boxes, mixed
from processes import run

every_engine = pytest.mark.parametrize("engine", ["array", "numba"])

# --- Losses of somebody's own, with relations of their own ------------------------------------------------------------


def _size(xp, box, image):
    return (box.x2 - box.x1) * (box.y2 - box.y1)


def _difference(xp, pair):
    return _of_two(xp, pair, _size(xp, pair.given, pair.image), _size(xp, pair.given_other, pair.image))


def _of_two(xp, pair, pred, target):
    return pred - target


def _pullback(xp, pair, d):
    w, h = pair.box.x2 - pair.box.x1, pair.box.y2 - pair.box.y1
    return Partials(box=type(pair.box)(-d * h, -d * w, d * h, d * w))


area_difference = Relation("area_difference", _difference, _pullback, negated, _size, _of_two)


@dataclass(frozen=True)
class Powered(bl.SIoU):
    """A loss whose usual exponent is another one."""

    theta: float = 3.0


@dataclass(frozen=True)
class AreaDifference(OverlapLoss):
    """The squared difference of the areas, times a number of its own: a part of each box that is no angle."""

    scale: float = 1.0
    relations = (area_difference,)
    expression = "scale (w h - W H)^2"
    value_range = "[0, inf)"

    @staticmethod
    def formula(xp, difference, scale):
        return scale * difference * difference, (2.0 * scale * difference,)


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
        return _difference(xp, pair)

    counted = area_difference._replace(forward=forward)

    @dataclass(frozen=True)
    class Counted(AreaDifference):
        relations = (counted,)

    (Counted(scale=1.0) + Counted(scale=2.0) + 3.0 * Counted())(*mixed(rng, 3), engine="array")
    assert len(calls) == 1


# --- Run-time numbers -------------------------------------------------------------------------------------------------

NUMBERS = {
    "beta": lambda k: bl.SmoothL1(beta=k),
    "delta": lambda k: bl.Huber(delta=k),
    "min_iou": lambda k: bl.LogIoU(min_iou=k / 100.0),
    "eps": lambda k: bl.EIoU(eps=k),
    "weight": lambda k: k * bl.L1() + bl.CIoU(),
    "exponent": lambda k: bl.SIoU(theta=k + 1.1),
    # But for the default, 4: see test_exponents_have_three_kernels_at_most.
    "exponent that is half of a whole number": lambda k: bl.SIoU(theta=1.0 + 0.5 * min(round(k), 4)),
    "number in a sum": lambda k: 2.0 * bl.SmoothL1(beta=k) + k * bl.Huber(delta=3.0),
}


@pytest.mark.parametrize("make", NUMBERS.values(), ids=NUMBERS)
def test_another_number_compiles_nothing(make, rng):
    from numba.core import event

    pred, target = mixed(rng, 20)
    make(0.25).value_and_grad(pred, target)
    make(0.25).pairwise(pred, target)
    with event.install_recorder("numba:compile") as compilations:
        for k in (0.5, 1.0, 7.0):
            loss = make(k)
            value, grad = loss.value_and_grad(pred, target)
            expected, expected_grad = loss.value_and_grad(pred, target, engine="array")
            np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-14)
            np.testing.assert_allclose(grad, expected_grad, rtol=1e-11, atol=1e-13)
            loss.pairwise(pred, target)
    assert len(compilations.buffer) == 0


@pytest.mark.parametrize(
    ("loss", "powers"),
    [
        (bl.siou, "usual"),
        (bl.SIoU(theta=2.0), "halves"),
        (bl.SIoU(theta=3.9), "any"),
        (bl.SIoU(theta=4.5), "any"),
        (bl.Focal(bl.shape_iou, gamma=0.5), "usual"),
        (bl.Focal(bl.ShapeIoU(scale=1.0), gamma=0.5), "halves"),
        (bl.Focal(bl.siou, gamma=0.3), "any"),
        (0.3 * bl.Alpha(bl.giou, alpha=0.5) + bl.siou, "halves"),
        (bl.Alpha(bl.giou, alpha=0.7) + bl.siou, "any"),
        (bl.Alpha(bl.giou), "usual"),
        (bl.ciou, "any"),
    ],
    ids=str,
)
def test_what_is_known_of_exponents(loss, powers, rng):
    structure = loss.program.structure
    assert structure.powers == powers
    assert pickle.loads(pickle.dumps(structure)) is structure
    assert from_text(structure.text) is structure
    pred, target = mixed(rng, 40)
    pred[:5] = target[:5]
    pred[6, 1] = np.nan
    value, grads = loss.value_and_grad(pred, target, wrt="both")
    expected, expected_grads = loss.value_and_grad(pred, target, wrt="both", engine="array")
    for found, wanted in zip((value, *grads), (expected, *expected_grads), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-13)


def test_exponents_have_three_kernels_at_most(rng):
    from numba.core import event

    @dataclass(frozen=True)
    class Own(bl.SIoU):
        """A loss that no other test has compiled."""

    pred, target = mixed(rng, 20)
    with event.install_recorder("numba:compile") as compilations:
        for theta in (4.0, 3.9, 2.0, 2.2, 3.0, 1.5, 4.0, 3.5):
            Own(theta=theta)(pred, target, engine="numba")
    kernels = [e for _, e in compilations.buffer if e.is_start and "elementwise" in repr(e.data["dispatcher"])]
    assert len(kernels) <= 3


def test_a_loss_from_disk_has_its_own_exponents(monkeypatch, rng):
    """Those that are usual now may have been others when it was written."""
    loss, pair = Powered(theta=3.0), mixed(rng, 20)
    written, usual = pickle.dumps(loss), loss.program.structure.usual
    assert (usual, loss.program.structure.powers) == ((3.0,), "usual")
    expected = loss(*pair, engine="numba")
    monkeypatch.setattr(Powered, "theta", 2.0)
    monkeypatch.setattr(Structure, "_known", {})
    read = pickle.loads(written)
    assert (read.program.structure.usual, read.program.structure.powers) == ((2.0,), "halves")
    np.testing.assert_allclose(read(*pair, engine="numba"), expected, rtol=1e-12)


def test_an_eps_of_the_call_compiles_nothing(rng):
    from numba.core import event

    pred, target = mixed(rng, 20)
    bl.giou(pred, target)
    with event.install_recorder("numba:compile") as compilations:
        for eps in (1e-7, 0.5):
            np.testing.assert_array_equal(bl.giou(pred, target, eps=eps), bl.GIoU(eps=eps)(pred, target))
    assert len(compilations.buffer) == 0


@every_engine
def test_a_term_of_a_sum_reads_its_own_numbers(engine, rng):
    pred, target = mixed(rng, 30)
    terms = [(2.0, bl.SmoothL1(beta=0.5)), (3.0, bl.Huber(delta=0.1)), (1.0, AreaDifference(scale=0.2))]
    expected = [loss.value_and_grad(pred, target, engine=engine) for _, loss in terms]
    value, grad = bl.WeightedSum(tuple(terms)).value_and_grad(pred, target, engine=engine)
    np.testing.assert_allclose(value, sum(w * v for (w, _), (v, _) in zip(terms, expected, strict=True)), rtol=1e-12)
    np.testing.assert_allclose(
        grad, sum(w * g for (w, _), (_, g) in zip(terms, expected, strict=True)), rtol=1e-11, atol=1e-12
    )


def test_structures_have_no_floats_and_equal_ones_are_one():
    assert bl.SmoothL1(beta=0.1).program.structure is bl.SmoothL1(beta=0.2).program.structure
    assert (2.0 * bl.CIoU()).program.structure is (3.0 * bl.CIoU(eps=0.5)).program.structure
    assert bl.CIoU().program.structure is not bl.CIoU(full_gradient=True).program.structure
    assert bl.L1().program.structure is not bl.L2().program.structure
    assert (5.0 * bl.L1() + 2.0 * bl.SmoothL1(beta=0.5)).program.numbers == (5.0, 2.0, 0.5)
    assert pickle.loads(pickle.dumps(bl.CIoU())).program.structure is bl.ciou.program.structure


@pytest.mark.parametrize(
    ("loss", "name"),
    [(bl.LogIoU(min_iou=1e-46), "min_iou"), (1e40 * bl.L1() + bl.IoU(), "terms"), (bl.GIoU(eps=1e-40), "eps")],
    ids=["underflow", "overflow", "eps"],
)
def test_numbers_that_float32_cannot_hold_are_refused_there(loss, name):
    boxes_of = np.asarray([[0.0, 0, 2, 2]])
    loss(boxes_of, boxes_of)
    with pytest.raises(ValueError, match=rf"^{name} must be 0 or a number from .* float32"):
        loss(boxes_of.astype(np.float32), boxes_of.astype(np.float32))


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


# --- What a formula may be made of ------------------------------------------------------------------------------------

HALF = 0.5


def _outer(xp, e):
    def slope(of):
        return HALF * xp.sign(of)

    return slope(e)


class Nested(bl.L1):
    """Functions inside functions, lambdas, comprehensions, default arguments, globals."""

    @staticmethod
    def formula(xp, e):
        parts = [factor * xp.abs(e) for factor in (0.25, 0.25)]
        return (lambda a, b=0.0: a + b)(sum(parts)), _outer(xp, e)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nested_functions_and_lambdas_are_compiled_in_the_float_type(dtype, rng):
    pred, target = (side.astype(dtype) for side in mixed(rng, 10))
    value, grad = Nested().value_and_grad(pred, target, engine="numba")
    assert value.dtype == grad.dtype == dtype
    expected, expected_grad = (HALF * bl.l1).value_and_grad(pred, target, engine="numba")
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(grad, expected_grad)


def _branch(xp, e):
    return (e if e > 0.0 else -e), e


FORBIDDEN = {
    "if": (_branch, TypeError, "a formula must not branch on a number"),
    "max": (lambda xp, e: (max(e, 0.0), e), TypeError, "a formula must not branch on a number"),
    "math": (lambda xp, e: (math.sqrt(e), e), TypeError, "a function of Python's math takes no symbol"),
    "numpy": (lambda xp, e: (np.abs(e), e), TypeError, "does not support ufuncs|__array_ufunc__"),
    "unknown": (lambda xp, e: (xp.tanh(e), e), AttributeError, "formulas have .*; got xp.tanh"),
    "power": (lambda xp, e: (e**3, e), TypeError, r"a formula has no power but \*\*2; got \*\*3"),
    "text": (lambda xp, e: (e + "1", e), TypeError, "a formula computes with numbers and symbols; got str"),
    "kinds": (lambda xp, e: (e + (e > 0.0), e), TypeError, "a formula needs a number here; got a truth"),
}


@pytest.mark.parametrize(("formula", "error", "text"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_a_compiled_formula_must_not_do_is_said(formula, error, text):
    """By this package, or by Python or NumPy, where the formula does it; never by Numba."""
    kind = type("Wrong", (CoordinateLoss,), {"formula": staticmethod(formula), "expression": "", "value_range": ""})
    box = np.asarray([[0.0, 0, 2, 2]])
    with pytest.raises(error, match=text):
        kind()(box, box, engine="numba")


def test_unknown_relations_are_named():
    kind = type("Wrong", (AreaDifference,), {"relations": ("area",)})
    with pytest.raises(ValueError, match=r"^relations of axis-aligned boxes are 'areas', .*; got 'area'$"):
        kind()(np.zeros((1, 4)), np.zeros((1, 4)))


def test_losses_are_in_order_whatever_is_imported_first():
    code = "import boxloss.losses.eiou, boxloss as bl\nprint(bl.losses()[0], bl.losses()[-1])"
    assert run(code) == "l1 mgiou"
