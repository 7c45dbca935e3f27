"""A loss over a plane of predictions as a surface."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from boxloss.lab import Landscape
from boxloss.lab.landscapes import PARAMETERS
from boxloss.plot.contours import label, title
from boxloss.plot.style import COLOUR_MAP, TARGET, as_sequence, legend_below, name_of, panels, styled

MESH = 80  # facets along each side at the most


@styled
def surface(results: Landscape | Sequence[Landscape], *, unit: str = "units of the boxes") -> Figure:
    """Draw the loss over the plane as a surface in three dimensions.

    The target is drawn on the floor: as a box to scale where the plane is one of positions, and as a star where it is
    not.

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
    >>> plane = lab.landscape(bl.iou, (0, 0, 1, 1), pred_size=(1, 1), extent=3, resolution=60)
    >>> figure = plot.surface(plane)
    >>> figure.axes[0].get_zlabel()
    'IoU loss'
    """
    several = as_sequence(results, Landscape)
    figure, axes = panels(len(several), width=5.2, height=4.8, projection="3d")
    for plane, panel in zip(several, axes, strict=True):
        rows, columns = (np.linspace(0, len(a) - 1, min(MESH, len(a))).astype(int) for a in (plane.y, plane.x))
        x, y = np.meshgrid(plane.x[columns], plane.y[rows])
        value = plane.value[np.ix_(rows, columns)]
        panel.plot_surface(x, y, value, cmap=COLOUR_MAP, rcount=MESH, ccount=MESH, linewidth=0, antialiased=False)
        floor = float(plane.value.min())
        if plane.vary == ("x", "y"):
            panel.plot(*corners(plane.target), floor, color=TARGET, label="target, to scale", zorder=10)
        else:
            tx, ty = (plane.target[PARAMETERS.index(name)] for name in plane.vary)
            panel.scatter([tx], [ty], [floor], color=TARGET, marker="*", s=160, label="target", zorder=10)
        panel.set_xlabel(label(plane.vary[0], unit, "\n"), labelpad=12)
        panel.set_ylabel(label(plane.vary[1], unit, "\n"), labelpad=12)
        panel.set_zlabel(f"{name_of(plane.loss)} loss", labelpad=8)
        panel.locator_params(nbins=5)
        panel.view_init(elev=32, azim=-58)
        panel.set_box_aspect(None, zoom=0.82)  # else labels are cut off: the layout does not count them in
        panel.set_title(title(plane))
    legend_below(figure, axes)
    return figure


def corners(box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the outline of a box (x, y, w, h), turned by an angle if it has one, closed."""
    x, y, w, h, *angle = box
    along, across = w / 2 * np.asarray([-1, 1, 1, -1, -1]), h / 2 * np.asarray([-1, -1, 1, 1, -1])
    cos, sin = (np.cos(angle[0]), np.sin(angle[0])) if angle else (1.0, 0.0)
    return x + along * cos - across * sin, y + along * sin + across * cos
