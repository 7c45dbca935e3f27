"""Losses made of losses: what they change and what they do not, and what each says of wrong parameters."""

import dataclasses
import functools

import numpy as np
import pytest

import boxloss as bl
from errors import check_error
from generators import aligned, boxes, mixed


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


def test_eps_of_a_call_reaches_the_loss(rng):
    pred, target = mixed(rng, 20)
    loss = bl.Focaler(bl.Inner(bl.CIoU(), 0.9))
    expected = bl.Focaler(bl.Inner(bl.CIoU(eps=0.5), 0.9))(pred, target)
    np.testing.assert_array_equal(loss(pred, target, eps=0.5), expected)
    assert loss.with_eps(0.5) == bl.Focaler(bl.Inner(bl.CIoU(eps=0.5), 0.9))


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


# --- Errors -----------------------------------------------------------------------------------------------------------

NONE = "has none of: give it a loss such as bl.ciou, and let sums, weights, Focal and Wise take the result"


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
        (
            lambda: bl.Wise(bl.iou_score),
            ValueError,
            "loss of Wise must be smaller for a better match; got IoUScore, which grows with the match",
        ),
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


def test_the_smallest_image():
    check_error(
        lambda: bl.MPDIoU(image_size=(1e-25, 1.0)), ValueError, "height of image_size must be at least 1e-09; got 1e-25"
    )


@pytest.mark.parametrize("version", [2.0, np.float32(2)])
def test_a_version_is_a_whole_number(version):
    assert repr(bl.Wise(bl.wiou, version)) == repr(bl.Wise(bl.wiou, 2))


def test_weights_of_sums_stay_finite():
    check_error(lambda: 1e308 * (1e308 * bl.iou), ValueError, "weight of a sum must be finite; got inf")


@pytest.mark.parametrize(("dtype", "exponents"), [("float32", (5.0, 7.0)), ("float64", (13.0, 16.0))])
def test_boxes_between_have_no_side_below_zero(dtype, exponents, rng):
    """Corners that are far from the other box round each on its own, and a formula of sides takes no negative one."""
    far = 10.0 ** rng.uniform(*exponents, (2000, 2)) * rng.choice([-1.0, 1.0], (2000, 2))
    low = rng.uniform(0.0, 9.0, (2000, 2))
    pred = np.concatenate([far, far], 1).astype(dtype)
    target = np.concatenate([low, low + rng.uniform(0.01, 0.2, (2000, 2))], 1).astype(dtype)
    for loss in (bl.Interpolated(bl.SIoU(theta=3.0), 0.5), bl.Focal(bl.Interpolated(bl.ShapeIoU(), 0.75), 0.0)):
        value, grad = loss.value_and_grad(pred, target, engine="numba")
        plain, plain_grad = loss.value_and_grad(pred, target, engine="array")
        assert np.isfinite(grad).all()
        rtol = 1e-4 if dtype == "float32" else 1e-10
        np.testing.assert_allclose(value, plain, rtol=rtol)
        np.testing.assert_allclose(grad, plain_grad, rtol=rtol, atol=rtol * np.abs(plain_grad).max())
        assert value.min() >= 0.0
        assert value.max() < 4.0
