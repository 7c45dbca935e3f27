"""Weights, reductions and their scale on the gradient, against the same in plain NumPy.

None of it depends on the loss: L2, whose kernels compile fastest, stands for all.
"""

import numpy as np
import pytest

import boxloss as bl
from generators import mixed

WEIGHTS = {"none": None, "number": 0.25, "int": 3, "each": (7,), "one": (1,), "scalar": (), "zeros": (7,)}
every_engine = pytest.mark.parametrize("engine", ["array", "numba"])


def make_weight(name, rng):
    kind = WEIGHTS[name]
    if not isinstance(kind, tuple):
        return kind
    return np.zeros(kind) if name == "zeros" else rng.uniform(0.1, 2.0, kind)


@every_engine
@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize(
    ("reduction", "avg_factor"), [("none", None), ("sum", None), ("mean", None), ("mean", 3.5), ("mean", 0)]
)
def test_weight_and_reduction(reduction, avg_factor, weight, engine, rng):
    pred, target = mixed(rng, 7)
    weight = make_weight(weight, rng)
    value, (d_pred, d_target) = bl.l2.value_and_grad(pred, target, wrt="both", engine=engine)
    factor = np.broadcast_to(1.0 if weight is None else weight, 7)
    divisor = {"none": 1, "sum": 1, "mean": 7 if avg_factor is None else avg_factor}[reduction]
    weighted = value * factor
    if reduction != "none":
        weighted = weighted.sum() / divisor if divisor else 0.0
    scale = factor[:, None] / divisor if divisor else 0.0 * factor[:, None]

    options = {"weight": weight, "reduction": reduction, "avg_factor": avg_factor, "engine": engine}
    called = bl.l2(pred, target, **options)
    value, grads = bl.l2.value_and_grad(pred, target, wrt="both", **options)
    for result in (called, value):
        assert result.dtype == np.float64
        assert result.shape == ((7,) if reduction == "none" else ())
        np.testing.assert_allclose(result, weighted, rtol=1e-14)
    np.testing.assert_allclose(grads[0], scale * d_pred, rtol=1e-14)
    np.testing.assert_allclose(grads[1], scale * d_target, rtol=1e-14)


@every_engine
def test_gradient_with_respect_to_one_box_has_the_same_scale(engine, rng):
    pred, target = mixed(rng, 7)
    options = {"weight": rng.uniform(0.1, 2.0, 7), "reduction": "mean", "avg_factor": 2.0, "engine": engine}
    _, both = bl.l2.value_and_grad(pred, target, wrt="both", **options)
    for wrt, expected in zip(("pred", "target"), both, strict=True):
        np.testing.assert_allclose(bl.l2.value_and_grad(pred, target, wrt=wrt, **options)[1], expected, rtol=1e-14)


@every_engine
def test_reduced_gradient_is_the_derivative_of_the_reduced_value(engine, rng):
    pred, target = mixed(rng, 7)
    options = {"weight": rng.uniform(0.1, 2.0, 7), "reduction": "mean", "engine": engine}
    _, grad = bl.l2.value_and_grad(pred, target, **options)
    step = 1e-6
    for row, column in ((0, 0), (3, 2), (6, 3)):
        move = np.zeros((7, 4))
        move[row, column] = step
        slope = (bl.l2(pred + move, target, **options) - bl.l2(pred - move, target, **options)) / (2 * step)
        np.testing.assert_allclose(grad[row, column], slope, rtol=1e-6, atol=1e-9)


@every_engine
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("reduction", "avg_factor"), [("mean", None), ("mean", 4.0), ("mean", 0.0), ("sum", None)])
def test_reduction_of_nothing_is_zero(reduction, avg_factor, dtype, engine):
    empty = np.empty((0, 4), dtype)
    options = {"reduction": reduction, "avg_factor": avg_factor, "engine": engine}
    value, grad = bl.l2.value_and_grad(empty, empty, **options)
    for result in (value, bl.l2(empty, empty, **options)):
        assert result.shape == ()
        assert result.dtype == dtype
        assert result == 0.0
    assert grad.shape == (0, 4)
    assert grad.dtype == dtype


@every_engine
@pytest.mark.parametrize("shape", [(3, 5), (5,), (3, 1), (1, 1), ()])
def test_weight_broadcasts_to_the_values(shape, engine, rng):
    pred, target = mixed(rng, 15)
    pred, target = pred.reshape(3, 5, 4), target.reshape(3, 5, 4)
    weight = np.asarray(rng.uniform(0.1, 2.0, shape))
    value, grad = bl.l2.value_and_grad(pred, target, engine=engine)
    weighted, weighted_grad = bl.l2.value_and_grad(pred, target, weight=weight, engine=engine)
    np.testing.assert_allclose(weighted, value * weight, rtol=1e-14)
    np.testing.assert_allclose(weighted_grad, grad * np.broadcast_to(weight, (3, 5))[..., None], rtol=1e-14)


@every_engine
def test_mean_of_broadcast_boxes_divides_by_the_number_of_pairs(engine, rng):
    pred, target = mixed(rng, 6)
    value, grad = bl.l2.value_and_grad(pred[:2, None], target, engine=engine)
    mean, mean_grad = bl.l2.value_and_grad(pred[:2, None], target, reduction="mean", engine=engine)
    assert value.shape == (2, 6)
    np.testing.assert_allclose(mean, value.sum() / 12, rtol=1e-14)
    np.testing.assert_allclose(mean_grad, grad / 12, rtol=1e-14)


@every_engine
@pytest.mark.parametrize(
    "weight",
    [np.asarray([True, False, True]), np.asarray([1, 0, 2]), np.asarray([1, 0, 2], dtype=np.float32)],
    ids=lambda weight: weight.dtype.name,
)
def test_weight_of_another_type_counts_as_a_number(weight, engine, rng):
    pred, target = mixed(rng, 3)
    value, grad = bl.l2.value_and_grad(pred, target, engine=engine)
    weighted, weighted_grad = bl.l2.value_and_grad(pred, target, weight=weight, engine=engine)
    assert weighted.dtype == weighted_grad.dtype == np.float64
    np.testing.assert_allclose(weighted, value * weight, rtol=1e-14)
    np.testing.assert_allclose(weighted_grad, grad * weight[:, None], rtol=1e-14)


@every_engine
def test_weight_of_zero_silences_no_other_row_than_its_own(engine, rng):
    pred, target = mixed(rng, 5)
    weight = np.asarray([1.0, 0.0, 1.0, 0.0, 1.0])
    value, grad = bl.l2.value_and_grad(pred, target, weight=weight, engine=engine)
    np.testing.assert_array_equal(value == 0.0, weight == 0.0)
    np.testing.assert_array_equal(np.all(grad == 0.0, axis=-1), weight == 0.0)


@every_engine
def test_weight_may_be_any_view(engine, rng):
    pred, target = mixed(rng, 6)
    weight = rng.uniform(0.1, 2.0, 12)
    expected = bl.l2(pred, target, engine=engine)
    for view in (weight[::2], weight[:6][::-1], weight[:6].astype(">f8"), np.broadcast_to(weight[:1], 6)):
        np.testing.assert_allclose(bl.l2(pred, target, weight=view, engine=engine), expected * view, rtol=1e-14)
