"""Paths of descending boxes over the landscape of their loss."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from boxloss.lab import Descent, Landscape
from boxloss.lab.landscapes import PARAMETERS
from boxloss.plot.contours import contours, target, wrapped
from boxloss.plot.style import as_sequence, colour_bar, legend_below, loss_label, name_of, number, panels, styled

MOST = 40  # paths in one panel


@styled
def descent(
    results: Descent | Sequence[Descent],
    landscapes: Landscape | Sequence[Landscape],
    *,
    unit: str = "units of the boxes",
) -> Figure:
    """Draw the paths of boxes over the landscape of their loss.

    Parameters
    ----------
    results : Descent or sequence of Descent
        What `boxloss.lab.descend` returned with ``record="path"``; each has a panel. Of many boxes, 40 are drawn,
        evenly spaced among them.
    landscapes : Landscape or sequence of Landscape
        The plane below the paths of each.
    unit : str
        The unit of the boxes, for the axes.

    Returns
    -------
    matplotlib.figure.Figure
        Save it with `save`.

    Raises
    ------
    ValueError
        If a descent has no path, or if there are not as many landscapes as descents.

    Examples
    --------
    >>> import boxloss as bl
    >>> from boxloss import lab, plot
    >>> target = (0, 0, 1, 1)
    >>> ball = lab.descend(bl.diou, (2, 1, 1, 1), target, lr=0.1, steps=60, parametrisation="xy")
    >>> plane = lab.landscape(bl.diou, target, pred_size=(1, 1), extent=3, resolution=60)
    >>> figure = plot.descent(ball, plane)
    >>> print(figure.axes[0].get_title())
    DIoU loss
    fixed: sgd on xy, learning rate 0.1, 60 steps
    """
    several, planes = as_sequence(results, Descent), as_sequence(landscapes, Landscape, name="landscapes")
    if len(several) != len(planes):
        raise ValueError(f"landscapes must be one for each of {len(several)} descents; got {len(planes)}")
    figure, axes = panels(len(several), width=5.2, height=4.9)
    for ball, plane, panel in zip(several, planes, axes, strict=True):
        colour_bar(figure, contours(panel, plane, unit), panel, loss_label(plane.loss, unit))
        target(panel, plane)
        path = paths(ball)[0][..., [PARAMETERS.index(name) for name in plane.vary]]
        dark = [withStroke(linewidth=3, foreground="black")]
        panel.plot(path[..., 0], path[..., 1], color="white", linewidth=1.5, path_effects=dark, zorder=5)
        panel.scatter(*path[0].T, color="white", edgecolor="black", s=42, zorder=6, label="start")
        panel.scatter(*path[-1].T, color="black", edgecolor="white", marker="X", s=60, zorder=7, label="end")
        panel.set_title(title(ball))
    legend_below(figure, axes)
    return figure


def paths(ball: Descent) -> tuple[np.ndarray, np.ndarray]:
    """Take paths of `MOST` boxes at the most, shape (records, boxes, 4) or with angles (..., 5), and their targets."""
    if ball.path is None:
        raise ValueError(f"results must have paths, of record='path'; got a descent on {name_of(ball.loss)} without")
    size = ball.path.shape[-1]
    path = ball.path.reshape(len(ball.path), -1, size)
    targets = np.broadcast_to(ball.target, ball.path.shape[1:]).reshape(-1, size)
    chosen = np.linspace(0, len(targets) - 1, min(MOST, len(targets))).astype(int)
    return path[:, chosen], targets[chosen]


def title(ball: Descent) -> str:
    """Name the loss and how it was descended on."""
    return wrapped(f"{name_of(ball.loss)} loss", f"fixed: {', '.join(method(ball))}")


def method(ball: Descent) -> list[str]:
    """Say how boxes moved in phrases."""
    first, last = (number(ball.lr[step]) for step in (0, -1))
    rate = first if first == last else f"{first} to {last}"
    angles = [f"angle of {name} {span(boxes[..., 4])}" for name, boxes in _with_angle(ball).items()]
    return [f"{ball.optimizer} on {ball.parametrisation}", f"learning rate {rate}", f"{len(ball.lr)} steps", *angles]


def _with_angle(ball: Descent) -> dict[str, np.ndarray]:
    ends = {"target": ball.target, "start": ball.start}
    return ends if ball.start.shape[-1] == 5 and ball.start.size else {}


def span(values: np.ndarray) -> str:
    """Write the number that all are, or the lowest and the highest."""
    low, high = number(float(np.min(values))), number(float(np.max(values)))
    return low if low == high else f"{low} to {high}"
