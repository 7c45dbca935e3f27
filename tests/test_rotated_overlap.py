"""The overlap of boxes with an angle, and the boxes that enclose two, against polygons and published values."""

import math
from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose

import boxloss as bl
import polygons
from boxloss.shapes.relative import Relative
from boxloss.shapes.rotated.overlap import overlap
from rotated_boxes import ENGINES, KINDS, boxes, placed

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
