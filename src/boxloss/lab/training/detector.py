"""An anchor-free convolutional detector in torch, trained by autograd through the loss.

After FCOS (Tian et al., ICCV 2019, arXiv:1904.01355), with one level: every cell of a grid says how likely it lies in
the middle of a digit, and the logarithms of the distances to the four edges of its box.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from boxloss.conversion import convert
from boxloss.lab.training.contenders import Contender
from boxloss.lab.training.regimes import Regime
from boxloss.lab.training.scenes import CANVAS, Scenes
from boxloss.losses.giou import giou

STRIDE = 8  # pixels between cells
CELLS = CANVAS // STRIDE
MIDDLE = 0.3  # a cell is in the middle of a digit up to this part of its sides from the centre
WIDTH = 24  # channels
FOUND = 100  # cells of a canvas that are scored, those that are surest
PRIOR = -3.0  # logit of every cell at the start
Score = Callable[[np.ndarray, np.ndarray, np.ndarray], None]


def network() -> nn.Sequential:
    """Make the network: a logit and four logarithms of distances in strides for each cell. It sees 124 pixels."""
    layers: list[nn.Module] = []
    layers += [nn.Conv2d(1, 16, 4, stride=4), nn.ReLU(), nn.Conv2d(16, WIDTH, 3, stride=2, padding=1), nn.ReLU()]
    for reach in (1, 2, 4):
        layers += [nn.Conv2d(WIDTH, WIDTH, 3, padding=reach, dilation=reach), nn.ReLU()]
    head = nn.Conv2d(WIDTH, 5, 1)
    nn.init.normal_(head.weight, std=0.01)
    nn.init.zeros_(head.bias)
    with torch.no_grad():
        head.bias[0] = PRIOR
        head.bias[1:] = 1.0
    return nn.Sequential(*layers, head)


def centres() -> torch.Tensor:
    """Find the centres (x, y) of the cells, row by row."""
    at = (torch.arange(CELLS) + 0.5) * STRIDE
    return torch.stack([at.repeat(CELLS), at.repeat_interleave(CELLS)], dim=-1)


def assign(scenes: Scenes) -> tuple[torch.Tensor, torch.Tensor]:
    """Find which cells are in the middle of a digit, shape (scenes, cells), and the corners of that digit's box.

    Of several digits it is the smallest one's. The cell at the centre of a digit always is, as small as it may be.
    """
    inside, wanted = (torch.zeros(len(scenes.canvas), CELLS * CELLS, *more) for more in ((), (4,)))
    points, edges = centres(), torch.as_tensor(convert(scenes.box, "cxcywh", "xyxy"), dtype=torch.float32)
    for i in np.argsort(-scenes.box[:, 2:].prod(axis=1), kind="stable"):  # a later one overwrites
        box = torch.as_tensor(scenes.box[i], dtype=torch.float32)
        reach = torch.clamp(MIDDLE * box[2:], min=STRIDE / 2)
        middle = ((points - box[:2]).abs() <= reach).all(dim=1)
        inside[scenes.image[i], middle] = 1.0
        wanted[scenes.image[i], middle] = edges[i]
    return inside, wanted


def corners(distances: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Make boxes [x1, y1, x2, y2] of logarithms of distances."""
    away = STRIDE * torch.exp(distances)
    return torch.cat([points - away[..., :2], points + away[..., 2:]], dim=-1)


def box_loss(contender: Contender, distances: torch.Tensor, points: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Compute the mean of a loss over cells, differentiable."""
    if contender.of == "deltas":
        away = torch.cat([points - wanted[:, :2], wanted[:, 2:] - points], dim=-1).clamp(min=1.0)
        aim = torch.log(away / STRIDE)
        return torch.as_tensor(contender.loss(distances, aim, format=contender.coordinates, reduction="mean"))
    return torch.as_tensor(contender.loss(corners(distances, points), wanted, reduction="mean"))


def balance(contender: Contender, distances: torch.Tensor, points: torch.Tensor, wanted: torch.Tensor) -> float:
    """Find what to multiply a loss by for a gradient as long as that of GIoU; cells and edges share a network."""
    lengths = []
    for one in (Contender(giou), contender):
        free = distances.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(box_loss(one, free, points, wanted), free)
        lengths.append(float(gradient.norm()))
    return lengths[0] / lengths[1] if lengths[1] > 0.0 else 1.0


def train(
    contender: Contender,
    data: Scenes,
    scored: Scenes,
    rate: float,
    regime: Regime,
    seed: Sequence[int],
    checkpoints: Sequence[int],
    score: Score,
) -> None:
    """Train with Adam and a rate that falls to 0 as a cosine; call `score` with what is found after `checkpoints`."""
    rng = np.random.default_rng(seed)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**31)))
            model = network()
        optimizer = torch.optim.Adam(model.parameters(), lr=rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, regime.steps)
        canvas, points, weight = torch.as_tensor(data.canvas)[:, None], centres(), None
        inside, wanted = assign(data)
        for step in range(1, regime.steps + 1):
            rows = torch.as_tensor(rng.integers(0, len(canvas), regime.batch))
            said = model(canvas[rows]).flatten(2).transpose(1, 2)  # (batch, cells, 5)
            which, cell = torch.nonzero(inside[rows], as_tuple=True)
            near = said[which, cell, 1:], points[cell], wanted[rows][which, cell]
            if weight is None:
                weight = balance(contender, *near)
            sure = functional.binary_cross_entropy_with_logits(said[..., 0], inside[rows], reduction="sum")
            loss = sure / max(1, len(cell)) + weight * box_loss(contender, *near)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if step in checkpoints:
                score(*detect(model, scored))
    finally:
        torch.set_num_threads(threads)


def detect(model: nn.Module, scenes: Scenes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the surest cells of each canvas: its number, their boxes (x, y, w, h) and how likely they are of a digit."""
    with torch.no_grad():
        said = torch.cat([model(part) for part in torch.as_tensor(scenes.canvas)[:, None].split(50)])
    said = said.flatten(2).transpose(1, 2)
    chosen = said[..., 0].topk(FOUND, dim=1).indices
    kept = said.gather(1, chosen[..., None].expand(-1, -1, 5)).double()
    box = convert(corners(kept[..., 1:].clamp(max=6.0), centres().double()[chosen]), "xyxy", "cxcywh")
    image = np.repeat(np.arange(len(box)), FOUND)
    return image, box.reshape(-1, 4).numpy(), torch.sigmoid(kept[..., 0]).reshape(-1).numpy()
