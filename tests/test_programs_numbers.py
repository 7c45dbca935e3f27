"""Run-time numbers of programs: which numbers compile nothing, what is known of exponents, and numbers of terms."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest

import boxloss as bl
from boxloss.formulas.structure import Structure
from boxloss.formulas.text import from_text
from generators import mixed
from own_relations import AreaDifference

every_engine = pytest.mark.parametrize("engine", ["array", "numba"])


@dataclass(frozen=True)
class Powered(bl.SIoU):
    """A loss whose usual exponent is another one."""

    theta: float = 3.0


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
    [
        (bl.LogIoU(min_iou=1e-46), "min_iou"),
        (1e40 * bl.L1() + bl.IoU(), "terms"),
        (bl.GIoU(eps=1e-40), "eps"),
        (bl.GIoU(eps=1e-7) + bl.GIoU(eps=1e-40), "eps"),
    ],
    ids=["underflow", "overflow", "eps", "the second eps"],
)
def test_numbers_that_float32_cannot_hold_are_refused_there(loss, name):
    boxes_of = np.asarray([[0.0, 0, 2, 2]])
    loss(boxes_of, boxes_of)
    with pytest.raises(ValueError, match=rf"^{name} must be 0 or a number from .* float32"):
        loss(boxes_of.astype(np.float32), boxes_of.astype(np.float32))
