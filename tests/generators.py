"""Pairs of boxes, by kind: each function takes a generator of random numbers and a count, and gives pred and target."""

from collections.abc import Callable

import numpy as np

Pairs = tuple[np.ndarray, np.ndarray]


def boxes(rng: np.random.Generator, n: int) -> np.ndarray:
    """Boxes with sides from 0.4 to 4, in all aspect ratios, about the origin."""
    centre, half = rng.uniform(-3.0, 3.0, (n, 2)), np.exp(rng.uniform(np.log(0.2), np.log(2.0), (n, 2)))
    return np.concatenate([centre - half, centre + half], axis=-1)


def overlapping(rng: np.random.Generator, n: int) -> Pairs:
    """Each edge of pred is up to 0.4 of a side from its counterpart; neither box is inside the other as a rule."""
    target = boxes(rng, n)
    size = np.tile(target[:, 2:] - target[:, :2], 2)
    return target + rng.uniform(-0.4, 0.4, (n, 4)) * size, target


def disjoint(rng: np.random.Generator, n: int) -> Pairs:
    """A gap along x, along y or along both, on either side."""
    pred, target = overlapping(rng, n)
    gap = rng.choice([-1.0, 1.0], (n, 2)) * rng.uniform(6.0, 9.0, (n, 2))
    gap[0::3, 0] = gap[1::3, 1] = 0.0
    return pred + np.tile(gap, 2), target


def nested(rng: np.random.Generator, n: int) -> Pairs:
    """One inside the other, each way."""
    target = boxes(rng, n)
    size = target[:, 2:] - target[:, :2]
    inset = rng.uniform(0.05, 0.4, (n, 4)) * np.tile(size, 2) * [1, 1, -1, -1]
    inset[::2] *= -1.0
    return target + inset, target


def mixed(rng: np.random.Generator, n: int) -> Pairs:
    """All of the above, away from every kink."""
    kinds = [kind(rng, n) for kind in (overlapping, disjoint, nested)]
    pick = rng.integers(0, 3, n)
    return tuple(np.stack(side)[pick, np.arange(n)] for side in zip(*kinds, strict=True))


def aligned(rng: np.random.Generator, n: int) -> Pairs:
    """Overlapping, with one edge or more at the same coordinate."""
    pred, target = overlapping(rng, n)
    tie = rng.random((n, 4)) < 0.4
    tie[np.arange(n), rng.integers(0, 4, n)] = True
    return np.where(tie, target, pred), target


def contact(rng: np.random.Generator, n: int) -> Pairs:
    """Boxes that touch along a left, right, top or bottom edge or, every fifth pair, at a corner."""
    pred, target = overlapping(rng, n)
    for row in range(n):
        edge = row % 5
        for axis in (0, 1) if edge == 4 else (edge // 2,):
            size = pred[row, axis + 2] - pred[row, axis]
            if edge % 2:
                pred[row, axis], pred[row, axis + 2] = target[row, axis + 2], target[row, axis + 2] + size
            else:
                pred[row, axis], pred[row, axis + 2] = target[row, axis] - size, target[row, axis]
    return pred, target


def match(rng: np.random.Generator, n: int) -> Pairs:
    """The same box twice."""
    target = boxes(rng, n)
    return target.copy(), target


def zero_side(rng: np.random.Generator, n: int) -> Pairs:
    """A side of pred or of target is 0, the other side is not."""
    pred, target = overlapping(rng, n)
    pred[0::4, 2], pred[1::4, 3] = pred[0::4, 0], pred[1::4, 1]
    target[2::4, 2], target[3::4, 3] = target[2::4, 0], target[3::4, 1]
    return pred, target


def inverted(rng: np.random.Generator, n: int) -> Pairs:
    """A side of pred or of target is negative, the other side is not."""
    pred, target = overlapping(rng, n)
    pred[0::4], pred[1::4] = pred[0::4][:, [2, 1, 0, 3]], pred[1::4][:, [0, 3, 2, 1]]
    target[2::4], target[3::4] = target[2::4][:, [2, 1, 0, 3]], target[3::4][:, [0, 3, 2, 1]]
    return pred, target


SMOOTH: dict[str, Callable[[np.random.Generator, int], Pairs]] = {
    kind.__name__: kind for kind in (overlapping, disjoint, nested, inverted)
}
KINKS = {kind.__name__: kind for kind in (aligned, contact, match, zero_side)}
