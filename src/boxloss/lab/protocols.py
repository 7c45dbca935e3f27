"""The cases of published simulations: starts, targets and learning rates."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from boxloss.lab.generators import Uniforms

# Of the simulation of the DIoU and CIoU papers. All of it is about the target's centre, and every target has area 1.
CENTER = 10.0
RADIUS = 3.0
WIDTHS = np.sqrt([1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 4])  # of area 1, as are these heights
SHAPES = np.stack([WIDTHS, WIDTHS[::-1]], axis=1)
AREAS = np.asarray([0.5, 0.67, 0.75, 1.0, 1.33, 1.5, 2.0])  # of an anchor over the area of the target
SCHEDULE = np.repeat([0.1, 0.01, 0.001], [160, 20, 20])
OCTAVES = 3  # mixed sizes: from 2^-3 to 2^3


class Cases(NamedTuple):
    """The cases of a simulation, by point: the centre of an anchor.

    Attributes
    ----------
    points : shape (P, 2)
        The centres of anchors.
    scale : shape (P,)
        The side of a square target: every target of the point has its square as area.
    start, target : shape (P, C, 4) or (P, C, 5)
        Boxes (x, y, w, h), or (x, y, w, h, angle).
    lr : shape (steps,)
        The learning rates.
    """

    points: np.ndarray
    scale: np.ndarray
    start: np.ndarray
    target: np.ndarray
    lr: np.ndarray


def unit_sizes(draw: Uniforms, points: int) -> np.ndarray:
    """Targets of area 1."""
    return np.ones(points)


def mixed_sizes(draw: Uniforms, points: int) -> np.ndarray:
    """Sides of 1/8, 1/4, 1/2, 1, 2, 4 and 8, as often each."""
    octaves = np.floor((2 * OCTAVES + 1) * draw(points)).astype(np.int64) - OCTAVES
    return np.asarray(np.ldexp(1.0, octaves))


SIZES: dict[str, Callable[[Uniforms, int], np.ndarray]] = {"unit": unit_sizes, "mixed": mixed_sizes}


def diou2020(points: int, sizes: str, seed: int) -> Cases:
    """The simulation of Zheng et al., "Distance-IoU Loss", AAAI 2020, section 3.1, as their released code has it.

    Anchors have their centres at random points of a disc of radius 3 about the target, each in 7 areas and 7 shapes,
    and there are targets of 7 shapes: 343 cases a point. With mixed sizes everything at a point is scaled with the
    target, the offset too.
    """
    draw = Uniforms(seed)
    radius, angle = RADIUS * np.sqrt(draw(points)), 2.0 * np.pi * draw(points)
    scale = SIZES[sizes](draw, points)
    offset = (scale * radius)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    start, target = np.empty((2, points, len(SHAPES), len(AREAS), len(SHAPES), 4))
    start[..., :2], target[..., :2] = (CENTER + offset)[:, None, None, None], CENTER
    side = scale[:, None, None, None, None]
    start[..., 2:] = side * np.sqrt(AREAS)[:, None, None] * SHAPES
    target[..., 2:] = side * SHAPES[:, None, None]
    flat = (points, -1, 4)
    return Cases(CENTER + offset, scale, start.reshape(flat), target.reshape(flat), SCHEDULE)


def rotated(points: int, sizes: str, seed: int) -> Cases:
    """The same with an angle from -pi/2 to pi/2 drawn for each target; anchors have the angle 0."""
    upright = diou2020(points, sizes, seed)
    angle = np.pi * (Uniforms(seed + 1)(*upright.target.shape[:-1], 1) - 0.5)
    start, target = (
        np.concatenate([boxes, turn], axis=-1)
        for boxes, turn in ((upright.start, np.zeros_like(angle)), (upright.target, angle))
    )
    return upright._replace(start=start, target=target)


PROTOCOLS: dict[str, Callable[[int, str, int], Cases]] = {"diou2020": diou2020, "rotated": rotated}
