"""Exact rationals, and values that papers and other libraries publish: value and gradient, on every engine and verb."""

from dataclasses import dataclass

import numpy as np
import pytest

import boxloss as bl

every_engine = pytest.mark.parametrize("engine", ["array", "numba"])

OFFSET = ((0, 0, 2, 2), (1, 1, 3, 3))  # equal squares, IoU 1/7
INSIDE = ((1, 1, 2, 3), (0, 0, 4, 4))  # IoU 1/8, aspects 1/2 and 1
NEAR = ((0.25, 0.25, 0.5, 0.75), (0, 0, 1, 1))  # INSIDE at a quarter of its size: differences below 1


@dataclass(frozen=True)
class Exact:
    """A loss of one pair, and its gradient with respect to pred."""

    loss: bl.Loss
    pair: tuple
    value: float
    grad: tuple


EXACT = [
    Exact(bl.l1, OFFSET, 4, (-1, -1, -1, -1)),
    Exact(bl.l1, INSIDE, 5, (1, 1, -1, -1)),
    Exact(bl.L1(coordinates="xywh"), INSIDE, 7, (2, 2, -1, -1)),
    Exact(bl.L1(coordinates="cxcywh"), INSIDE, 11 / 2, (1 / 2, 1, -3 / 2, -1)),
    Exact(bl.smooth_l1, OFFSET, 2, (-1, -1, -1, -1)),
    Exact(bl.smooth_l1, INSIDE, 3, (1, 1, -1, -1)),
    Exact(bl.smooth_l1, NEAR, 7 / 32, (1 / 4, 1 / 4, -1 / 2, -1 / 4)),
    Exact(bl.huber, INSIDE, 3, (1, 1, -1, -1)),
    Exact(bl.Huber(delta=2.0), INSIDE, 7 / 2, (1, 1, -2, -1)),
    Exact(bl.l2, INSIDE, 7, (2, 2, -4, -2)),
    Exact(bl.iou, OFFSET, 6 / 7, (-2 / 49, -2 / 49, -6 / 49, -6 / 49)),
    Exact(bl.iou, INSIDE, 7 / 8, (1 / 8, 1 / 16, -1 / 8, -1 / 16)),
    Exact(bl.iou_score, OFFSET, 1 / 7, (2 / 49, 2 / 49, 6 / 49, 6 / 49)),
    Exact(bl.log_iou, OFFSET, np.log(7), (-2 / 7, -2 / 7, -6 / 7, -6 / 7)),
    Exact(bl.log_iou, INSIDE, np.log(8), (1, 1 / 2, -1, -1 / 2)),
    Exact(bl.squared_iou, OFFSET, 48 / 49, (-4 / 343, -4 / 343, -12 / 343, -12 / 343)),
    Exact(bl.giou, OFFSET, 68 / 63, (-103 / 1323, -103 / 1323, -103 / 441, -103 / 441)),
    Exact(bl.giou, INSIDE, 7 / 8, (1 / 8, 1 / 16, -1 / 8, -1 / 16)),
    Exact(bl.diou, OFFSET, 61 / 63, (-157 / 2646, -157 / 2646, -157 / 882, -157 / 882)),
    Exact(bl.diou, INSIDE, 113 / 128, (7 / 64, 1 / 16, -9 / 64, -1 / 16)),
    Exact(bl.ciou, OFFSET, 61 / 63, (-157 / 2646, -157 / 2646, -157 / 882, -157 / 882)),
    Exact(  # the irrational ones of CIoU: its formula in 30 digits
        bl.ciou,
        INSIDE,
        0.88473226907851567,
        (0.11414831038540882, 0.060113344807295588, -0.14539831038540882, -0.060113344807295588),
    ),
    Exact(
        bl.CIoU(full_gradient=True),
        INSIDE,
        0.88473226907851567,
        (0.11844150817366911, 0.057705041955680489, -0.14969150817366911, -0.057705041955680489),
    ),
    Exact(bl.eiou, OFFSET, 61 / 63, (-157 / 2646, -157 / 2646, -157 / 882, -157 / 882)),
    Exact(bl.eiou, INSIDE, 217 / 128, (31 / 64, 5 / 16, -33 / 64, -5 / 16)),
    Exact(5.0 * bl.L1(coordinates="cxcywh") + 2.0 * bl.giou, INSIDE, 117 / 4, (11 / 4, 41 / 8, -31 / 4, -41 / 8)),
]

# Scores that torchvision's tests hold its functions to (test_ops.py, to 1e-4); their CIoU equals their DIoU.
TORCHVISION_BOXES = [[0, 0, 100, 100], [0, 0, 50, 50], [200, 200, 300, 300], [0, 0, 25, 25]]
TORCHVISION_DIOU = [[1, 0.1875, -0.4444], [0.1875, 1, -0.5625], [-0.4444, -0.5625, 1], [-0.0781, 0.1875, -0.6267]]
TORCHVISION_SCORES = {
    "iou": [[1, 0.25, 0], [0.25, 1, 0], [0, 0, 1], [0.0625, 0.25, 0]],
    "giou": [[1, 0.25, -0.7778], [0.25, 1, -0.8611], [-0.7778, -0.8611, 1], [0.0625, 0.25, -0.8819]],
    "diou": TORCHVISION_DIOU,
    "ciou": TORCHVISION_DIOU,
}

B1, B2, B3, B4 = (-1, -1, 1, 1), (0, 0, 1, 1), (0, 1, 1, 2), (1, 1, 2, 2)
KERAS_TRUE = [(0, 0, 1, 1), (0, 0, 2, 3), (4, 5, 3, 6), (2, 2, 3, 3)]
KERAS_PRED = [(0, 0, 5, 6), (0, 0, 7, 3), (4, 5, 5, 6), (2, 1, 3, 3)]
TFA_PRED, TFA_TRUE = [(4, 3, 7, 5), (5, 6, 10, 7)], [(3, 4, 6, 8), (14, 14, 15, 15)]
WALK = [(0, 0, 1, 1), (0.25, 0.25, 1.25, 1.25), (0.5, 0.5, 1.5, 1.5)]  # from the corner to the centre
GROWN = [(4, 4, 4, 2), (4, 4, 6, 3)]
PUBLISHED = {  # losses, in the digits of the source
    "torchvision and fvcore, GIoU": ("giou", [B1, B1, B2, B2], [B1, B2, B3, B4], "xyxy", [0, 0.75, 1, 1.5], 1e-6),
    "torchvision, DIoU": ("diou", [B1, B1, B1], [B2, B3, B4], "xyxy", [0.8125, 1.1923, 1.25], 1e-4),
    "torchvision, CIoU": ("ciou", [B1, B1, B1], [B2, B3, B4], "xyxy", [0.8125, 1.1923, 1.25], 1e-4),
    "keras-cv, GIoU": ("giou", KERAS_PRED, KERAS_TRUE, "xywh", [0.966667, 0.714286, 0.4, 0.5], 1e-6),
    # Its CIoU test takes the same numbers for corners; the third box is then inverted and left out.
    "keras-cv, CIoU": (
        "ciou",
        [KERAS_PRED[k] for k in (0, 1, 3)],
        [KERAS_TRUE[k] for k in (0, 1, 3)],
        "xyxy",
        [1.134711, 0.843607, 0.553248],
        1e-6,
    ),
    "TensorFlow Addons, GIoU": ("giou", TFA_PRED, TFA_TRUE, "yxyx", [1.075, 1.933333], 1e-6),
    "DIoU paper, figure 2": ("diou", WALK, [(0, 0, 2, 2)] * 3, "xyxy", [0.8125, 0.765625, 0.75], 1e-12),
    "DIoU paper, figure 2, IoU": ("iou", WALK, [(0, 0, 2, 2)] * 3, "xyxy", [0.75] * 3, 1e-12),
    "PIoU paper, figure 3, GIoU": ("giou", GROWN, [(0, 0, 2, 2)] * 2, "cxcywh", [1.7143, 1.5769], 5e-5),
    "PIoU paper, figure 3, DIoU": ("diou", GROWN, [(0, 0, 2, 2)] * 2, "cxcywh", [1.3765, 1.3012], 5e-5),
}


def boxes(rows):
    return np.asarray(rows, dtype=np.float64)


def by_every_verb(loss, pred, target, **options):
    """The values of pairs as the call, value_and_grad and the diagonal of the pairwise matrix give them."""
    yield loss(pred, target, **options)
    yield loss.value_and_grad(pred, target, wrt="both", **options)[0]
    yield np.diagonal(loss.pairwise(pred, target, **options))


@every_engine
@pytest.mark.parametrize("case", EXACT, ids=lambda c: repr(c.loss))
def test_exact_values_and_gradients(case, engine):
    pred, target = (boxes([box]) for box in case.pair)
    for value in by_every_verb(case.loss, pred, target, engine=engine):
        np.testing.assert_allclose(value, [float(case.value)], rtol=1e-14)
    _, (grad, target_grad) = case.loss.value_and_grad(pred, target, wrt="both", engine=engine)
    expected = [[float(d) for d in case.grad]]
    np.testing.assert_allclose(grad, expected, rtol=1e-13)
    # A loss of differences and ratios does not change if both boxes move: the gradients cancel along each axis.
    np.testing.assert_allclose((grad + target_grad).reshape(2, 2).sum(axis=0), 0.0, atol=1e-14)
    _, (_, exchanged) = case.loss.value_and_grad(target, pred, wrt="both", engine=engine)
    np.testing.assert_allclose(exchanged, expected, rtol=1e-13)


@every_engine
@pytest.mark.parametrize("name", TORCHVISION_SCORES)
def test_scores_of_torchvision(name, engine):
    pred, target = boxes(TORCHVISION_BOXES), boxes(TORCHVISION_BOXES[:3])
    expected = 1.0 - np.asarray(TORCHVISION_SCORES[name])
    np.testing.assert_allclose(bl.get(name).pairwise(pred, target, engine=engine), expected, atol=1e-4)
    np.testing.assert_allclose(bl.get(name)(pred[:, None], target, engine=engine), expected, atol=1e-4)


@every_engine
@pytest.mark.parametrize("source", PUBLISHED)
def test_published_losses(source, engine):
    name, pred, target, box_format, expected, tolerance = PUBLISHED[source]
    pred, target = (bl.convert(boxes(rows), box_format, "xyxy") for rows in (pred, target))
    for value in by_every_verb(bl.get(name), pred, target, engine=engine):
        np.testing.assert_allclose(value, expected, atol=tolerance)


@every_engine
@pytest.mark.parametrize(("name", "expected"), [("giou", 1.25), ("diou", 1.225), ("ciou", 1.225)])
def test_means_of_torchvision(name, expected, engine):
    mean = bl.get(name)(boxes([B2, B2]), boxes([B3, B4]), reduction="mean", engine=engine)
    np.testing.assert_allclose(mean, expected, atol=1e-6)


@every_engine
def test_mean_of_keras_cv(engine):
    pred, target = (bl.convert(boxes(rows), "xywh", "xyxy") for rows in (KERAS_PRED, KERAS_TRUE))
    mean = bl.giou(pred, target, reduction="mean", engine=engine)
    np.testing.assert_allclose(mean, 0.6452381, atol=5e-8)


@pytest.mark.parametrize("scale", [1.0, 10.0])
def test_gradient_of_ciou_in_centre_coordinates(scale):
    """A pair whose gradient the papers' released code has wrong: there (0.586, 0.071, 0.143, 0.574)."""
    pred, target = scale * boxes([(10, 10, 2, 1)]), scale * boxes([(10.6, 10.3, 1, 2)])
    _, grad = bl.ciou.value_and_grad(pred, target, format="cxcywh", engine="array")
    np.testing.assert_allclose(scale * grad, [[-0.532, -0.071, -0.108, -0.227]], atol=5e-4)


@every_engine
def test_ciou_is_not_clamped(engine):
    """Far apart and of opposite aspects the score is below -1, where a clamped one has no gradient."""
    pred, target = boxes([(0, 0, 1, 20)]), boxes([(1000, 1000, 1020, 1001)])
    value, grads = bl.ciou.value_and_grad(pred, target, wrt="both", engine=engine)
    assert 2.3 < value[0] < 2.5
    assert np.all(np.asarray(grads) != 0.0)


def test_eps_of_a_call_is_eps_of_the_loss():
    pred, target = (boxes([box]) for box in INSIDE)
    value, grad = bl.iou.value_and_grad(pred, target, eps=2.0, engine="array")
    for result in (value, bl.iou(pred, target, eps=2.0, engine="array")):
        np.testing.assert_allclose(result, [1 - 2 / (16 + 2)], rtol=1e-14)
    np.testing.assert_allclose(grad, [[1 / 9, 1 / 18, -1 / 9, -1 / 18]], rtol=1e-13)


def test_a_sum_says_what_it_is_the_sum_of():
    loss = 5.0 * bl.L1() + 0.5 * bl.IoU()
    assert (loss.expression, loss.value_range) == ("5 (sum |e|) + 0.5 (1 - I / U)", "5 [0, inf) + 0.5 [0, 1]")


def test_eps_of_a_call_reaches_the_terms_of_a_sum_that_have_one():
    pred, target = (boxes([box]) for box in INSIDE)
    value = (bl.l1 + 9.0 * bl.iou).pairwise(pred, target, eps=2.0, engine="array")
    np.testing.assert_allclose(value, [[5 + 8]], rtol=1e-14)


def test_arithmetic_of_losses():
    """A sum of sums is one flat sum, each term with the product of its weights."""
    pred, target = (boxes([box]) for box in INSIDE)  # l1 5, iou 7/8, l2 7
    inner = bl.iou * 8.0 + bl.l1
    for loss, terms, expected in (
        (2.0 * inner + 3.0 * bl.l2, ((16.0, bl.iou), (2.0, bl.l1), (3.0, bl.l2)), 14 + 10 + 21),
        (0.5 * (4.0 * bl.l1), ((2.0, bl.l1),), 10),
        (sum([bl.l1, bl.l2, bl.iou]), ((1.0, bl.l1), (1.0, bl.l2), (1.0, bl.iou)), 5 + 7 + 7 / 8),
        (bl.l2 + -1.0 * bl.l1, ((1.0, bl.l2), (-1.0, bl.l1)), 7 - 5),
    ):
        assert loss.terms == terms
        np.testing.assert_allclose(loss(pred, target, engine="array"), [expected], rtol=1e-14)
        grads = [weight * term.value_and_grad(pred, target, engine="array")[1] for weight, term in terms]
        _, grad = loss.value_and_grad(pred, target, engine="array")
        np.testing.assert_allclose(grad, np.sum(grads, axis=0), rtol=1e-14)


def test_another_weight_compiles_nothing():
    """Weights are arguments of the kernel, which keeps none of those that it was compiled with."""
    pred, target = (boxes([box]) for box in INSIDE)
    values = [(w * bl.l1 + bl.l2)(pred, target, engine="numba")[0] for w in (1.0, 2.0, 3.0)]
    np.testing.assert_allclose(values, [12, 17, 22], rtol=1e-14)
