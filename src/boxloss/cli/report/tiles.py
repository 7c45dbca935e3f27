"""Square pictures without a word in them, of one size: they can be compared, and shrink to any screen."""

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree

from boxloss.cli.report.drawing import SIDE, drawing, image, line, number, rectangle
from boxloss.cli.report.measure import relative_slope
from boxloss.cli.report.motion import moving, moving_box
from boxloss.lab import Correlation, Descent, Landscape, Simulation
from boxloss.lab.correlation import LEVEL
from boxloss.lab.protocols import CENTER
from boxloss.pictures.rasters import raster
from boxloss.pictures.thumbnails import share_of_range

LEVELS = 24
ARROWS = 9  # along each side
MARGIN = 12  # around the plane of balls, which may start on its edge
STEEPEST = 2.0  # times a straight ramp: what the colours reach
TEAL, BLUE = "009E73", "3D85C6"
CELLS = 100  # of pairs, along each side
MANY = 5_000  # pairs, from which on points would hide one another
MAP_CELLS = 150
ERRORS = (1e-3, 10.0)  # what the last learning rate leaves, and more than anchors start with


def on_plane(plane: Landscape, points: ArrayLike) -> np.ndarray:
    """Put places of a plane in the units of a tile, whose second coordinate points down."""
    (left, right), (bottom, top) = plane.extent
    x, y = np.moveaxis(np.asarray(points, dtype=float), -1, 0)
    return np.stack([SIDE * (x - left) / (right - left), SIDE * (top - y) / (top - bottom)], axis=-1)


def target(plane: Landscape) -> str:
    """Draw the target: to scale where the plane is of places, else a cross at its size."""
    x, y, w, h = plane.target
    if plane.vary == ("x", "y"):
        corner, other = on_plane(plane, [[x - w / 2, y + h / 2], [x + w / 2, y - h / 2]])
        width, height = (other - corner).tolist()
        return "".join(rectangle(corner.tolist(), width, height, kind) for kind in ("halo", "target"))
    ((x, y),) = on_plane(plane, [[w, h]])
    cross = f"M{number(x - 9)} {number(y)}h18M{number(x)} {number(y - 9)}v18"
    return f'<path class="halo" d="{cross}"/><path class="target" d="{cross}"/>'


def arrows(plane: Landscape) -> str:
    """Draw where descent goes, in arrows of one length; dots where there is no slope."""
    places = ((np.arange(ARROWS) + 0.5) * len(plane.x) / ARROWS).astype(int)
    down = -plane.grad[np.ix_(places, places)].reshape(-1, 2)
    x, y = np.meshgrid(plane.x[places], plane.y[places])
    centres = on_plane(plane, np.stack([x, y], axis=-1).reshape(-1, 2))
    slope = np.hypot(*down.T)
    drawn = []
    for (u, v), length, (x, y) in zip(down, slope, centres, strict=True):
        if length == 0.0:
            drawn.append(f"M{number(x)} {number(y)}h0")
            continue
        u, v = 10 * u / length, -10 * v / length
        tip = f"{number(x + u)} {number(y + v)}"
        sides = [f"{number(x + 0.25 * u - s * 0.45 * v)} {number(y + 0.25 * v + s * 0.45 * u)}" for s in (1, -1)]
        drawn.append(f"M{number(x - u)} {number(y - v)}L{tip}M{sides[0]}L{tip} {sides[1]}")
    return f'<path class="arrows" d="{"".join(drawn)}"/>'


def landscape(plane: Landscape, alt: str) -> Markup:
    """Draw the loss as a share of its own range, with arrows of descent."""
    return drawing([surface(plane), arrows(plane), target(plane)], alt)


def surface(plane: Landscape, kind: str = "") -> str:
    """Draw the colours of the loss."""
    return image(raster(share_of_range(plane.value), levels=LEVELS), 0, 0, SIDE, SIDE, kind)


def slope(plane: Landscape, alt: str) -> Markup:
    """Draw the slope relative to the way left: nothing where it is flat."""
    share = relative_slope(plane) / STEEPEST
    return drawing([image(raster(share, TEAL, LEVELS), 0, 0, SIDE, SIDE), target(plane)], alt)


def balls(plane: Landscape, several: dict[str, Descent], name: str, alt: str) -> Markup:
    """Draw the ways of boxes' centres by each optimizer, and a ball that runs along each."""
    pieces = [surface(plane, "faint"), target(plane)]
    rolling = []
    for optimizer, ball in several.items():
        assert ball.path is not None
        ways = on_plane(plane, np.moveaxis(ball.path.reshape(len(ball.path), -1, 4)[..., :2], 1, 0))
        kind = optimizer.lower()
        pieces += [line(way, f"way {kind}") for way in ways]
        rolling += [moving(way, f"{name}-{kind}-{index}", f"ball {kind}") for index, way in enumerate(ways)]
    starts = next(iter(several.values())).start.reshape(-1, 4)
    pieces += [
        f'<circle class="start" cx="{number(x)}" cy="{number(y)}" r="5"/>' for x, y in on_plane(plane, starts[:, :2])
    ]
    return drawing([*pieces, *rolling], alt, margin=MARGIN)


def pairs(found: Correlation, top: float, alt: str) -> Markup:
    """Draw the loss against the IoU, up to `top`, with the interval of the loss at one IoU drawn in."""
    low = min(0.0, float(found.value.min()))
    share = (found.value - low) / (top - low)
    if len(share) > MANY:
        counts, *_ = np.histogram2d(share, found.iou, bins=CELLS, range=((0.0, 1.0), (0.0, 1.0)))
        dense = np.log1p(counts) / np.log1p(max(counts.max(), 1.0))
        pieces = [image(raster(dense, BLUE, 64), 0, 0, SIDE, SIDE)]
    else:
        shown = zip(found.iou, share, strict=True)
        dots = "".join(f"M{number(SIDE * x)} {number(SIDE * (1 - min(y, 1.0)))}h0" for x, y in shown)
        pieces = [f'<path class="dots" d="{dots}"/>']
    ends = (np.asarray([found.all.low, found.all.high]) - low) / (top - low)
    if np.all(np.isfinite(ends)):
        x, (bottom, high) = SIDE * LEVEL, SIDE * (1.0 - np.clip(ends, 0.0, 1.0))
        caps = "".join(f"M{number(x - 12)} {number(y)}h24" for y in (bottom, high))
        mark = f"M{number(x)} {number(bottom)}V{number(high)}{caps}"
        pieces += [f'<path class="halo" d="{mark}"/><path class="interval" d="{mark}"/>']
    return drawing(pieces, alt)


def final_map(result: Simulation, alt: str) -> Markup:
    """Draw the final error by the place where anchors started, in logarithmic colours, the same in all maps."""
    place = (result.points - CENTER) / result.scale[:, None]
    reach = np.abs(place).max()
    axis = ((np.arange(MAP_CELLS) + 0.5) / MAP_CELLS * 2.0 - 1.0) * reach
    cells = np.stack(np.meshgrid(axis, axis), axis=-1)
    _, nearest = cKDTree(place).query(cells)
    error = np.log(np.maximum(result.final_error / (result.cases / len(result.points)), ERRORS[0])) - np.log(ERRORS[0])
    share = error[nearest] / (np.log(ERRORS[1]) - np.log(ERRORS[0]))
    scale = SIDE / (2.0 * reach)
    corner = (SIDE / 2 - scale / 2, SIDE / 2 - scale / 2)
    disc = image(raster(share, levels=LEVELS), 0, 0, SIDE, SIDE, "disc")
    return drawing([disc, rectangle(corner, scale, scale, "halo"), rectangle(corner, scale, scale, "target")], alt)


def boxes(several: dict[str, Descent], reach: tuple[np.ndarray, float], name: str, alt: str) -> Markup:
    """Draw one box on its way to the target by each optimizer, in a square of a corner and a side."""
    (left, top), side = reach
    scale = SIDE / side

    def placed(way: np.ndarray) -> np.ndarray:
        x, y, w, h = np.moveaxis(way, -1, 0)
        return scale * np.stack([x - left, top - y, np.abs(w), np.abs(h)], axis=-1)

    first = next(iter(several.values()))
    x, y, w, h = placed(first.target.reshape(4))
    pieces = [rectangle((x - w / 2, y - h / 2), w, h, "goal")]
    x, y, w, h = placed(first.start.reshape(4))
    pieces.append(rectangle((x - w / 2, y - h / 2), w, h, "from"))
    for optimizer, ball in several.items():
        assert ball.path is not None
        kind, way = optimizer.lower(), placed(ball.path.reshape(-1, 4))
        pieces += [line(way[:, :2], f"way {kind}"), moving_box(way, f"{name}-{kind}", f"box {kind}")]
    return drawing(pieces, alt)


def reach_of(several: list[Descent]) -> tuple[np.ndarray, float]:
    """Find the upper left corner and the side of the square that holds all boxes ever, with a margin."""
    ways = np.concatenate([ball.path.reshape(-1, 4) for ball in several if ball.path is not None])
    every = np.concatenate([ways, several[0].target.reshape(1, 4)])
    half = np.abs(every[:, 2:]) / 2
    low, high = (every[:, :2] - half).min(axis=0), (every[:, :2] + half).max(axis=0)
    side = 1.1 * float(np.max(high - low))
    middle = (low + high) / 2
    return np.asarray([middle[0] - side / 2, middle[1] + side / 2]), side
