"""What a simulation came to, by where the anchors started."""

from collections.abc import Sequence
from textwrap import fill
from typing import Literal

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from boxloss.lab import Simulation
from boxloss.plot.contours import EDGE
from boxloss.plot.steps import conditions, error_of
from boxloss.plot.style import COLOUR_MAP, as_sequence, colour_bar, legend_below, name_of, panels, styled

WIDTH = 56  # characters of a title
COLOURED = 1e-3, 10.0  # errors: what the last learning rate leaves, and more than anchors start with


@styled
def final_map(
    results: Simulation | Sequence[Simulation],
    quantity: Literal["error", "iou"] = "error",
    *,
    unit: str = "sides of a square target",
) -> Figure:
    """Draw the final error or IoU by the place where anchors started.

    Each point is the mean over the cases of one anchor centre. The places are relative to the target and in units of
    the side of a square target, which is drawn to scale. The colours are the same in all figures; those of the error
    are logarithmic, from 0.001 to 10.

    Parameters
    ----------
    results : Simulation or sequence of Simulation
        What `boxloss.lab.simulate` returned; each has a panel.
    quantity : {"error", "iou"}
        Which quantity.
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
    >>> figure = plot.final_map(lab.simulate([bl.iou, bl.giou], points=50))
    >>> print(figure.axes[0].get_title().splitlines()[0])
    IoU loss
    """
    several = as_sequence(results, Simulation)
    norm = LogNorm(*COLOURED, clip=True) if quantity == "error" else Normalize(0, 1)
    label = f"final mean {error_of(several)}" if quantity == "error" else "final mean IoU"
    figure, axes = panels(len(several), width=5.2, height=5.0)
    for result, panel in zip(several, axes, strict=True):
        place = (result.points - np.asarray(result.center)) / result.scale[:, None]
        size = 30 * np.sqrt(1000 / len(place))
        dots = panel.scatter(*place.T, c=final(result, quantity), norm=norm, cmap=COLOUR_MAP, s=size, linewidth=0)
        colour_bar(figure, dots, panel, label)
        panel.add_patch(Rectangle((-0.5, -0.5), 1, 1, label="square target, to scale", **EDGE))
        panel.set(xlabel=f"x of the anchor's centre ({unit})", ylabel=f"y ({unit})", aspect="equal")
        held = fill(f"fixed: {', '.join(conditions(result))}", WIDTH)
        panel.set_title(f"{name_of(result.loss)} loss\n{held}")
    legend_below(figure, axes)
    return figure


def final(result: Simulation, quantity: str) -> np.ndarray:
    """Compute the mean over the cases of each point."""
    return result.final_error / (result.cases / len(result.points)) if quantity == "error" else result.final_iou
