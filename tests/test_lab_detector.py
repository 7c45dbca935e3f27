"""The convolutional detector of the lab, in torch."""

import numpy as np
import pytest

import boxloss as bl
from boxloss.lab.training import jobs
from boxloss.lab.training.contenders import Contender, contenders
from boxloss.lab.training.scenes import draw

pytestmark = pytest.mark.torch
GIVEN = {"rate": 0.004, "split": "test", "seed": 0, "number": 0, "share": 0.02}


@pytest.fixture(scope="module")
def detector():
    from boxloss.lab.training import detector

    return detector


@pytest.fixture(scope="module")
def scenes():
    return draw("test", 4, (12.0, 96.0), np.random.default_rng(0))


def test_cells_in_the_middle_of_a_digit_want_its_box(detector, scenes):
    inside, wanted = detector.assign(scenes)
    points = detector.centres()
    assert inside.shape == (4, 400)
    found = set()
    for image, cell in zip(*np.nonzero(inside.numpy()), strict=True):
        x1, y1, x2, y2 = wanted[image, cell].tolist()
        x, y = points[cell].tolist()
        assert abs(x - (x1 + x2) / 2) <= max(0.3 * (x2 - x1), 4) + 1e-3
        assert abs(y - (y1 + y2) / 2) <= max(0.3 * (y2 - y1), 4) + 1e-3
        found.add((int(image), x1, y1, x2, y2))
    assert len(found) >= 0.8 * len(scenes.box)  # all but those that a smaller one hides


def test_boxes_of_distances_are_those_that_are_wanted(detector, scenes):
    import torch

    inside, wanted = detector.assign(scenes)
    image, cell = torch.nonzero(inside, as_tuple=True)
    points, target = detector.centres()[cell], wanted[image, cell]
    away = torch.cat([points - target[:, :2], target[:, 2:] - points], dim=-1)
    kept = (away > 1.0).all(dim=1)
    distances = torch.log(away[kept] / detector.STRIDE)
    torch.testing.assert_close(detector.corners(distances, points[kept]), target[kept])
    for contender in contenders([bl.l1, bl.giou]):
        assert float(detector.box_loss(contender, distances, points[kept], target[kept])) == pytest.approx(
            0.0, abs=1e-4
        )


def test_losses_are_balanced_to_gradients_of_one_length(detector):
    import torch

    points, target = torch.tensor([[20.0, 20.0]]), torch.tensor([[10.0, 12.0, 40.0, 31.0]])
    lengths = []
    for contender in contenders([bl.l1, bl.giou]):  # whose kernels are there
        distances = torch.ones(1, 4, requires_grad=True)
        weight = detector.balance(contender, distances, points, target)
        (weight * detector.box_loss(contender, distances, points, target)).backward()
        lengths.append(float(distances.grad.norm()))
    giou = torch.ones(1, 4, requires_grad=True)
    detector.box_loss(Contender(bl.giou), giou, points, target).backward()
    assert lengths == pytest.approx(3 * [float(giou.grad.norm())], rel=1e-4)


def test_it_is_paired_and_gives_the_same_again(detector):
    import torch

    state = torch.get_rng_state()
    first, other = (
        jobs.run(jobs.Job("detector", one, **GIVEN)) for one in contenders([bl.l1])[:1] + contenders([bl.giou])
    )
    again = jobs.run(jobs.Job("detector", Contender(bl.giou), **GIVEN))
    assert again == other
    assert first.scores != other.scores or first.scores[-1] == (0.0, 0.0, 0.0)
    assert torch.equal(torch.get_rng_state(), state)
