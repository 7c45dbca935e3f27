"""Losses made of losses: trees of them at random, what each says of wrong parameters, and the state of Wise-IoU."""

import dataclasses
import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import boxloss as bl
from boxloss.engines.numba import compile as numba_compile
from errors import check_error
from generators import aligned, boxes, match, mixed

NONE = "has none of: give it a loss such as bl.ciou, and let sums, weights, Focal and Wise take the result"
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


# --- Trees ------------------------------------------------------------------------------------------------------------


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
        return bl.Wise(inner, mean=a, alpha=1.0 + b) + b * bl.Focal(bl.Alpha(bl.DIoU(), alpha=1.0 + a), gamma=b)

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


def test_modifiers_that_change_nothing(rng):
    pred, target = mixed(rng, 100)
    for loss in (bl.Inner(bl.ciou, 1.0), bl.Alpha(bl.ciou, 1.0), bl.Focal(bl.ciou, 0.0), bl.Focaler(bl.ciou, 0.0, 1.0)):
        for found, expected in zip(
            loss.value_and_grad(pred, target, engine="array"),
            bl.ciou.value_and_grad(pred, target, engine="array"),
            strict=True,
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13, err_msg=repr(loss))


def test_focaler_at_its_bounds(rng):
    """The mean of the one-sided slopes where the ramp begins and ends, and no kink where no IoU is beyond."""
    pred, target = np.asarray([[0.0, 0, 8, 8]]), np.asarray([[0.0, 0, 8, 16]])  # an IoU of exactly 1/2
    slope = bl.iou.value_and_grad(pred, target)[1]
    for low, high in ((0.5, 0.75), (0.25, 0.5)):
        found = bl.Focaler(bl.iou, low, high).value_and_grad(pred, target)[1]
        np.testing.assert_allclose(found, 2.0 * slope, rtol=1e-15)  # half of 1 / (high - low)
    assert (bl.Focaler(bl.iou, 0.6, 0.9).value_and_grad(pred, target)[1] == 0.0).all()
    assert (bl.Focaler(bl.iou, 0.1, 0.4)(pred, target) == 0.0).all()
    touching = aligned(rng, 50)
    whole = bl.Focaler(bl.giou, 0.0, 1.0).value_and_grad(*touching, engine="array")[1]
    np.testing.assert_allclose(whole, bl.giou.value_and_grad(*touching, engine="array")[1], rtol=1e-12, atol=1e-13)


def test_share_of_the_plane_without_a_slope_of_the_inner_iou():
    """Of offsets up to 2 sides along each axis: 1 - ((1 + 1) ratio / 4)^2, the published effect of the ratio."""
    offset = np.linspace(-2.0, 2.0, 81)[:-1] + 0.025
    dx, dy = np.meshgrid(offset, offset)
    pred = np.stack([dx, dy, dx + 1.0, dy + 1.0], axis=-1)
    for ratio in (0.5, 0.8, 1.0, 1.25, 1.5):
        grad = bl.Inner(bl.iou, ratio).value_and_grad(pred, np.asarray([0.0, 0, 1, 1]), engine="array")[1]
        np.testing.assert_allclose((grad == 0.0).all(-1).mean(), 1.0 - (ratio / 2.0) ** 2, atol=0.02)


# --- Errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (lambda: bl.Inner("ciou"), TypeError, "loss of Inner must be a loss; got str"),
        (
            lambda: bl.Inner(bl.l1),
            ValueError,
            f"Inner changes the term 1 - IoU of a loss, which L1 {NONE}",
        ),
        (
            lambda: bl.Focaler(bl.Wise(bl.iou)),
            ValueError,
            f"Focaler changes the term 1 - IoU of a loss, which Wise {NONE}",
        ),
        (lambda: bl.Inner(bl.ciou, 0.1), ValueError, "ratio must be from 0.125 to 8; got 0.1"),
        (lambda: bl.Scaled(bl.ciou, 9), ValueError, "ratio must be from 0.125 to 8; got 9.0"),
        (lambda: bl.Interpolated(bl.ciou, 1.5), ValueError, "alpha must be from 0 to 1; got 1.5"),
        (lambda: bl.Focaler(bl.ciou, -0.1), ValueError, "low must be from 0 to 1; got -0.1"),
        (lambda: bl.Focaler(bl.ciou, 0.5, 0.5), ValueError, "low must be less than high; got low=0.5 and high=0.5"),
        (lambda: bl.Alpha(bl.ciou, 0), ValueError, "alpha must be greater than 0 (1e-30 or more); got 0.0"),
        (
            lambda: bl.Alpha(bl.wiou),
            ValueError,
            "Alpha takes the terms of a loss to a power, and WIoU is a product",
        ),
        (lambda: bl.Focal(bl.eiou, -1), ValueError, "gamma must not be negative; got -1.0"),
        (lambda: bl.Wise(bl.wiou, 1), ValueError, "version must be 2 or 3; version 1 is bl.wiou itself. Got 1"),
        (
            lambda: bl.Wise(bl.wiou, np.asarray([2])),
            ValueError,
            "version must be 2 or 3; version 1 is bl.wiou itself. Got array([2])",
        ),
        (lambda: bl.Wise(bl.wiou, True), ValueError, "version must be 2 or 3; version 1 is bl.wiou itself. Got True"),
        (lambda: bl.Wise(bl.wiou, mean=0), ValueError, "mean must be greater than 0 (1e-30 or more); got 0.0"),
        (lambda: bl.Wise(bl.wiou, alpha=1), ValueError, "alpha must be greater than 1; got 1"),
        (lambda: bl.WiseState(2.0), ValueError, "momentum must be at most 1; got 2.0"),
        (lambda: bl.WiseState(0.1).updated(np.nan), ValueError, "the mean of iou_losses must be finite; got nan"),
        (lambda: bl.SIoU(theta=0.5), ValueError, "theta must be at least 1; got 0.5"),
        (lambda: bl.ShapeIoU(scale=-1), ValueError, "scale must not be negative; got -1.0"),
        (lambda: bl.ShapeIoU(theta=0), ValueError, "theta must be at least 1; got 0.0"),
        (lambda: bl.PIoU2(lambda_=0), ValueError, "lambda_ must be greater than 0 (1e-30 or more); got 0.0"),
        (lambda: bl.NWD(constant=-1), ValueError, "constant must be greater than 0 (1e-30 or more); got -1.0"),
        (
            lambda: bl.MPDIoU(image_size=5),
            TypeError,
            "image_size must be a pair (height, width); got 5",
        ),
    ],
)
def test_wrong_parameters(make, kind, text):
    check_error(make, kind, text)


def test_mpdiou_wants_the_size_of_the_image_once(rng):
    pred, target = mixed(rng, 5)
    text = (
        "image_size must be a pair (height, width), which MPDIoU reads; got None. Give it in the call, or to the "
        "loss where it takes one, as MPDIoU(image_size=(480, 640))"
    )
    for loss in (bl.MPDIoU(), bl.Inner(bl.MPDIoU(), 1.0), bl.l1 + bl.MPDIoU()):
        check_error(functools.partial(loss, pred, target), TypeError, text)
    expected = bl.MPDIoU()(pred, target, image_size=(20, 30))
    np.testing.assert_allclose(bl.MPDIoU(image_size=(20, 30))(pred, target), expected, rtol=1e-15)
    np.testing.assert_allclose(bl.Inner(bl.MPDIoU(), 1.0)(pred, target, image_size=(20, 30)), expected, rtol=1e-12)


def test_eps_of_a_call_reaches_the_loss(rng):
    pred, target = mixed(rng, 20)
    loss = bl.Focaler(bl.Inner(bl.CIoU(), 0.9))
    expected = bl.Focaler(bl.Inner(bl.CIoU(eps=0.5), 0.9))(pred, target)
    np.testing.assert_array_equal(loss(pred, target, eps=0.5), expected)
    assert loss.with_eps(0.5) == bl.Focaler(bl.Inner(bl.CIoU(eps=0.5), 0.9))


# --- State ------------------------------------------------------------------------------------------------------------


def test_state_is_a_value():
    state = bl.WiseState(momentum=0.25)
    assert state.updated(np.asarray([0.0, 0.4])) == bl.WiseState(momentum=0.25, mean=0.8)
    assert state == bl.WiseState(momentum=0.25)
    assert state.updated(np.empty(0)) is state
    assert bl.WiseState(**dataclasses.asdict(state.updated(0.4))) == state.updated(0.4)
    assert bl.WiseState(momentum=1.0).updated(0.0).mean > 0.0  # all boxes match: the next step can still divide by it


def test_state_takes_what_a_loss_returns(backend, rng):
    pred, target = mixed(rng, 8)
    value = bl.iou(backend.asarray(pred), backend.asarray(target))
    np.testing.assert_allclose(
        bl.WiseState(0.5).updated(value).mean, 0.5 + 0.5 * bl.iou(pred, target).mean(), rtol=1e-12
    )


@pytest.mark.torch
def test_module_keeps_the_mean_as_a_buffer(rng):
    import torch

    from boxloss.torch import WiseIoU

    pred, target = (torch.tensor(side) for side in mixed(rng, 30))
    module, state = WiseIoU(momentum=0.25, reduction="none"), bl.WiseState(0.25)
    for _ in range(3):
        state = state.updated(bl.iou(pred, target))
        found = module(pred.requires_grad_(), target)
        expected = bl.Wise(bl.wiou, mean=state.mean)(pred, target)
        torch.testing.assert_close(found, expected)
    found.sum().backward()
    other = WiseIoU(momentum=0.25)
    other.load_state_dict(module.state_dict())
    assert other.mean.item() == pytest.approx(state.mean)
    module.eval()
    module(pred, target)
    assert module.mean.item() == pytest.approx(state.mean)
    halved = module.half().mean  # a step of a mean is less than the last digit of half precision
    assert (halved.dtype, halved.item()) == (torch.float32, pytest.approx(state.mean))


def test_boxes_far_from_the_origin_keep_their_digits(rng):
    pred, target = boxes(rng, 50), boxes(rng, 50)
    far = [np.round(side * 64) / 64 + 2.0**14 for side in (pred, target)]
    near = [side - 2.0**14 for side in far]
    for loss in (bl.Scaled(bl.giou, 1.5), bl.Interpolated(bl.giou, 0.5), bl.Inner(bl.ciou, 0.75)):
        value = loss(*(side.astype(np.float32) for side in far), engine="array")
        np.testing.assert_allclose(value, loss(*near, engine="array"), rtol=3e-6)


def test_points_apart_are_no_match():
    """A side of 0 divides by a tiny length: of two points that are not one, no part of a penalty is left out."""
    pred, target = np.asarray([[100.0, 0, 100, 0]]), np.zeros((1, 4))
    for loss in (bl.gcd, bl.piou, bl.shape_iou, bl.ShapeIoU(scale=1.0)):
        value, grad = loss.value_and_grad(pred, target)
        assert value >= 1.0, loss
        assert np.isfinite(grad).all()
        assert loss(target, target) == 0.0
    weighted = bl.ShapeIoU(scale=1.0)(np.asarray([[3.0, 0, 5, 2]]), np.asarray([[0.0, 1, 0, 1]]))
    np.testing.assert_allclose(weighted, bl.shape_iou(np.asarray([[3.0, 0, 5, 2]]), np.asarray([[0.0, 1, 0, 1]])))


def test_another_formula_has_another_bound_or_none(rng):
    """`below` looks only at overlapping boxes if a class says so itself."""

    @dataclasses.dataclass(frozen=True)
    class Half(bl.IoU):
        @staticmethod
        def terms(xp, areas, eps):
            ((distance, partials),) = bl.IoU.terms(xp, areas, eps)
            return ((0.5 * distance, (partials,)),)

    assert Half().needed_overlap(0.6, False) is None
    assert bl.iou.needed_overlap(0.6, False) == 0.4


def test_parameters_do_not_hide_what_losses_have():
    with pytest.raises(TypeError, match="must have another name than 'penalty'"):
        type("Own", (bl.IoU,), {"__annotations__": {"penalty": float}, "penalty": 0.5})


def test_the_smallest_image():
    check_error(
        lambda: bl.MPDIoU(image_size=(1e-25, 1.0)), ValueError, "height of image_size must be at least 1e-09; got 1e-25"
    )


@pytest.mark.parametrize("version", [2.0, np.float32(2)])
def test_a_version_is_a_whole_number(version):
    assert repr(bl.Wise(bl.wiou, version)) == repr(bl.Wise(bl.wiou, 2))


def test_losses_are_subtracted_and_divided(rng):
    pred, target = boxes(rng, 5), boxes(rng, 5)
    assert repr(bl.ciou / 4 - bl.l1) == repr(0.25 * bl.ciou + -1.0 * bl.l1)
    assert repr(-(bl.ciou - bl.l1)) == repr(-1.0 * bl.ciou + 1.0 * bl.l1)
    found, wanted = ((bl.ciou - 2 * bl.l1)(pred, target, engine="array"), bl.ciou(pred, target, engine="array"))
    np.testing.assert_allclose(found, wanted - 2 * bl.l1(pred, target, engine="array"), rtol=1e-12)
    assert ((49 * bl.l1) / 49).terms == ((1.0, bl.l1),)
    text = "divisor of a loss must "
    check_error(lambda: bl.l1 / 0, ValueError, f"{text}not be 0")
    check_error(lambda: bl.l1 / "a", TypeError, f"{text}be a number; got the string 'a'")
    for wrong in (lambda: bl.ciou - 1, lambda: bl.ciou / bl.l1, lambda: 1 - bl.ciou):
        with pytest.raises(TypeError, match="unsupported operand"):
            wrong()


def test_weights_of_sums_stay_finite():
    check_error(lambda: 1e308 * (1e308 * bl.iou), ValueError, "weight of a sum must be finite; got inf")
