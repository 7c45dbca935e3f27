"""Formats of rotated boxes against corners written out by hand: conversions, ranges of the angle, gradients."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import boxloss as bl
from boxloss.shapes.box import Image
from boxloss.shapes.formats import FORMATS
from boxloss.shapes.rotated.box import RotatedGradient
from boxloss.shapes.rotated.formats import ROTATED_FORMATS
from rotated_formats import DEGREES, SIDE, WITH_ANGLE, corners_of, rotated

ALL = (*WITH_ANGLE, "xyxyxyxy")
every_format = pytest.mark.parametrize("name", ALL)


# --- Conversion -----------------------------------------------------------------------------------------------------


@every_format
def test_there_and_back(name, backend, rng):
    boxes = rotated(rng, turns=0.49)
    there = bl.convert(backend.asarray(boxes), "cxcywhd", name)
    backend.assert_like(bl.convert(there, name, "xyxyxyxy"), corners_of(boxes), rtol=1e-12, atol=1e-12)
    backend.assert_like(bl.convert(there, name, "cxcywhd"), boxes, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("image", [(SIDE, SIDE), (5.0, 8.0)])
def test_corners_as_fractions_of_any_image(image, rng):
    boxes = rotated(rng, turns=0.49)
    fractions = bl.convert(boxes, "cxcywhd", "rel_xyxyxyxy", image_size=image)
    assert_allclose(fractions * ([image[1], image[0]] * 4), corners_of(boxes), rtol=1e-12, atol=1e-12)
    found = bl.convert(fractions, "rel_xyxyxyxy", "cxcywhd", image_size=image)
    assert_allclose(found, boxes, rtol=1e-11, atol=1e-11)
    assert_allclose(bl.area(fractions, format="rel_xyxyxyxy", image_size=image), boxes[:, 2] * boxes[:, 3])


@pytest.mark.parametrize("name", WITH_ANGLE)
def test_fractions_of_a_square(name, rng):
    boxes = bl.convert(rotated(rng), "cxcywhd", name)
    fractions = boxes / [SIDE, SIDE, SIDE, SIDE, 1]
    options = {"image_size": (SIDE, SIDE)}
    assert_allclose(bl.convert(fractions, f"rel_{name}", name, **options), boxes, rtol=1e-14)
    assert_allclose(bl.convert(boxes, name, f"rel_{name}", **options), fractions, rtol=1e-14)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(WITH_ANGLE),
    st.sampled_from(WITH_ANGLE),
    st.floats(-1e4, 1e4),
    st.tuples(*[st.floats(-1e3, 1e3)] * 2, *[st.floats(0, 1e3)] * 2),
)
def test_the_angle_keeps_its_turns(one, other, angle, numbers):
    box = np.asarray([*numbers, angle])
    found = bl.convert(bl.convert(box, one, other), other, one)
    assert_allclose(found, box, rtol=1e-13, atol=1e-9)
    if one in DEGREES and other in DEGREES:
        assert abs(bl.convert(box, one, other)[4]) == abs(angle)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_quarter_turns_are_exact(dtype):
    """Corners without a sine, radians that are the nearest number, and degrees from these and from corners."""
    degrees = np.arange(-180.0, 181.0, 90.0)
    boxes = np.stack([np.full(5, v) for v in (3, 5, 4, 2)] + [degrees], axis=-1).astype(dtype)
    corners = bl.convert(boxes, "cxcywhd", "xyxyxyxy")
    assert_array_equal(corners, np.round(corners))
    radians = bl.convert(boxes, "cxcywhd", "cxcywha")
    assert_array_equal(radians[:, 4], np.radians(degrees).astype(dtype))
    assert_array_equal(bl.convert(radians, "cxcywha", "cxcywhd"), boxes)
    assert_array_equal(np.abs(bl.convert(corners, "xyxyxyxy", "cxcywhd")), np.abs(boxes))
    enclosing = bl.convert(boxes, "cxcywhd", "cxcywh")
    assert_array_equal(enclosing, [[3, 5, 4, 2], [3, 5, 2, 4]] * 2 + [[3, 5, 4, 2]])


@pytest.mark.parametrize("name", ["xyxy", "xywh", "cxcywh", "yxyx"])
def test_axis_aligned_boxes(name, rng):
    """The angle 0 there, the enclosing box back; an inverted box stays one."""
    corners = rng.uniform(-9, 9, (20, 4))
    given = bl.convert(corners, "xyxy", name)
    turned = bl.convert(given, name, "cxcywha")
    assert_array_equal(turned[:, 4], 0.0)
    assert_allclose(bl.convert(turned, "cxcywha", "xyxy"), corners, atol=1e-13)
    boxes = rotated(rng)
    points = corners_of(boxes).reshape(-1, 4, 2)
    enclosing = bl.convert(np.concatenate([points.min(axis=1), points.max(axis=1)], axis=-1), "xyxy", name)
    assert_allclose(bl.convert(boxes, "cxcywhd", name), enclosing, rtol=1e-12, atol=1e-12)


@pytest.mark.jax
def test_derivatives_of_conversions(rng):
    """As the library differentiates: without a NaN where a side is 0."""
    import jax

    points = jax.numpy.asarray([[1.0, 2, 1, 2, 1, 2, 1, 2], *corners_of(rotated(rng, 3))])
    grad = jax.grad(lambda p: bl.convert(p, "xyxyxyxy", "cxcywha").sum())(points)
    assert np.isfinite(grad).all()


# --- Ranges of the angle --------------------------------------------------------------------------------------------

RANGES = {"le90": (-90, 90), "le135": (-45, 135), "oc": (0, 90), "old_oc": (-90, 0)}


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(list(RANGES)),
    st.sampled_from(WITH_ANGLE),
    st.one_of(st.floats(-1e5, 1e5), st.integers(-20, 20).map(lambda k: 45.0 * k), st.sampled_from([1e-300, -1e-300])),
    st.floats(0.5, 20),
    st.floats(0.5, 20),
    st.sampled_from(["float32", "float64"]),
)
def test_ranges(angles, name, degrees, w, h, dtype):
    """The same rectangle, with its angle in the range."""
    given = np.asarray([3, -5, w, h, degrees], dtype)
    found = bl.convert(given, "cxcywhd", name, angles=angles)
    in_degrees = float(found[4]) if name in DEGREES else np.degrees(float(found[4]))
    low, high = RANGES[angles]
    margin = 0.0 if name in DEGREES else 1e-5
    if angles == "oc":
        assert low < in_degrees <= high + margin
    else:
        assert low - margin <= in_degrees < high + margin
    if angles.startswith("le"):
        assert found[2] >= found[3]
    one, other = bl.convert(given, "cxcywhd", "cxcywha"), bl.convert(found, name, "cxcywha")
    tolerance = 1e-9 if dtype == "float64" else 3e-3  # the angle is rounded before
    assert bl.iou_score(one, other, format="cxcywha", engine="array") == pytest.approx(1.0, abs=tolerance * 40)
    assert_allclose(other[:2], one[:2], atol=tolerance)


def test_angles_of_any_size_keep_their_digits():
    """A million radians and less: by way of sine and cosine, not of a remainder of pi."""
    angle = 999_999.25
    found = bl.convert(np.asarray([0, 0, 3, 1, angle]), "cxcywha", "cxcywha", angles="le90")[4]
    assert found == pytest.approx(math.atan(math.tan(angle)), abs=1e-14)
    for beyond, name in ((1.1e6, "cxcywha"), (2.4e7, "cxcywhd")):
        assert np.isnan(bl.convert(np.asarray([0, 0, 3, 1, beyond]), name, name, angles="le90")[4])
        assert bl.convert(np.asarray([0, 0, 3, 1, beyond]), name, "cxcywhr")[4] < -1e6


# --- Gradients ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ROTATED_FORMATS)
def test_pullbacks(name, rng):
    """Central differences of what a format decodes, in the numbers of the format."""
    own, image = FORMATS[name], Image(SIDE, SIDE)
    numbers = bl.convert(rotated(rng, 6), "cxcywhd", name, image_size=(SIDE, SIDE) if "rel" in name else None)
    slopes, step = rng.normal(size=(5, 6)), 1e-6

    def weighted(boxes):
        b = own.decode(np, tuple(boxes.T), image)
        angle = b.cos * np.cos(0.3) + b.sin * np.sin(0.3)
        return sum(s * n for s, n in zip(slopes[:4], b[:4], strict=True)) + slopes[4] * angle

    b = own.decode(np, tuple(numbers.T), image)
    by_angle = slopes[4] * (-b.sin * np.cos(0.3) + b.cos * np.sin(0.3))
    found = np.stack(own.pullback(np, tuple(numbers.T), RotatedGradient(*slopes[:4], by_angle), image), axis=-1)
    for k in range(5):
        move = step * np.eye(5)[k]
        expected = (weighted(numbers + move) - weighted(numbers - move)) / (2 * step)
        assert_allclose(found[:, k], expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("engine", ["array", "numba"])
@pytest.mark.parametrize("name", ["rel_cxcywha", "rel_xywhr"])
def test_losses_of_fractions(name, engine, rng):
    pred, target = (bl.convert(rotated(rng, 9), "cxcywhd", name.removeprefix("rel_")) for _ in range(2))
    target[:, :4] = pred[:, :4] + rng.normal(0, 0.5, (9, 4))
    scale = np.asarray([SIDE, SIDE, SIDE, SIDE, 1])
    expected, d = bl.diou.value_and_grad(pred, target, format=name.removeprefix("rel_"), engine="array")
    options = {"format": name, "image_size": (SIDE, SIDE), "engine": engine}
    value, grad = bl.diou.value_and_grad(pred / scale, target / scale, **options)
    assert_allclose(value, expected, rtol=1e-12, atol=1e-13)
    assert_allclose(grad, d * scale, rtol=1e-10, atol=1e-11)
