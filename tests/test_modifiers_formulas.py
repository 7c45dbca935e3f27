"""Each modifier of the losses that its paper has it for, against formulas of its own in torch, values and gradients."""

import numpy as np
import pytest

import boxloss as bl
import later_family as later
from generators import disjoint, nested, overlapping
from iou_family import ciou_loss, diou_loss, eiou_loss, giou_loss, iou

pytestmark = pytest.mark.torch


def alpha(penalties, power):
    """He et al. 2021: 1 - IoU^alpha and each penalty to the power."""
    return lambda p, t: 1 - iou(p, t) ** power + sum(penalty**power for penalty in penalties(p, t))


def of_eiou(pred, target):
    q = later.parts(pred, target)
    sides = ((q["w"] - q["W"]) / q["cw"], (q["h"] - q["H"]) / q["ch"])
    return q["rho2"] / q["c2"], *(side**2 for side in sides)


def wise(loss, gain):
    """Tong et al. 2023: a gain of beta = (1 - IoU) / mean, which is held constant."""
    return lambda p, t: gain((1 - iou(p, t)) / 0.7).detach() * loss(p, t)


def focal(loss, gamma):
    return lambda p, t: iou(p, t).detach() ** gamma * loss(p, t)


FORMULAS = {
    "alpha(iou)": (bl.Alpha(bl.iou, 2.5), alpha(lambda p, t: (), 2.5)),
    "alpha(giou)": (bl.Alpha(bl.giou, 2.0), alpha(lambda p, t: (giou_loss(p, t) - 1 + iou(p, t),), 2.0)),
    "alpha(diou)": (bl.Alpha(bl.diou, 1.3), alpha(lambda p, t: (diou_loss(p, t) - 1 + iou(p, t),), 1.3)),
    "alpha(ciou)": (bl.Alpha(bl.ciou), lambda p, t: later.alpha_ciou_loss(p, t, 3.0)),
    "alpha(ciou), another power": (bl.Alpha(bl.ciou, 1.7), lambda p, t: later.alpha_ciou_loss(p, t, 1.7)),
    "alpha(eiou)": (bl.Alpha(bl.eiou), alpha(of_eiou, 3.0)),
    "alpha(siou)": (bl.Alpha(bl.siou, 1.5), alpha(lambda p, t: (later.siou_loss(p, t) - 1 + iou(p, t),), 1.5)),
    "inner(iou)": (bl.Inner(bl.iou, 1.2), later.inner(lambda p, t: 1 - iou(p, t), 1.2)),
    "inner(ciou)": (bl.Inner(bl.ciou), later.inner(ciou_loss, 0.8)),
    "inner(eiou)": (bl.Inner(bl.eiou, 1.3), later.inner(eiou_loss, 1.3)),
    "focaler(ciou)": (bl.Focaler(bl.ciou), later.focaler(ciou_loss, 0.0, 0.95)),
    "focaler(shape_iou)": (bl.Focaler(bl.shape_iou, 0.2, 0.7), later.focaler(later.shape_iou_loss, 0.2, 0.7)),
    "focal(ciou)": (bl.Focal(bl.ciou, 0.8), focal(ciou_loss, 0.8)),
    "wise(wiou), version 2": (bl.Wise(bl.wiou, 2, mean=0.7), wise(later.wiou_loss, lambda beta: beta**0.5)),
    "wise(ciou), version 3": (bl.Wise(bl.ciou, mean=0.7), wise(ciou_loss, lambda beta: later.gain_of(beta, 1.0))),
    "interpolated(ciou)": (bl.Interpolated(bl.ciou, 0.3), later.interpolated(ciou_loss, 0.3)),
}


@pytest.mark.parametrize("engine", ["array", "numba"])
@pytest.mark.parametrize("name", FORMULAS)
def test_value_and_gradient(name, engine, rng):
    import torch

    loss, formula = FORMULAS[name]
    for kind in (overlapping, disjoint, nested):
        pred, target = kind(rng, 60)
        leaves = [torch.tensor(boxes, requires_grad=True) for boxes in (pred, target)]
        expected = formula(*leaves)
        grads = torch.autograd.grad(expected.sum(), leaves)
        # Where a penalty or an IoU is 0 its power may have no derivative that autograd knows.
        there = np.isfinite(np.concatenate([grad.numpy() for grad in grads], axis=1)).all(axis=1)
        assert there.mean() > 0.9
        value, found = loss.value_and_grad(pred, target, wrt="both", engine=engine)
        np.testing.assert_allclose(value, expected.detach().numpy(), rtol=1e-12, atol=1e-13)
        for grad, by_autograd in zip(found, grads, strict=True):
            np.testing.assert_allclose(grad[there], by_autograd.numpy()[there], rtol=1e-9, atol=1e-11)
