"""Filled contours of a loss over a plane of predictions."""

import math
from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from boxloss.lab import Landscape
from boxloss.lab.landscapes import PARAMETERS
from boxloss.plot.style import (
    COLOUR_MAP,
    TARGET,
    Style,
    as_sequence,
    colour_bar,
    legend_below,
    loss_label,
    name_of,
    number,
    panels,
    size,
    styled,
)

LEVELS = 16
WIDTH = 52  # characters of a title
ARROWS = 13  # along each side
ARROW: Style = {
    "pivot": "mid",
    "scale": 1.5 * ARROWS,
    "width": 0.008,
    "color": "white",
    "edgecolor": "black",
    "linewidth": 0.6,
    "zorder": 3,
}
ARROW_SIGN: Style = {"marker": r"$\rightarrow$", "color": "black", "s": 110}
RING: Style = {"facecolor": "none", "edgecolor": "black", "linewidth": 0.8, "s": 16, "zorder": 3}
EDGE: Style = {
    "fill": False,
    "edgecolor": TARGET,
    "linewidth": 2.5,
    "zorder": 4,
    "path_effects": [withStroke(linewidth=4, foreground="white")],
}
STAR: Style = {"marker": "*", "s": 220, "color": TARGET, "edgecolor": "white", "zorder": 4}
NAMES = {
    "x": "centre x of pred",
    "y": "centre y of pred",
    "w": "width of pred",
    "h": "height of pred",
    "a": "angle of pred",
}


@styled
def landscape(results: Landscape | Sequence[Landscape], *, unit: str = "units of the boxes") -> Figure:
    """Draw the loss over the plane, the direction of descent, and the target.

    Arrows point down the gradient and have one length; a ring stands where the gradient is zero. The target box is
    drawn to scale where the plane is one of positions, and as a star at its parameters where it is not. A dotted line
    bounds the predictions that overlap the target.

    Parameters
    ----------
    results : Landscape or sequence of Landscape
        What `boxloss.lab.landscape` returned; each has a panel.
    unit : str
        The unit of the boxes, for the axes.

    Returns
    -------
    matplotlib.figure.Figure
        Save it with `save`.

    Examples
    --------
    >>> import boxloss as bl
    >>> from boxloss import lab, plot
    >>> plane = lab.landscape(bl.giou, (0, 0, 1, 1), pred_size=(1, 1), extent=3, resolution=60)
    >>> figure = plot.landscape(plane, unit="sides of the target")
    >>> figure.axes[0].get_xlabel()
    'centre x of pred (sides of the target)'
    """
    several = as_sequence(results, Landscape)
    figure, axes = panels(len(several), width=5.2, height=4.9)
    for plane, panel in zip(several, axes, strict=True):
        filled = contours(panel, plane, unit)
        colour_bar(figure, filled, panel, loss_label(plane.loss, unit))
        arrows(panel, plane)
        target(panel, plane)
        panel.set_title(title(plane))
    legend_below(figure, axes)
    return figure


def contours(panel: Axes, plane: Landscape, unit: str) -> ContourSet:
    """Fill a panel with the loss, and bound the overlap with a dotted line."""
    levels = MaxNLocator(LEVELS).tick_values(min(0.0, float(plane.value.min())), float(plane.value.max()))
    filled = panel.contourf(plane.x, plane.y, plane.value, levels=levels, cmap=COLOUR_MAP)
    overlap = np.where(plane.iou > 0.0, 1.0, 0.0)
    if 0.0 < overlap.mean() < 1.0:
        panel.contour(plane.x, plane.y, overlap, levels=[0.5], colors="black", linestyles=":", linewidths=1.5)
        panel.plot([], [], color="black", linestyle=":", linewidth=1.5, label="edge of the overlap")
    frame(panel, plane, unit)
    return filled


def frame(panel: Axes, plane: Landscape, unit: str) -> None:
    """Set limits, labels and, of lengths, one scale for both axes."""
    (left, right), (bottom, top) = plane.extent
    panel.set(xlim=(left, right), ylim=(bottom, top), aspect="auto" if "a" in plane.vary else "equal")
    x, y = (label(name, unit) for name in plane.vary)
    panel.set(xlabel=x, ylabel=y)


def label(name: str, unit: str, separator: str = " ") -> str:
    """Name a parameter and its unit."""
    return f"{NAMES[name]}{separator}({'radians' if name == 'a' else unit})"


def arrows(panel: Axes, plane: Landscape) -> None:
    """Draw arrows of one length down the gradient, and rings where it is zero."""
    rows, columns = (middle_of_each(len(axis)) for axis in (plane.y, plane.x))
    x, y = np.meshgrid(plane.x[columns], plane.y[rows])
    descent = -plane.grad[np.ix_(rows, columns)]
    slope = np.linalg.norm(descent, axis=-1)
    moving = slope > 0.0
    if moving.any():
        u, v = (descent[moving] / slope[moving][:, None]).T
        panel.quiver(x[moving], y[moving], u, v, **ARROW)
        panel.scatter([], [], label="direction of descent", **ARROW_SIGN)
    if not moving.all():
        panel.scatter(x[~moving], y[~moving], label="gradient is zero", **RING)


def middle_of_each(count: int) -> np.ndarray:
    """Find indices in the middle of `ARROWS` equal parts; all of fewer."""
    parts = min(ARROWS, count)
    return ((np.arange(parts) + 0.5) * count / parts).astype(int)


def target(panel: Axes, plane: Landscape) -> None:
    """Draw the target: a box to scale, or a star at its parameters."""
    if plane.vary == ("x", "y"):
        panel.add_patch(rectangle(plane.target, label="target, to scale", **EDGE))
        return
    x, y = (plane.target[PARAMETERS.index(name)] for name in plane.vary)
    panel.scatter([x], [y], label="target", clip_on=False, **STAR)


def title(plane: Landscape) -> str:
    """Name the loss and what is held fixed."""
    own = zip(PARAMETERS, plane.pred, strict=False)
    held = [f"{name} = {number(value)}" for name, value in own if name not in plane.vary]
    x, y, w, h, *angle = plane.target
    turn = f", angle {number(angle[0])}" if angle else ""
    place = f"target {size(w, h)} at ({number(x)}, {number(y)}){turn}"
    return wrapped(f"{name_of(plane.loss)} loss", f"fixed: pred {', '.join(held)}; {place}")


def wrapped(*lines: str) -> str:
    """Break the lines of a title so that it stays above its panel."""
    return "\n".join(fill(line, WIDTH, break_long_words=False) for line in lines)


def rectangle(box: np.ndarray, **options: Any) -> Rectangle:
    """Draw a box (x, y, w, h), turned by an angle in radians if it has one."""
    x, y, w, h, *angle = box.tolist()
    turn: Style = {"angle": math.degrees(angle[0]), "rotation_point": "center"} if angle else {}
    return Rectangle((x - w / 2, y - h / 2), w, h, **turn, **options)
