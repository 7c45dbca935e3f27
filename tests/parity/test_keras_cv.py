"""The reductions, weights and batches of the loss classes of keras_cv beside theirs."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import peer_functions
from boxloss.compat import keras_cv

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)
AXES = (-1, 0, "no_reduction")
CLASSES = {
    "IoULoss": [{"mode": mode, "axis": axis} for mode in ("linear", "quadratic", "log") for axis in AXES],
    "GIoULoss": [{"axis": axis} for axis in AXES],
    "CIoULoss": [{}, {"eps": 1.0}],
    "SmoothL1Loss": [{}, {"l1_cutoff": 0.5}],
}


@pytest.fixture(scope="module")
def theirs():
    return peer_functions.keras_cv_losses()


def overlapping(rng, *shape):
    """Boxes of which each overlaps each other: -ln of 0 has no gradient there."""
    return rng.uniform(-1.0, 1.0, (2, *shape, 4)) + [0, 0, 4, 4]


def evaluated(loss, sides, weight):
    """The value, and the gradients of its sum."""
    sides = [torch.tensor(side, dtype=torch.float32, requires_grad=True) for side in sides]
    value = loss(*sides, sample_weight=None if weight is None else torch.tensor(weight, dtype=torch.float32))
    return [value.detach().numpy(), *(grad.numpy() for grad in torch.autograd.grad(value.sum(), sides))]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(5,), (3, 5), (5, 3), (4, 4), (1, 1)], ids=str)
@pytest.mark.parametrize("name", CLASSES)
def test_every_option(theirs, name, shape, reduction):
    rng = np.random.default_rng(2)
    sides = overlapping(rng, *shape)
    for options in CLASSES[name]:
        form = {} if name == "SmoothL1Loss" else {"bounding_box_format": "xyxy"}
        peer, ours = (getattr(module, name)(**form, **options, reduction=reduction) for module in (theirs, keras_cv))
        count = tuple(peer.call(*map(torch.tensor, sides)).shape)
        weights = [
            None,
            rng.uniform(size=count),
            rng.uniform(size=(*count, 1) if count else shape[-1:]),
            np.zeros(count),
        ]
        for weight in weights:
            for found, wanted in zip(*(evaluated(loss, sides, weight) for loss in (ours, peer)), strict=True):
                assert found.shape == wanted.shape
                assert_allclose(found, wanted, rtol=2e-6, atol=2e-6 * max(abs(wanted).max(), 1e-3))


def test_one_image_beside_a_batch(theirs):
    pred, target = overlapping(np.random.default_rng(3), 5)
    batch = np.stack([pred, pred + 0.1, pred - 0.1])
    for name in ("IoULoss", "GIoULoss", "CIoULoss"):
        options = {"reduction": "none"} if name == "CIoULoss" else {"axis": "no_reduction", "reduction": "none"}
        for sides in ((target, batch), (batch, target)):
            found, wanted = (
                getattr(module, name)("xyxy", **options)(*map(torch.tensor, sides)).numpy()
                for module in (keras_cv, theirs)
            )
            assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
