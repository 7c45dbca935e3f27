"""The cases of published simulations: starts, targets, and how boxes move."""

from collections.abc import Callable
from typing import Literal, NamedTuple

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

# Of that of the Wise-IoU paper: the area of targets, of anchors over it, and how much denser the rim of the disc is.
SMALL_AREA = 1 / 32
LARGER_AREAS = np.asarray([1, 4 / 3, 3 / 2, 2, 8 / 3, 3, 4])
DENSITY = 3.0
ADAM_RATES = np.full(120, 0.01)


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
    optimizer, parametrisation, scale_by_iou
        As `boxloss.lab.descend` takes them.
    """

    points: np.ndarray
    scale: np.ndarray
    start: np.ndarray
    target: np.ndarray
    lr: np.ndarray = SCHEDULE
    optimizer: Literal["sgd", "adam"] = "sgd"
    parametrisation: Literal["cxcywh", "xyxy", "cxcywha"] = "cxcywh"
    scale_by_iou: bool = True


def unit_sizes(draw: Uniforms, points: int) -> np.ndarray:
    """Make targets of one area."""
    return np.ones(points)


def mixed_sizes(draw: Uniforms, points: int) -> np.ndarray:
    """Draw sides of 1/8, 1/4, 1/2, 1, 2, 4 and 8, as often each."""
    octaves = np.floor((2 * OCTAVES + 1) * draw(points)).astype(np.int64) - OCTAVES
    return np.asarray(np.ldexp(1.0, octaves))


SIZES: dict[str, Callable[[Uniforms, int], np.ndarray]] = {"unit": unit_sizes, "mixed": mixed_sizes}
Radii = Callable[[np.ndarray], np.ndarray]  # of uniform numbers


def disc(inner: float, outer: float) -> Radii:
    """Make radii of points that are spread evenly between two circles."""
    return lambda share: np.sqrt(inner**2 + share * (outer**2 - inner**2))


def around(
    points: int,
    sizes: str,
    seed: int,
    radii: Radii,
    center: float = CENTER,
    side: float = 1.0,
    areas: np.ndarray = AREAS,
) -> Cases:
    """Put anchors around targets: at each point in 7 areas and 7 shapes, to targets of 7 shapes, 343 cases.

    With mixed sizes everything at a point is scaled with the target, the offset too.
    """
    draw = Uniforms(seed)
    radius, angle = radii(draw(points)), 2.0 * np.pi * draw(points)
    scale = SIZES[sizes](draw, points)
    offset = (scale * radius)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    start, target = np.empty((2, points, len(SHAPES), len(areas), len(SHAPES), 4))
    start[..., :2], target[..., :2] = (center + offset)[:, None, None, None], center
    scale = side * scale
    sides = scale[:, None, None, None, None]
    start[..., 2:] = sides * np.sqrt(areas)[:, None, None] * SHAPES
    target[..., 2:] = sides * SHAPES[:, None, None]
    flat = (points, -1, 4)
    return Cases(center + offset, scale, start.reshape(flat), target.reshape(flat))


def diou2020(points: int, sizes: str, seed: int) -> Cases:
    """Draw the simulation of Zheng et al., "Distance-IoU Loss", AAAI 2020, section 3.1, as their released code has it.

    Anchors have their centres at random points of a disc of radius 3 about the target.
    """
    return around(points, sizes, seed, disc(0.0, RADIUS))


def rotated(points: int, sizes: str, seed: int) -> Cases:
    """Draw the same with an angle from -pi/2 to pi/2 drawn for each target; anchors have the angle 0."""
    upright = diou2020(points, sizes, seed)
    angle = np.pi * (Uniforms(seed + 1)(*upright.target.shape[:-1], 1) - 0.5)
    start, target = (
        np.concatenate([boxes, turn], axis=-1)
        for boxes, turn in ((upright.start, np.zeros_like(angle)), (upright.target, angle))
    )
    return upright._replace(start=start, target=target, parametrisation="cxcywha")


def inner2023(points: int, sizes: str, seed: int) -> Cases:
    """Draw that of Zhang et al., "Inner-IoU", 2023, with a high IoU: as `diou2020`, about (100, 100)."""
    return around(points, sizes, seed, disc(0.0, RADIUS), center=100.0)


def inner2023_far(points: int, sizes: str, seed: int) -> Cases:
    """Draw the same with a low IoU: anchors from 6 to 9 away."""
    return around(points, sizes, seed, disc(2.0 * RADIUS, 3.0 * RADIUS), center=100.0)


def wiou2023(points: int, sizes: str, seed: int) -> Cases:
    """Draw that of Tong et al., "Wise-IoU", 2023, as their released code has it: corners move by Adam.

    Targets have the area 1/32, and points are the denser the further away, up to 1/2. Each box has an Adam of its own,
    and its own loss where theirs is the mean of all.
    """

    def radii(share: np.ndarray) -> np.ndarray:
        return np.asarray(0.5 * np.log1p(np.expm1(DENSITY) * share) / DENSITY)

    cases = around(points, sizes, seed, radii, 0.5, SMALL_AREA**0.5, LARGER_AREAS)
    return cases._replace(lr=ADAM_RATES, optimizer="adam", parametrisation="xyxy", scale_by_iou=False)


def piou2024(points: int, sizes: str, seed: int) -> Cases:
    """Draw that of Liu et al., "Powerful-IoU", Neural Networks 2024: as `diou2020` in a disc of radius 1/2, by Adam."""
    cases = around(points, sizes, seed, disc(0.0, 0.5), center=1.0)
    return cases._replace(lr=ADAM_RATES, optimizer="adam", scale_by_iou=False)


PROTOCOLS: dict[str, Callable[[int, str, int], Cases]] = {
    "diou2020": diou2020,
    "rotated": rotated,
    "inner2023": inner2023,
    "inner2023-far": inner2023_far,
    "wiou2023": wiou2023,
    "piou2024": piou2024,
}
