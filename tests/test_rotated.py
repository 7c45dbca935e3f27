"""Boxes with an angle: losses of the overlap family against polygons, differences and axis-aligned boxes."""

import math
from fractions import Fraction

import numpy as np
import powerboxes
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import boxloss as bl
import polygons
from alone import alone
from boxloss.losses.modifiers.axis_enclosing import encloses
from boxloss.shapes.relative import Relative
from boxloss.shapes.rotated.overlap import overlap
from errors import check_error
from rotated_boxes import KINDS, LOSSES, boxes, placed

ENGINES = ("array", "numba")
STEP = 1e-6


def engine_of(name):
    """The compiled engine for one loss; what a property of formulas says of the others needs no kernels."""
    return "numba" if name == "giou" else "array"


def differences(loss, pred, target, which):
    """Central differences by the numbers of pred or of target."""
    found = []
    for k in range(5):
        step = np.zeros(5)
        step[k] = STEP
        ends = [
            loss(*((pred + s, target) if which == 0 else (pred, target + s)), format="cxcywha", engine="array")
            for s in (step, -step)
        ]
        found.append((ends[0] - ends[1]) / (2 * STEP))
    return np.stack(found, axis=-1)


# --- The overlap ----------------------------------------------------------------------------------------------------


# Long boxes that nearly match lose what their angle loses: a rounded cosine moves the far end of a box.
BOUND = {"float64": {"near": 2e-15, "turned_half_round": 4e-15}, "float32": {"turned_half_round": 2e-6}}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_iou_is_that_of_polygons(kind, dtype, engine, rng):
    pred, target = (side.astype(dtype) for side in KINDS[kind](rng, 60))
    expected = polygons.ious(pred, target)
    bound = BOUND[dtype].get(kind, 1e-15 if dtype == "float64" else 1e-6)
    given = {"format": "cxcywha", "engine": engine}
    assert_allclose(bl.iou(pred, target, **given), 1.0 - expected, rtol=0, atol=bound)
    matrix = bl.iou_score.pairwise(pred, target, **given)
    assert_allclose(np.diagonal(matrix), expected, rtol=0, atol=bound)


def needles(rng, n, is_tall, other_is_tall):
    """Needles in the frame of the second, with a point in common: at any angle, nearly parallel ones among them."""
    long, aspect = np.exp(rng.uniform(-1.0, 1.0, (2, n))), 10.0 ** rng.uniform(2.0, 4.0, (2, n))
    (w, h), (other_w, other_h) = (
        (side / ratio, side) if tall else (side, side / ratio)
        for side, ratio, tall in zip(long, aspect, (is_tall, other_is_tall), strict=True)
    )
    turns = rng.integers(-2, 3, n)
    beside = rng.choice([0.0, 1.0, -1.0], n) * 10.0 ** rng.uniform(-8, 0, n)
    cos, sin = np.cos(0.5 * math.pi * turns + beside), np.sin(0.5 * math.pi * turns + beside)
    cos, sin = (np.where(beside == 0.0, np.round(number), number) for number in (cos, sin))
    along, across, x, y = rng.uniform(-0.5, 0.5, (4, n)) * [w, h, other_w, other_h]
    x, y = x - (cos * along - sin * across), y - (sin * along + cos * across)
    return Relative(x, y, w, h, cos, sin, other_w, other_h)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("other_is_tall", [False, True])
@pytest.mark.parametrize("is_tall", [False, True])
def test_overlap_of_needles_is_that_of_polygons(is_tall, other_is_tall, dtype, rng):
    """Whichever of their sides are long, and of these very numbers: a rounded cosine counts for nothing."""
    pairs = Relative(*(number.astype(dtype) for number in needles(rng, 200, is_tall, other_is_tall)))
    found, bound = overlap(np, pairs), 1e-15 if dtype == "float64" else 1e-6
    for k, area in enumerate(found.area):
        x, y, w, h, cos, sin, other_w, other_h = (Fraction(float(number[k])) for number in pairs)
        sides = polygons.turned_corners(x, y, w, h, cos, sin), polygons.turned_corners(0, 0, other_w, other_h, 1, 0)
        shared = polygons.shared(*sides)
        assert abs(Fraction(float(area)) - shared) <= bound * (w * h + other_w * other_h - shared)


@pytest.mark.parametrize("angle", [math.pi / 4, -math.pi / 4, 3 * math.pi / 4, 0.3, 1e5])
def test_closed_cases(angle):
    """Equal squares, half of a turn's eighth apart; crossing strips; a box inside another; boxes that touch."""
    square = np.asarray([[3.0, -2, 2, 2, angle]])
    turned = square + [0, 0, 0, 0, math.pi / 4]
    given = {"format": "cxcywha"}
    assert_allclose(bl.iou_score(square, turned, **given), 1 / math.sqrt(2), rtol=1e-11 if angle > 9 else 1e-15)
    assert_allclose(bl.iou_score(square, placed(square, 0.25, -0.25, 1.5, 1.0), **given), 1.5 / 4, rtol=1e-15)
    assert bl.iou(square, placed(square, 2.5, 0.0, 2.0, 2.0, 0.2), **given) == 1.0
    strip = np.asarray([[0.0, 0, 4, 0.5, angle]])
    across = placed(strip, 0.3, 0.1, 4.0, 0.5, math.pi / 2)
    assert_allclose(bl.iou_score(strip, across, **given), 0.25 / 3.75, rtol=1e-10 if angle > 9 else 1e-14)


@pytest.mark.parametrize(
    ("pred", "target", "expected"),
    [
        ([1, 1, 3, 4, 0.5], [0, 2, 2, 5, 0.3], 0.3708),
        ([2, 2, 3, 4, 0.6], [2, 1, 3, 3, 0.5], 0.4487),
        ([7, 7, 8, 8, 0.4], [5, 5, 6, 7, 0.4], 0.3622),
        ([0, 0, 5, 10, math.pi / 6], [0, 0, 10, 5, math.pi / 3], 0.405827),
        ([0.5, 0.5, 1, 1, 0.0], [0.5, 0.5, 1, 1, math.pi / 4], 0.7071),
        ([0.5, 0.5, 1, 1, 0.0], [1.0, 1.0, 1, 1, 0.0], 1 / 7),
    ],
)
def test_values_of_mmcv(pred, target, expected):
    """Of its tests of box_iou_rotated and diff_iou_rotated_2d."""
    score = bl.iou_score(np.asarray([pred], float), np.asarray([target], float), format="cxcywha")
    assert_allclose(score, expected, atol=5e-5)


@pytest.mark.parametrize(
    ("pred", "target", "expected"),
    [
        ([160, 153, 230, 23, -37], [190, 127, 80, 21, -46], 0.0),
        ([3, 3, 8, 2, -45], [6, 0, 8, 2, -45], 0.0),
        ([5, 5, 10, 6, 55], [5, 5, 10, 6, -35], 3 / 7),
    ],
)
def test_values_of_detectron2(pred, target, expected):
    """Of its tests of rotated boxes, whose degrees are counter-clockwise, as torchvision's are."""
    score = bl.iou_score(np.asarray([pred], float), np.asarray([target], float), format="cxcywhr")
    assert_allclose(score, expected, atol=1e-15)


def test_enclosing_area_is_that_of_the_smaller_rectangle(rng):
    pred, target = boxes(rng, 40), boxes(rng, 40)
    giou = bl.giou(pred, target, format="cxcywha")
    for p, t, loss in zip(pred, target, giou, strict=True):
        area = min(math.prod(polygons.enclosing(*pair)) for pair in ((p, t), (t, p)))
        shared = polygons.intersection(p, t)
        union = Fraction(p[2]) * Fraction(p[3]) + Fraction(t[2]) * Fraction(t[3]) - shared
        assert_allclose(loss, float(1 - shared / union + (area - union) / area), rtol=0, atol=2e-15)


def test_enclosing_diagonal_is_the_shorter_one(rng):
    pred, target = boxes(rng, 40), boxes(rng, 40)
    penalty = bl.diou(pred, target, format="cxcywha") - bl.iou(pred, target, format="cxcywha")
    for p, t, found in zip(pred, target, penalty, strict=True):
        diagonal = min(sum(side * side for side in polygons.enclosing(*pair)) for pair in ((p, t), (t, p)))
        distance = sum((Fraction(a) - Fraction(b)) ** 2 for a, b in zip(p[:2], t[:2], strict=True))
        assert_allclose(found, float(distance / diagonal), rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", ["giou", "ciou", "eiou", "siou"])
def test_gradients_with_the_enclosing_box_along_the_image(name, rng):
    loss, pred, target = bl.AxisEnclosing(LOSSES[name]), boxes(rng, 100), boxes(rng, 100)
    _, grads = loss.value_and_grad(pred, target, wrt="both", format="cxcywha", engine=engine_of(name))
    for which, grad in enumerate(grads):
        assert_allclose(grad, differences(loss, pred, target, which), rtol=0, atol=1e-7)


def test_giou_with_the_enclosing_box_along_the_image_is_that_of_powerboxes(rng):
    pred, target = boxes(rng, 100), boxes(rng, 100)
    pred[:, 4], target[:, 4] = np.degrees(pred[:, 4]), np.degrees(target[:, 4])
    matrix = bl.AxisEnclosing(bl.giou).pairwise(pred, target, format="cxcywhd")
    assert_allclose(matrix, powerboxes.rotated_giou_distance(pred, target), rtol=0, atol=1e-13)
    scaled = bl.AxisEnclosing(bl.Scaled(bl.giou, 0.5)), bl.Scaled(bl.AxisEnclosing(bl.giou), 0.5)
    one, other = (loss(pred, target, format="cxcywhd") for loss in scaled)
    assert_array_equal(one, other)
    assert np.abs(one - bl.Scaled(bl.giou, 0.5)(pred, target, format="cxcywhd")).max() > 0.1


@pytest.mark.parametrize("loss", [bl.iou, bl.l1, bl.nwd, bl.Focal(bl.iou), 2.0 * bl.iou + bl.kld, 2.0 * bl.l1])
def test_a_loss_that_reads_no_enclosing_box_is_refused(loss):
    text = (
        f"AxisEnclosing changes the box that encloses two others, which {type(loss).__name__} does not read: give it a "
        "loss such as bl.giou"
    )
    check_error(lambda: bl.AxisEnclosing(loss), ValueError, text)


def test_every_loss_that_reads_one_is_taken(rng):
    """And is another of turned boxes."""
    pred, target = boxes(rng, 20), boxes(rng, 20)
    for name in bl.losses():
        loss = bl.get(name)
        if name not in ("piou", "piou2", "gcd") and encloses(loss):
            values, other = (
                of(pred, target, format="cxcywha", engine="array") for of in (loss, bl.AxisEnclosing(loss))
            )
            assert (values != other).any(), name
    assert [name for name in bl.losses() if encloses(bl.get(name))] == [
        "giou", "diou", "ciou", "eiou", "siou", "wiou", "shape_iou",
    ]  # fmt: skip
    assert encloses(bl.l1 + bl.Focal(bl.giou))


def test_eiou_with_the_enclosing_box_along_the_image_has_no_bound():
    """A long box across the axis along which its width is compared."""
    pred, target = np.asarray([[0.0, 0, 100, 1, math.pi / 2]]), np.asarray([[0.0, 0, 1, 1, 0]])
    assert bl.AxisEnclosing(bl.eiou)(pred, target, format="cxcywha") > 9e3
    ranges = [loss.value_range for loss in (bl.AxisEnclosing(bl.eiou), bl.AxisEnclosing(bl.siou), bl.eiou)]
    assert ranges == ["[0, inf)", bl.siou.value_range, "[0, 3.25)"]


def test_siou_with_the_enclosing_box_along_the_image(rng):
    """Its distance cost relates the offset to the enclosing box, so both are along the image."""
    pred, target = boxes(rng, 100), boxes(rng, 100)
    corners = np.concatenate([bl.convert(side, "cxcywha", "xyxyxyxy").reshape(-1, 4, 2) for side in (pred, target)], 1)
    offset, sides = np.abs(pred[:, :2] - target[:, :2]), corners.max(1) - corners.min(1)
    gamma = 2 - 2 * offset.prod(1, keepdims=True) / (offset**2).sum(1, keepdims=True)
    distance_cost = (1 - np.exp(-gamma * (offset / sides) ** 2)).sum(1)
    larger, smaller = np.maximum(pred[:, 2:4], target[:, 2:4]), np.minimum(pred[:, 2:4], target[:, 2:4])
    shape_cost = ((1 - np.exp(smaller / larger - 1)) ** 4).sum(1)
    expected = bl.iou(pred, target, format="cxcywha") + 0.5 * (distance_cost + shape_cost)
    for engine in ENGINES:
        found = bl.AxisEnclosing(bl.siou)(pred, target, format="cxcywha", engine=engine)
        assert_allclose(found, expected, rtol=0, atol=1e-13)


# --- Gradients ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_central_differences(name, rng):
    loss, pred, target = LOSSES[name], boxes(rng, 400), boxes(rng, 400)
    for engine in ENGINES:
        _, grads = loss.value_and_grad(pred, target, wrt="both", format="cxcywha", engine=engine)
        for which, grad in enumerate(grads):
            expected = differences(loss, pred, target, which)
            error = np.abs(grad - expected).max(-1) / (1.0 + np.abs(expected).max(-1))
            assert error.max() < 2e-7


@pytest.mark.parametrize("turn", [0.0, 90.0, 180.0, -270.0])
@pytest.mark.parametrize("angle", [30.0, 33.0, 10.0, -45.0])
@pytest.mark.parametrize("name", ["iou", "giou", "diou", "eiou", "siou", "inner"])
def test_gradients_at_kinks_are_means_of_both_sides(name, angle, turn, rng):
    """Boxes some quarter turns apart, or but for rounding: the extents of each along the other have a kink."""
    loss, n = LOSSES[name], 300
    pred, target = boxes(rng, n), boxes(rng, n)
    pred[:, 4], target[:, 4] = angle + turn, angle
    pred[:, :2], target[:, :2] = pred[:, [1, 0]] * 0.3, target[:, :2] * 0.3
    degree, options = math.pi / 180.0, {"format": "cxcywhd", "engine": engine_of(name)}
    _, grads = loss.value_and_grad(pred, target, wrt="both", **options)
    for which, grad in enumerate(grads):
        step = np.asarray([0, 0, 0, 0, STEP / degree])
        ends = [loss(*((pred + s, target) if which == 0 else (pred, target + s)), **options) for s in (step, -step)]
        assert_allclose(grad[:, 4] / degree, (ends[0] - ends[1]) / (2 * STEP), rtol=0, atol=2e-5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["iou", "giou", "diou", "ciou", "eiou", "siou"])
def test_half_a_turn_in_radians_is_a_match(name, dtype, engine, rng):
    """Though a float is not pi: the value and all of its derivatives are 0."""
    target = boxes(rng, 200)
    target[:, 4] = rng.uniform(-1.5, 0.0, 200)
    pred = target + [0, 0, 0, 0, math.pi]
    given = [side.astype(dtype) for side in (pred, target)]
    value, grads = LOSSES[name].value_and_grad(*given, wrt="both", format="cxcywha", engine=engine)
    turned = np.abs(given[0][:, 4] - given[1][:, 4] - np.asarray(math.pi, dtype)) == 0.0  # to the last bit
    assert turned.sum() > 40
    for found in (value[turned], *(grad[turned] for grad in grads)):
        assert_array_equal(found, 0.0)


@pytest.mark.parametrize("format", ["cxcywhd", "cxcywhr", "xywhr", "xyxy"])
def test_gradients_are_in_the_format_of_the_caller(format, rng):
    """Of pred in one format and target in another, an axis-aligned box among them."""
    target = boxes(rng, 50)
    pred = np.concatenate([boxes(rng, 50)[:, :2], np.exp(rng.uniform(0, 1, (50, 2)))], axis=1)
    if format == "xyxy":
        pred[:, 2:] += pred[:, :2]
    else:
        pred = np.concatenate([pred, rng.uniform(-400, 400, (50, 1))], axis=1)
    both = {"format": (format, "cxcywha")}
    _, (d_pred, d_target) = bl.giou.value_and_grad(pred, target, wrt="both", **both)
    assert d_pred.shape == pred.shape
    for boxes_of, grad, place in ((pred, d_pred, 0), (target, d_target, 1)):
        for k in range(grad.shape[1]):
            step = np.zeros(grad.shape[1])
            step[k] = STEP
            ends = [
                bl.giou(*((boxes_of + s, target) if place == 0 else (pred, boxes_of + s)), **both, engine="array")
                for s in (step, -step)
            ]
            assert_allclose(grad[:, k], (ends[0] - ends[1]) / (2 * STEP), rtol=0, atol=1e-8)


# --- Beside axis-aligned boxes --------------------------------------------------------------------------------------


def turned_scene(boxes, turns):
    """Axis-aligned boxes of format cxcywh, with all of the plane turned by quarter turns, in degrees."""
    x, y, w, h = np.moveaxis(boxes, -1, 0)
    for _ in range(turns % 4):
        x, y = -y, x
    return np.stack([x, y, w, h, np.full_like(x, 90.0 * turns)], axis=-1)


def turned_back(gradient, turns):
    """The gradient of boxes of format cxcywh from that of `turned_scene`."""
    x, y, w, h, _ = np.moveaxis(gradient, -1, 0)
    for _ in range(turns % 4):
        x, y = y, -x
    return np.stack([x, y, w, h], axis=-1)


@pytest.mark.parametrize("turns", [0, 1, 2, -3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LOSSES)
def test_boxes_at_quarter_turns_are_axis_aligned_boxes(name, dtype, turns, rng):
    """At ties too: the coordinates are integers, so that many edges are on one line."""
    loss = LOSSES[name]
    pred, target = (
        np.concatenate([rng.integers(-4, 4, (500, 2)), 2 * rng.integers(1, 5, (500, 2))], axis=1).astype(dtype)
        for _ in range(2)
    )
    options = {"wrt": "both", "engine": engine_of(name)}
    value, grads = loss.value_and_grad(pred, target, **options, format="cxcywh")
    sides = turned_scene(pred, turns), turned_scene(target, turns)
    found, found_grads = loss.value_and_grad(*sides, **options, format="cxcywhd")
    bound = 4e-15 if dtype == "float64" else 3e-6
    assert_allclose(found, value, rtol=bound, atol=bound)
    for grad, expected in zip(found_grads, grads, strict=True):
        assert_allclose(turned_back(grad, turns), expected, rtol=bound, atol=bound)


def test_axis_aligned_box_is_one_with_the_angle_0(rng):
    pred = rng.uniform(0, 4, (50, 4))  # half of them inverted
    target = boxes(rng, 50)
    value, (d_pred, d_target) = bl.ciou.value_and_grad(pred, target, wrt="both", format=("xyxy", "cxcywha"))
    upright = np.concatenate([pred[:, :2], np.maximum(pred[:, :2], pred[:, 2:])], axis=1)
    rotated = np.concatenate([bl.convert(upright, "xyxy", "cxcywh"), np.zeros((50, 1))], axis=1)
    expected, (_, expected_target) = bl.ciou.value_and_grad(rotated, target, wrt="both", format="cxcywha")
    assert_allclose(value, expected, rtol=1e-13)
    assert_allclose(d_target, expected_target, rtol=1e-9, atol=1e-12)
    assert np.isfinite(d_pred).all()
    assert_array_equal(bl.ciou(target, pred, format=("cxcywha", "xyxy")).shape, value.shape)


# --- Engines and verbs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
def test_matrix_is_that_of_pairs(name, rng):
    loss, pred, target = LOSSES[name], boxes(rng, 30), boxes(rng, 20)
    given = {"format": "cxcywha"}
    matrix = alone(loss, LOSSES.values()).pairwise(pred, target, **given)
    assert_allclose(matrix, loss(pred[:, None], target[None], **given, engine="array"), rtol=1e-12, atol=1e-14)
    engine = "numba" if name in ("giou", "siou") else "array"  # the compiled loop is one for all losses
    value, index = loss.nearest(pred, target, **given, engine=engine)
    matrix = loss.pairwise(pred, target, **given, engine=engine)
    assert_array_equal(value, matrix.min(-1))
    assert_array_equal(index, matrix.argmin(-1))


@pytest.mark.parametrize("name", ["ciou", "siou", "interpolated", "l1"])
def test_libraries_agree(name, backend, rng):
    loss, pred, target = LOSSES[name], boxes(rng, 30), boxes(rng, 30)
    expected, expected_grads = loss.value_and_grad(pred, target, wrt="both", format="cxcywha", engine="array")
    given = [backend.asarray(side) for side in (pred, target)]
    value, grads = loss.value_and_grad(*given, wrt="both", format="cxcywha")
    backend.assert_like(value, expected, rtol=1e-12, atol=1e-13)
    for grad, wanted in zip(grads, expected_grads, strict=True):
        backend.assert_like(grad, wanted, rtol=1e-10, atol=1e-12)
    matrix = loss.pairwise(*given, format="cxcywha")
    backend.assert_like(matrix, loss.pairwise(pred, target, format="cxcywha"), rtol=1e-12, atol=1e-13)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # of torch.compile's own making
def test_torch_differentiates_and_compiles(rng):
    import torch

    pred, target = (torch.from_numpy(boxes(rng, 20)).requires_grad_() for _ in range(2))

    def step(pred, target):
        return bl.giou(pred, target, format="cxcywha", reduction="mean")

    _, expected = bl.giou.value_and_grad(pred, target, wrt="both", format="cxcywha", reduction="mean")
    # What Inductor compiles instead is in test_torch_compile.py; writing C++ of this would take a minute.
    for function in (step, torch.compile(step, fullgraph=True, backend="aot_eager")):
        found = torch.autograd.grad(function(pred, target), (pred, target))
        for grad, wanted in zip(found, expected, strict=True):
            assert torch.allclose(grad, wanted, rtol=1e-12, atol=1e-14)


# --- What is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (
            bl.MPDIoU((4, 4)),
            "MPDIoU is not defined for rotated boxes: it compares edges of axis-aligned boxes in a plane. "
            "Defined for them are iou, log_iou, squared_iou, giou and others",
        ),
        (
            2.0 * bl.iou + bl.gcd,
            "GCD is not defined for rotated boxes: it is a loss of axis-aligned boxes. "
            "Defined for them are shape_iou, eiou, siou, iou and others",
        ),
        (
            bl.Focal(bl.piou),
            "PIoU is not defined for rotated boxes: it compares edges of axis-aligned boxes in a plane. "
            "Defined for them are siou, shape_iou, iou, log_iou and others",
        ),
    ],
    ids=["relation", "sum", "modifier"],
)
def test_losses_that_are_not_defined_say_so(loss, text, rng):
    with pytest.raises(ValueError, match=f"^{text}$"):
        loss(boxes(rng, 2), boxes(rng, 2), format="cxcywha")


def test_shape_of_the_array_is_that_of_the_format(rng):
    with pytest.raises(ValueError, match=r"pred must have shape \(\.\.\., 5\); got \(3, 4\)"):
        bl.iou(np.ones((3, 4)), boxes(rng, 3), format="cxcywha")
    with pytest.raises(ValueError, match=r"target must have shape \(\.\.\., 4\); got \(3, 5\)"):
        bl.iou(boxes(rng, 3), boxes(rng, 3), format=("cxcywha", "xyxy"))
