"""Trees of losses made of losses, at random: values, matrices, derivatives by differences, and what they compile."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import boxloss as bl
from boxloss.engines.numba import compile as numba_compile
from generators import match, mixed

LEAVES = [bl.IoU(), bl.GIoU(), bl.DIoU(), bl.CIoU(), bl.EIoU(), bl.SIoU(theta=3.0), bl.ShapeIoU(scale=1.0)]
LEAVES += [bl.PIoU(), bl.MPDIoU(image_size=(20, 30))]
PRODUCTS = [bl.WIoU(), bl.NWD(constant=3.0), bl.GCD(), bl.MGIoU(), bl.PIoU2(lambda_=1.1), bl.L1(), bl.SquaredIoU()]


def of_iou_terms(losses):
    """Modifiers of 1 - IoU, which nest in one another."""
    return st.one_of(
        st.builds(bl.Inner, losses, st.floats(0.25, 2.0)),
        st.builds(bl.Focaler, losses, st.floats(0.0, 0.4), st.floats(0.5, 1.0)),
        st.builds(bl.Alpha, losses, st.floats(1.0, 4.0)),
        st.builds(bl.Scaled, losses, st.floats(0.25, 2.0)),
        st.builds(bl.Interpolated, losses, st.floats(0.0, 0.95)),
    )


def of_any_loss(losses):
    """Weights and sums, which everything nests in."""
    return st.one_of(
        st.builds(bl.Focal, losses, st.floats(0.25, 2.0)),
        st.builds(bl.Wise, losses, st.sampled_from([2, 3]), st.floats(0.2, 1.0)),
        st.builds(lambda a, b, weight: a + weight * b, losses, losses, st.floats(0.25, 4.0)),
        st.builds(bl.Scaled, losses, st.floats(0.25, 2.0)),
    )


with_iou_term = st.recursive(st.sampled_from(LEAVES), of_iou_terms, max_leaves=4)
trees = st.recursive(st.one_of(with_iou_term, st.sampled_from(PRODUCTS)), of_any_loss, max_leaves=4)


def detached_at(loss, pred, target):
    """A function of boxes whose derivative at a point is the gradient of the tree: gains are those of the point."""
    if isinstance(loss, bl.WeightedSum):
        terms = [(weight, detached_at(term, pred, target)) for weight, term in loss.terms]
        return lambda p, t: sum(weight * term(p, t) for weight, term in terms)
    if isinstance(loss, bl.Focal | bl.Wise):
        inner, gain = detached_at(loss.loss, pred, target), gain_of(loss, pred, target)
        return lambda p, t: gain * inner(p, t)
    return lambda p, t: loss(p, t, engine="array")


def gain_of(loss, pred, target):
    iou = bl.iou_score(pred, target)
    if isinstance(loss, bl.Focal):
        return iou**loss.gamma
    beta = (1.0 - iou) / loss.mean
    return beta**0.5 if loss.version == 2 else beta / (loss.delta * loss.alpha ** (beta - loss.delta))


def is_differentiated(loss):
    """Whether the gradient is that of the value but for gains of whole losses, which `detached_at` knows."""
    if isinstance(loss, bl.WeightedSum):
        return all(is_differentiated(term) for _, term in loss.terms)
    if isinstance(loss, bl.Scaled | bl.Interpolated):
        return is_differentiated(loss.loss) and not contains_gain(loss.loss)
    inner = getattr(loss, "loss", None)
    return is_differentiated(inner) if inner is not None else not isinstance(loss, bl.CIoU | bl.WIoU | bl.PIoU2)


def contains_gain(loss):
    if isinstance(loss, bl.WeightedSum):
        return any(contains_gain(term) for _, term in loss.terms)
    return isinstance(loss, bl.Focal | bl.Wise) or (hasattr(loss, "loss") and contains_gain(loss.loss))


@settings(max_examples=60, deadline=None)
@given(loss=trees, seed=st.integers(0, 10_000))
def test_trees(loss, seed):
    """Finite, 0 at a match with no gradient there, a matrix as the broadcast call, and derivatives by differences."""
    rng = np.random.default_rng(seed)
    pred, target = mixed(rng, 12)
    value, (by_pred, by_target) = loss.value_and_grad(pred, target, wrt="both", engine="array")
    assert np.isfinite(value).all()
    assert np.isfinite(by_pred).all()
    assert np.isfinite(by_target).all()

    same, grads = loss.value_and_grad(*match(rng, 5), wrt="both", engine="array")
    assert (same == 0.0).all()
    assert all((grad == 0.0).all() for grad in grads)

    matrix = loss.pairwise(pred[:4], target[:3], engine="array")
    expected = loss(pred[:4, None], target[None, :3], engine="array")
    np.testing.assert_allclose(matrix, expected, rtol=1e-9, atol=1e-12)

    if is_differentiated(loss):
        function, step = detached_at(loss, pred, target), 1e-6
        for k in range(4):
            up, down = (np.where(np.arange(4) == k, pred + sign * step, pred) for sign in (1.0, -1.0))
            slope = (function(up, target) - function(down, target)) / (2.0 * step)
            # A row within a step of one of the many kinks of a tree has one slope before it and another after.
            near = np.abs(slope - by_pred[:, k]) <= 1e-5 * (1.0 + np.abs(slope).max())
            assert near.mean() >= 0.8, (slope, by_pred[:, k])


def test_a_tree_is_one_structure_for_all_numbers(rng):
    """Another ratio, bound, power, mean or weight compiles nothing, in a value with gradient and in a matrix."""

    def tree(a, b):
        inner = bl.Focaler(bl.Inner(bl.CIoU(), ratio=a), low=0.1 * b, high=0.5 + 0.1 * a)
        moved = bl.Scaled(bl.giou, a) + bl.Interpolated(bl.eiou, 0.5 * b) + bl.MPDIoU(image_size=(5.0 * a, 8.0))
        faded = bl.NWD(constant=a) + bl.PIoU2(lambda_=b)
        return (
            bl.Wise(inner, mean=a, alpha=1.0 + b)
            + b * bl.Focal(bl.Alpha(bl.DIoU(), alpha=1.0 + a), gamma=b)
            + (moved + faded)
        )

    pred, target = mixed(rng, 20)

    def run(loss):
        loss.value_and_grad(pred, target, engine="numba")
        loss.pairwise(pred, target, engine="numba")

    run(tree(0.7, 0.9))
    compiled = len(numba_compile._entries)
    for a, b in rng.uniform(0.3, 1.2, (4, 2)):
        run(tree(float(a), float(b)))
    assert len(numba_compile._entries) == compiled


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_compiled_trees(dtype, rng):
    loss = bl.Focaler(bl.Inner(bl.SIoU(), ratio=1.2)) + 0.5 * bl.Wise(bl.Alpha(bl.CIoU()), mean=0.6)
    pred, target = (side.astype(dtype) for side in mixed(rng, 200))
    exact = [side.astype(float) for side in (pred, target)]
    rtol, atol = (1e-4, 1e-4) if dtype == "float32" else (1e-10, 1e-10)
    value, grad = loss.value_and_grad(pred, target, engine="numba")
    expected, expected_grad = loss.value_and_grad(*exact, engine="array")
    np.testing.assert_allclose(value, expected, rtol=rtol, atol=atol)
    np.testing.assert_allclose(grad, expected_grad, rtol=rtol, atol=atol * np.abs(expected_grad).max())
    matrix = loss.pairwise(pred[:9], target[:7], engine="numba")
    np.testing.assert_allclose(
        matrix, loss(exact[0][:9, None], exact[1][None, :7], engine="array"), rtol=rtol, atol=atol
    )
