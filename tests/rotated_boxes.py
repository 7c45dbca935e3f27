"""What the tests of boxes with an angle share: pairs of them, by kind, the losses that they run on, and differences."""

import numpy as np

import boxloss as bl

ENGINES = ("array", "numba")
STEP = 1e-6  # of differences
LOSSES = {
    "iou": bl.iou,
    "log_iou": bl.log_iou,
    "squared_iou": bl.squared_iou,
    "giou": bl.giou,
    "diou": bl.diou,
    "ciou": bl.CIoU(full_gradient=True),
    "eiou": bl.eiou,
    "siou": bl.siou,
    "alpha": bl.Alpha(bl.giou),
    "inner": bl.Focaler(bl.Inner(bl.diou, ratio=0.75), low=0.0, high=1.0),
    "interpolated": bl.Interpolated(bl.giou, alpha=0.75),
    "l1": bl.L1(coordinates="cxcywh"),
}


def boxes(rng, n, dtype="float64"):
    """Boxes with sides from 0.4 to 4 about the origin, at any angle."""
    centre, size = rng.uniform(-2.0, 2.0, (n, 2)), np.exp(rng.uniform(np.log(0.4), np.log(4.0), (n, 2)))
    return np.concatenate([centre, size, rng.uniform(-7.0, 7.0, (n, 1))], axis=1).astype(dtype)


def placed(box, along, across, w, h, angle=0.0):
    """Boxes in the frame of others: so far along their width and height, of these sides, turned by an angle."""
    cos, sin = np.cos(box[:, 4]), np.sin(box[:, 4])
    x, y = box[:, 0] + along * cos - across * sin, box[:, 1] + along * sin + across * cos
    return np.stack([x, y, w + 0.0 * x, h + 0.0 * x, box[:, 4] + angle], axis=1)


def random(rng, n):
    """Two boxes."""
    return boxes(rng, n), boxes(rng, n)


def near(rng, n):
    """Boxes that differ by 1e-3 to 1e-12 in each number."""
    target = boxes(rng, n)
    return target + 10.0 ** rng.uniform(-12, -3, (n, 1)) * rng.standard_normal((n, 5)), target


def turned_a_little(rng, n):
    """Boxes that differ in the angle alone, by 1e-3 to 1e-12."""
    target = boxes(rng, n)
    return target + np.stack([np.zeros(n)] * 4 + [10.0 ** rng.uniform(-12, -3, n)], axis=1), target


def long(rng, n):
    """Boxes a thousand times as wide as high."""
    return boxes(rng, n) * [1, 1, 1000, 1, 1], boxes(rng, n) * [1, 1, 1000, 1, 1]


def far(rng, n):
    """Boxes about (1e5, -1e5)."""
    return boxes(rng, n) + [1e5, -1e5, 0, 0, 0], boxes(rng, n) + [1e5, -1e5, 0, 0, 0]


def parallel(rng, n):
    """Boxes at one angle."""
    pred, target = random(rng, n)
    pred[:, 4] = target[:, 4]
    return pred, target


def shared_edge(rng, n):
    """One box inside the other, with an edge of both on one line."""
    target = boxes(rng, n)
    w, h = target[:, 2] * rng.uniform(0.2, 0.9, n), target[:, 3] * rng.uniform(0.2, 0.9, n)
    return placed(target, 0.5 * (target[:, 2] - w), 0.0, w, h), target


def touching(rng, n):
    """Boxes side by side."""
    target = boxes(rng, n)
    w, h = rng.uniform(0.5, 2.0, (2, n))
    return placed(target, 0.5 * (target[:, 2] + w), 0.3, w, h), target


def crossing(rng, n):
    """Strips that cross at a right angle, whose corners are outside of each other."""
    target = boxes(rng, n)
    target[:, 2:4] = 4.0, 0.5
    return placed(target, 0.2, 0.1, 3.0, 0.4, 0.5 * np.pi), target


def turned_half_round(rng, n):
    """The same box, half a turn on."""
    target = boxes(rng, n)
    return target + [0, 0, 0, 0, np.pi], target


def turned_many_times(rng, n):
    """Angles of up to a million radians."""
    pred, target = random(rng, n)
    pred[:, 4] = rng.uniform(-1e6, 1e6, n)
    return pred, target


def crossing_needles(rng, n):
    """Boxes of up to 1:10,000, each thin along its width or along its height, with a point in common.

    They are a twentieth of a turn or more from parallel: of needles that are nearly parallel a rounded cosine decides.
    """
    base = boxes(rng, n)[:, 4]
    between = rng.integers(0, 4, n) * 0.5 * np.pi + rng.uniform(0.1 * np.pi, 0.4 * np.pi, n)
    sides = []
    for angle in (base + between, base):
        long = np.exp(rng.uniform(-1.0, 1.0, n))
        thin, stands = long * 10.0 ** rng.uniform(-4.0, -2.0, n), rng.random(n) < 0.5
        w, h = np.where(stands, thin, long), np.where(stands, long, thin)
        side = np.stack([0.0 * w, 0.0 * w, w, h, angle], axis=1)
        sides.append(placed(side, *(rng.uniform(-0.5, 0.5, (2, n)) * [w, h]), w, h))
    return sides


KINDS = {
    kind.__name__: kind
    for kind in (
        random, near, turned_a_little, long, far, parallel, shared_edge, touching, crossing, turned_half_round,
        turned_many_times, crossing_needles,
    )
}  # fmt: skip


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
