"""Formats of boxes with an angle, and boxes in degrees with their corners."""

import numpy as np

DEGREES = ("cxcywhd", "cxcywhr", "xywhr")
WITH_ANGLE = ("cxcywha", *DEGREES)
SIDE = 8.0
# A rectangle, and corners of none.
CORNERS = np.asarray([[0.0, 0, 2, 0, 2, 2, 0, 2], [0, 0, 2, 0, 3, 2, 0, 2]])


def rotated(rng, n=40, turns=1.0):
    """Boxes (cx, cy, w, h, degrees)."""
    numbers = np.concatenate([rng.uniform(-50, 50, (n, 2)), rng.uniform(0.5, 40, (n, 2))], axis=-1)
    return np.concatenate([numbers, rng.uniform(-360 * turns, 360 * turns, (n, 1))], axis=-1)


def corners_of(boxes):
    """The corners of (cx, cy, w, h, degrees), by complex numbers."""
    x, y, w, h, degrees = np.asarray(boxes, float).T
    turn = np.exp(1j * np.radians(degrees))
    points = [x + 1j * y + 0.5 * turn * (a * w + 1j * b * h) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    return np.stack([part for z in points for part in (z.real, z.imag)], axis=-1)
