"""Formats against matrices written out by hand: boxes, values, gradients; and area, clip_to_image, validate."""

import numpy as np
import pytest

import boxloss as bl
from boxloss.shapes.formats import ALL_FORMATS
from cases import BY_NAME, CASES
from generators import boxes, mixed

HEIGHT, WIDTH = IMAGE = (5.0, 8.0)
HALF = 0.5
# corners = boxes @ DECODE[format].T
DECODE = {
    "xyxy": np.eye(4),
    "yxyx": np.eye(4)[[1, 0, 3, 2]],
    "xywh": np.asarray([[1.0, 0, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1]]),
    "cxcywh": np.asarray([[1.0, 0, -HALF, 0], [0, 1, 0, -HALF], [1, 0, HALF, 0], [0, 1, 0, HALF]]),
}
DECODE |= {f"rel_{name}": np.diag([WIDTH, HEIGHT, WIDTH, HEIGHT]) @ matrix for name, matrix in DECODE.items()}
PAIRS = [(name, name) for name in DECODE] + [
    ("cxcywh", "xyxy"),
    ("xyxy", "xywh"),
    ("rel_cxcywh", "yxyx"),
    ("xywh", "rel_xyxy"),
]
every_pair = pytest.mark.parametrize("formats", PAIRS, ids="-".join)
every_engine = pytest.mark.parametrize("engine", ["array", "numba"])


def encoded(corners, name):
    return corners @ np.linalg.inv(DECODE[name]).T


def options_of(formats, engine):
    """Options of a call; what does not read the size of the image says so."""
    relative = any(name.startswith("rel_") for name in formats)
    return {"format": formats, "image_size": IMAGE if relative else None, "engine": engine}


def check_formats(loss, formats, engine, rng):
    """The value of corners, and their gradients times the Jacobian of the format."""
    corners = mixed(rng, 17)
    pred, target = (encoded(c, name) for c, name in zip(corners, formats, strict=True))
    options = options_of(formats, engine)
    expected, d_corners = loss.value_and_grad(*corners, wrt="both", engine="array")
    value, grads = loss.value_and_grad(pred, target, wrt="both", **options)
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-13)
    for grad, d, name in zip(grads, d_corners, formats, strict=True):
        np.testing.assert_allclose(grad, d @ DECODE[name], rtol=1e-11, atol=1e-12)
    matrix = loss.pairwise(pred, target, **options)
    np.testing.assert_allclose(matrix, loss.pairwise(*corners, engine="array"), rtol=1e-11, atol=1e-12)


@every_pair
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_loss_in_every_format(case, formats, rng):
    check_formats(case.loss, formats, "array", rng)


@pytest.mark.parametrize("name", DECODE)
def test_compiled_formats(name, rng):
    """The kernel decodes boxes in front of any formula: one that compiles fast stands for all."""
    check_formats(BY_NAME["l1_cxcywh"].loss, (name, name), "numba", rng)


def test_compiled_formats_of_an_overlap_loss(rng):
    check_formats(bl.giou, ("rel_cxcywh", "yxyx"), "numba", rng)


@every_engine
def test_one_name_is_the_format_of_both(engine, rng):
    pred, target = (encoded(c, "cxcywh") for c in mixed(rng, 5))
    one, grad = bl.l1.value_and_grad(pred, target, wrt="both", format="cxcywh", engine=engine)
    two, grads = bl.l1.value_and_grad(pred, target, wrt="both", format=("cxcywh", "cxcywh"), engine=engine)
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(grad, grads)
    np.testing.assert_allclose(bl.l1(pred, target, format="cxcywh", engine=engine), one, rtol=1e-14)


@pytest.mark.parametrize("formats", [("xywh", "cxcywh"), ("rel_cxcywh", "xyxy")], ids="-".join)
def test_gradient_in_a_format_is_the_derivative_in_that_format(formats, rng):
    """The chain rule without matrices: central differences in the caller's own coordinates."""
    pred, target = (encoded(c, name) for c, name in zip(mixed(rng, 17), formats, strict=True))
    options = options_of(formats, "array")
    _, (d_pred, d_target) = bl.eiou.value_and_grad(pred, target, wrt="both", **options)
    for k, move in enumerate(1e-6 * np.eye(4)):
        slope = (bl.eiou(pred + move, target, **options) - bl.eiou(pred - move, target, **options)) / 2e-6
        np.testing.assert_allclose(d_pred[:, k], slope, rtol=1e-6, atol=1e-7)
        slope = (bl.eiou(pred, target + move, **options) - bl.eiou(pred, target - move, **options)) / 2e-6
        np.testing.assert_allclose(d_target[:, k], slope, rtol=1e-6, atol=1e-7)


# --- convert ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", DECODE)
@pytest.mark.parametrize("source", DECODE)
def test_convert(source, to, rng):
    corners = boxes(rng, 9)
    converted = bl.convert(encoded(corners, source), source, to, image_size=IMAGE)
    np.testing.assert_allclose(converted, encoded(corners, to), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", DECODE)
def test_convert_there_and_back(name, rng):
    given = encoded(boxes(rng, 9), name)
    there = bl.convert(given, name, "xyxy", image_size=IMAGE)
    np.testing.assert_allclose(bl.convert(there, "xyxy", name, image_size=IMAGE), given, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", DECODE)
def test_convert_to_the_same_format_keeps_every_bit(name, rng):
    given = boxes(rng, 9)
    np.testing.assert_array_equal(bl.convert(given, name, name, image_size=IMAGE), given)


def test_convert_keeps_shape_dtype_and_input():
    given = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    converted = bl.convert(given, "xywh", "xyxy")
    assert converted.shape == given.shape
    assert converted.dtype == np.float32
    assert not np.shares_memory(bl.convert(given, "xyxy", "xyxy"), given)
    np.testing.assert_array_equal(given, np.arange(24).reshape(2, 3, 4))


def test_convert_clamps_nothing_and_promotes_integers():
    converted = bl.convert(np.asarray([10, 20, 4, 25]), "xyxy", "cxcywh")
    np.testing.assert_array_equal(converted, [7.0, 22.5, -6.0, 5.0])
    assert converted.dtype == np.float64


# --- area, clip_to_image, validate -----------------------------------------------------------------------------------

ODD = np.asarray([[1.0, 1, 4, 3], [1, 1, 1, 3], [4, 1, 1, 3], [1, 3, 4, 1], [4, 3, 1, 1], [0, 0, 0, 0]])


@pytest.mark.parametrize("name", DECODE)
def test_area(name, rng):
    corners = np.concatenate([ODD, boxes(rng, 5)])
    width, height = np.maximum(corners[:, 2] - corners[:, 0], 0), np.maximum(corners[:, 3] - corners[:, 1], 0)
    area = bl.area(encoded(corners, name), format=name, image_size=IMAGE)
    np.testing.assert_allclose(area, width * height, rtol=1e-13, atol=1e-14)


def test_area_keeps_nan_in_its_row():
    area = bl.area(np.asarray([[0.0, 0, 2, 3], [0, np.nan, 2, 3], [0, 0, 2, 3]], dtype=np.float32))
    np.testing.assert_array_equal(area, [6, np.nan, 6])
    assert area.dtype == np.float32


@pytest.mark.parametrize("name", DECODE)
def test_clip_to_image(name):
    corners = np.asarray([[-1.0, -2, 3, 4], [1, 1, 9, 6], [-3, 1, -1, 2], [9, 1, 10, 2], [1, 2, 3, 4], [0, 6, 8, 7]])
    inside = np.asarray([[0.0, 0, 3, 4], [1, 1, 8, 5], [0, 1, 0, 2], [8, 1, 8, 2], [1, 2, 3, 4], [0, 5, 8, 5]])
    clipped = bl.clip_to_image(encoded(corners, name), IMAGE, format=name)
    np.testing.assert_allclose(clipped, encoded(inside, name), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", DECODE)
def test_validate(name):
    corners = np.concatenate([ODD, [[1, 1, 1, 0]]])  # the last: empty in x, inverted in y
    given = encoded(corners, name)
    found = bl.validate(given, format=name, image_size=IMAGE)
    np.testing.assert_array_equal(found.inverted, [False, False, True, True, True, False, True])
    np.testing.assert_array_equal(found.empty, [False, True, False, False, False, True, False])
    np.testing.assert_array_equal(found.valid, [True, False, False, False, False, False, False])
    assert not found.not_finite.any()


def test_validate_says_what_is_not_finite_and_nothing_else_of_it():
    given = np.asarray([[[0.0, 0, np.nan, 1]], [[np.inf, 0, 1, 1]], [[0, 0, np.inf, 1]], [[0, 0, 1, 1]]])
    found = bl.validate(given)
    np.testing.assert_array_equal(found.not_finite, [[True], [True], [True], [False]])
    np.testing.assert_array_equal(found.valid, ~found.not_finite)
    assert not found.inverted.any()
    assert not found.empty.any()


# --- What is not read -------------------------------------------------------------------------------------------------

NOT_READ = r"^image_size is not read: neither the formats nor the loss need it\. Leave it out, or give a format such as"


def test_a_size_of_the_image_that_nothing_reads_is_told_of(rng):
    """And no error: a program may give it with every format. The warning points to the line that gave it."""
    pred, target = mixed(rng, 3)
    for call in (bl.giou, bl.giou.value_and_grad, bl.giou.pairwise):
        with pytest.warns(UserWarning, match=NOT_READ) as told:
            found = call(pred, target, image_size=IMAGE)
        assert told[0].filename == __file__
        first, expected = (result[0] if isinstance(result, tuple) else result for result in (found, call(pred, target)))
        np.testing.assert_array_equal(first, expected)
    bl.convert(pred, "xyxy", "xywh", image_size=IMAGE)  # functions of boxes alone say nothing


def test_the_docstring_of_convert_names_every_format():
    assert [name for name in ALL_FORMATS if f'"{name.removeprefix("rel_")}"' not in bl.convert.__doc__] == []
