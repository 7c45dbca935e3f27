"""Proposals around digits, what is seen through them, and deltas to and from boxes."""

from dataclasses import dataclass

import numpy as np

from boxloss.lab.training.scenes import CANVAS, Scenes
from boxloss.losses.iou_score import iou_score

CELLS = 14  # along each side of what is seen
SAMPLES = 2  # of a cell, along each side
LARGEST = float(np.log(1000.0 / 16.0))  # of the logarithm of a size over that of the proposal, as detectors have it
STANDARD = np.asarray([0.1, 0.1, 0.2, 0.2])  # deltas are in units of these, as detectors normalise them


@dataclass(frozen=True)
class Jitter:
    """How far proposals are from digits.

    Attributes
    ----------
    shift : float
        Standard deviation of the centre, in sides of the digit.
    stretch : float
        Standard deviation of the natural logarithm of each side.
    context : float
        Sides of what is seen over those of the proposal.
    """

    shift: float
    stretch: float
    context: float


@dataclass(frozen=True, eq=False)
class Proposals:
    """Proposals of some scenes.

    Attributes
    ----------
    image : ndarray of int, shape (N,)
        The canvas of each.
    full : ndarray of bool, shape (N,)
        Whether the proposal is one of a digit.
    box, target : ndarray, shape (N, 4)
        The proposal and the digit's box (x, y, w, h); without a digit both are the proposal.
    seen : ndarray of float32, shape (N, 196)
        The canvas through the proposal and a margin around it, in 14 x 14 cells.
    """

    image: np.ndarray
    full: np.ndarray
    box: np.ndarray
    target: np.ndarray
    seen: np.ndarray

    def of_digits(self) -> "Proposals":
        """Take those of digits alone."""
        at = self.full
        return Proposals(self.image[at], self.full[at], self.box[at], self.target[at], self.seen[at])


def propose(scenes: Scenes, each: int, empty: int, jitter: Jitter, rng: np.random.Generator) -> Proposals:
    """Draw `each` proposals around every digit, and `empty` for every canvas that meet no digit by an IoU of 0.2."""
    digit = np.repeat(np.arange(len(scenes.box)), each)
    target = scenes.box[digit]
    noise = rng.normal(size=target.shape)
    box = np.concatenate(
        [
            target[:, :2] + jitter.shift * noise[:, :2] * target[:, 2:],
            target[:, 2:] * np.exp(jitter.stretch * noise[:, 2:]),
        ],
        axis=1,
    )
    image, empties = _empty(scenes, empty, rng)
    where = np.concatenate([scenes.image[digit], image])
    boxes = np.concatenate([box, empties])
    full = np.arange(len(where)) < len(digit)
    targets = np.concatenate([target, empties])
    return Proposals(where, full, boxes, targets, see(scenes.canvas, where, boxes, jitter.context))


def _empty(scenes: Scenes, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw boxes of the sizes of the digits at random places of each canvas, without those that meet a digit."""
    image = np.repeat(np.arange(len(scenes.canvas)), count)
    size = scenes.box[rng.integers(0, len(scenes.box), len(image)), 2:]
    box = np.concatenate([size / 2 + rng.uniform(size=size.shape) * (CANVAS - size), size], axis=1)
    overlap = iou_score.pairwise(box, scenes.box, format="cxcywh")
    same = image[:, None] == scenes.image
    free = np.max(np.where(same, overlap, 0.0), axis=1, initial=0.0) < 0.2
    return image[free], box[free]


def see(canvas: np.ndarray, image: np.ndarray, box: np.ndarray, context: float) -> np.ndarray:
    """Look at canvases through boxes that are `context` times larger: in each cell the mean of 2 x 2 bilinear samples.

    It is the RoIAlign of Mask R-CNN (He et al., ICCV 2017, arXiv:1703.06870).
    """
    points = CELLS * SAMPLES
    steps = context * ((np.arange(points) + 0.5) / points - 0.5)
    x = box[:, 0, None] + steps * box[:, 2, None] - 0.5
    y = box[:, 1, None] + steps * box[:, 3, None] - 0.5
    (left, right, along), (upper, lower, down) = _neighbours(x), _neighbours(y)
    flat, row = canvas.reshape(-1), image[:, None] * CANVAS
    first, second = ((row + edge)[:, :, None] * CANVAS for edge in (upper, lower))

    def across(rows: np.ndarray) -> np.ndarray:
        start, end = flat[rows + left[:, None, :]], flat[rows + right[:, None, :]]
        return np.asarray(start + (end - start) * along[:, None, :])

    above, below = across(first), across(second)
    values = above + (below - above) * down[:, :, None]
    cells = values.reshape(len(box), CELLS, SAMPLES, CELLS, SAMPLES).mean(axis=(2, 4))
    return np.ascontiguousarray(cells.reshape(len(box), -1), dtype=np.float32)


def _neighbours(place: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the pixels before and after places, and how near the second is; beyond the canvas its edge goes on."""
    place = np.clip(place, 0.0, CANVAS - 1.0)
    before = place.astype(np.intp)
    return before, np.minimum(before + 1, CANVAS - 1), (place - before).astype(np.float32)


def decode(deltas: np.ndarray, proposal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make boxes (x, y, w, h) of normalised deltas, and the derivative of each number by its own delta.

    Those of R-CNN (Girshick et al., CVPR 2014, arXiv:1311.2524): the centre moves by parts of the proposal's sides, and
    the sides are multiplied by exponentials.
    """
    scaled = deltas * STANDARD
    size = proposal[:, 2:]
    limited = np.minimum(scaled[:, 2:], LARGEST)
    sides = size * np.exp(limited)
    box = np.concatenate([proposal[:, :2] + scaled[:, :2] * size, sides], axis=1)
    slope = np.concatenate([size, np.where(scaled[:, 2:] < LARGEST, sides, 0.0)], axis=1) * STANDARD
    return box, slope


def encode(box: np.ndarray, proposal: np.ndarray) -> np.ndarray:
    """Make normalised deltas of boxes (x, y, w, h): what `decode` makes them of."""
    size = proposal[:, 2:]
    deltas = np.concatenate([(box[:, :2] - proposal[:, :2]) / size, np.log(box[:, 2:] / size)], axis=1)
    return np.asarray(deltas / STANDARD)
