"""Formats of rotated boxes against corners written out by hand, and the functions that take them."""

import math
from importlib import import_module

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
from boxloss.testing import strict
from errors import check_error, of_shape, table

DEGREES = ("cxcywhd", "cxcywhr", "xywhr")
WITH_ANGLE = ("cxcywha", *DEGREES)
ALL = (*WITH_ANGLE, "xyxyxyxy")
SIDE = 8.0
every_format = pytest.mark.parametrize("name", ALL)


def rotated(rng, n=40, turns=1.0):
    """Boxes (cx, cy, w, h, degrees)."""
    numbers = np.concatenate([rng.uniform(-50, 50, (n, 2)), rng.uniform(0.5, 40, (n, 2))], axis=-1)
    return np.concatenate([numbers, rng.uniform(-360 * turns, 360 * turns, (n, 1))], axis=-1)


def corners_of(boxes):
    """The corners of (cx, cy, w, h, degrees), by complex numbers."""
    x, y, w, h, degrees = np.asarray(boxes, float).T
    turn = np.exp(1j * np.radians(degrees))
    points = [x + 1j * y + 0.5 * turn * (a * w + 1j * b * h) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    return np.stack([part for z in points for part in (z.real, z.imag)], axis=-1)


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


# --- Corners --------------------------------------------------------------------------------------------------------


def test_corners_gone_round_either_way(rng):
    boxes = rotated(rng)
    points = corners_of(boxes).reshape(-1, 4, 2)
    for order in ([1, 2, 3, 0], [2, 3, 0, 1], [3, 2, 1, 0], [1, 0, 3, 2]):
        found = bl.convert(points[:, order].reshape(-1, 8), "xyxyxyxy", "cxcywhd")
        score = bl.iou_score(found, boxes, format="cxcywhd", engine="array")
        assert_allclose(score, 1.0, rtol=1e-10)


def test_corners_within_the_tolerance(rng):
    """A thousandth of the longer side, or what float32 makes of coordinates."""
    boxes = rotated(rng)
    noise = 4e-4 * boxes[:, 2:4].max(axis=1)[:, None] * rng.uniform(-1, 1, (len(boxes), 8))
    assert_allclose(bl.convert(corners_of(boxes) + noise, "xyxyxyxy", "cxcywhd")[:, :4], boxes[:, :4], atol=0.1)
    far = (corners_of(boxes * [1, 1, 0.01, 0.01, 1]) + 3e4).astype("float32")
    assert np.isfinite(bl.convert(far, "xyxyxyxy", "cxcywhd")).all()


def test_corners_without_area():
    flat = np.asarray([[0, 0, 3, 4, 3, 4, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1], [0, 0, 0, 0, -4, 3, -4, 3]])
    found = bl.convert(flat, "xyxyxyxy", "cxcywhd")
    angle = np.degrees(np.arctan2(4, 3))
    assert_allclose(found, [[1.5, 2, 5, 0, angle], [1, 1, 0, 0, 0], [-2, 1.5, 0, 5, angle]], atol=1e-13)


@pytest.mark.jax
def test_what_jax_traces_becomes_nan():
    """It cannot refuse."""
    import jax

    found = jax.jit(lambda p: bl.convert(p, "xyxyxyxy", "cxcywha"))(jax.numpy.asarray(CORNERS))
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


@pytest.mark.torch
def test_what_torch_compiles_becomes_nan():
    import torch

    compiled = torch.compile(lambda p: bl.convert(p, "xyxyxyxy", "cxcywha"), fullgraph=True, backend="eager")
    found = compiled(torch.tensor(CORNERS))
    assert torch.isfinite(found[0]).all()
    assert torch.isnan(found[1]).all()


def test_corners_that_are_not_finite_stay_in_their_row():
    found = bl.convert(np.asarray([CORNERS[0], np.full(8, np.nan)]), "xyxyxyxy", "cxcywha")
    assert_array_equal(np.isnan(found), [[False] * 5, [True] * 5])


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


# --- Looks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WITH_ANGLE)
def test_area_and_validate(name, backend):
    boxes = np.asarray([[0, 0, 2, 3, 30], [0, 0, -2, 3, 1], [0, 0, 0, 2, 1], [0, 0, 1, 2, 1], [0, np.nan, 1, 1, 1]])
    boxes = bl.convert(boxes, "cxcywhd", name)
    boxes[3, 4] = 1e9
    given = backend.asarray(boxes)
    found = bl.validate(given, format=name)
    for got, wrong in zip(found, ([0], [1], [2], [4], [3]), strict=True):
        assert np.flatnonzero(backend.to_numpy(got)).tolist() == wrong
    assert_allclose(backend.to_numpy(bl.area(given, format=name))[:3], [6, 0, 0])


def test_validate_and_area_of_corners():
    points = np.asarray([[0, 0, 2, 0, 2, 2, 0, 2], [0, 0, 2, 0, 3, 2, 0, 2], [1.0] * 8, [np.inf] * 8])
    found = bl.validate(points, format="xyxyxyxy")
    for got, wrong in zip(found, ([0], [], [2], [3], [1]), strict=True):
        assert np.flatnonzero(got).tolist() == wrong
    assert_allclose(bl.area(points, format="xyxyxyxy"), [4, np.nan, 0, np.nan])


@pytest.mark.parametrize(
    ("box", "advice"),
    [
        ([0, 0, -2, 3, 0.5], ", which has a negative side in format 'cxcywha'; boxloss.validate finds all"),
        (
            [0, 0, 2, 3, 2e6],
            ", of which the sides are too long or the angle is beyond 1000000 radians; boxloss.validate finds all",
        ),
        ([0, 0, 2, 3, np.inf], ". boxloss.validate finds all"),
    ],
)
def test_strict(box, advice):
    box = np.asarray([[0, 0, 2, 2, 0.1], box])
    with strict():
        told = f"target holds 1 inverted or not finite box of 2, the first at [1]: {box[1].tolist()}"
        check_error(lambda: bl.iou(box[:1], box, format="cxcywha", engine="array"), ValueError, told + advice)


BOX, CORNERS = np.ones((2, 5)), np.asarray([[0.0, 0, 2, 0, 2, 2, 0, 2], [0, 0, 2, 0, 3, 2, 0, 2]])
SQUARE = (
    "format 'rel_cxcywha' needs an image that is square: fractions of a width and of another height turn a rectangle "
    "and its angle into a parallelogram; got image_size=(4, 5). Give boxes in pixels, or corners as fractions, which "
    "boxloss.convert reads as 'rel_xyxyxyxy'"
)


@table(
    (
        "no-rectangle",
        lambda: bl.convert(CORNERS, "xyxyxyxy", "cxcywha"),
        ValueError,
        "boxes of format 'xyxyxyxy' must be rectangles, with corners within 0.001 of the longer side; got 1 that is "
        "none of 2, the first at [1]: [0.0, 0.0, 2.0, 0.0, 3.0, 2.0, 0.0, 2.0]. Fit a rectangle to each first: that "
        "of cv2.minAreaRect is of format 'cxcywhd'",
    ),
    ("square", lambda: bl.convert(BOX, "rel_cxcywha", "xyxy", image_size=(4, 5)), ValueError, SQUARE),
    ("square-to", lambda: bl.convert(BOX, "cxcywha", "rel_cxcywha", image_size=(4, 5)), ValueError, SQUARE),
    ("square-area", lambda: bl.area(BOX, format="rel_cxcywha", image_size=(4, 5)), ValueError, SQUARE),
    ("square-loss", lambda: bl.iou(BOX, BOX, format="rel_cxcywha", image_size=(4, 5)), ValueError, SQUARE),
    (
        "no-image",
        lambda: bl.iou(BOX, BOX, format="rel_cxcywha"),
        TypeError,
        "image_size must be a pair (height, width), which format 'rel_cxcywha' reads; got None",
    ),
    (
        "angles",
        lambda: bl.convert(BOX, "cxcywha", "cxcywhd", angles="le180"),
        ValueError,
        "angles must be one of 'le90', 'le135', 'oc', 'old_oc'; got 'le180'",
    ),
    (
        "angles-of-none",
        lambda: bl.convert(BOX, "cxcywha", "xyxy", angles="le90"),
        ValueError,
        "angles must be None for format 'xyxy', whose boxes have no angle in the plane; got 'le90'",
    ),
    (
        "clip",
        lambda: bl.clip_to_image(BOX, (4, 5), format="cxcywha"),
        ValueError,
        "format must be one of axis-aligned boxes, not 'cxcywha': what an image leaves of a box with an angle is a "
        "polygon. Clip the box around each, boxloss.convert(boxes, 'cxcywha', 'xyxy'), or leave boxes whole and drop "
        "those whose centres are outside",
    ),
    ("shape", lambda: bl.convert(BOX, "xyxyxyxy", "xyxy"), ValueError, of_shape("boxes", 8, (2, 5))),
    (
        "shape-matrix",
        lambda: bl.iou.pairwise(BOX[0], BOX, format="cxcywha"),
        ValueError,
        "pred of a pairwise matrix must have shape (..., N, 5); got (5,)",
    ),
)
def test_errors(call, kind, text):
    check_error(call, kind, text)


@pytest.mark.torch
def test_torchvision_tensors_know_their_format():
    import torchvision_ops  # noqa: F401 - torchvision cannot be imported before

    BoundingBoxes = import_module("torchvision.tv_tensors").BoundingBoxes
    corners = BoundingBoxes(CORNERS[:1].tolist(), format="XYXYXYXY", canvas_size=(9, 9))
    assert_allclose(bl.convert(corners, "xyxyxyxy", "cxcywhr"), [[1, 1, 2, 2, 0]])
    for name in ("XYWHR", "CXCYWHR"):
        boxes = BoundingBoxes([[1.0, 2, 3, 4, 5]], format=name, canvas_size=(9, 9))
        assert bl.area(boxes, format=name.lower()) == 12.0
        text = (
            f"boxes is of type BoundingBoxes and of format {name.lower()!r}; got format='cxcywhd' for it. Give "
            f"{name.lower()!r}, a pair of names if those of pred and target differ, or a plain tensor"
        )
        check_error(lambda: bl.area(boxes, format="cxcywhd"), ValueError, text)  # noqa: B023
