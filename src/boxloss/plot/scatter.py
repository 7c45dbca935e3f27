"""The loss of pairs of boxes against their IoU."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from boxloss.lab import Correlation
from boxloss.plot.style import COLOUR_MAP, COLOURS, as_sequence, colour_bar, loss_label, name_of, number, panels, styled

MANY = 5_000  # pairs, from which on points would hide one another
CELLS = 100  # of the density along each side
WIDTH = 52  # characters of a title


@styled
def correlation(results: Correlation | Sequence[Correlation], *, unit: str = "pixels") -> Figure:
    """Draw the loss of pairs against their IoU.

    Up to 5000 pairs are points. More are a density, the number of pairs in each of 100 x 100 cells in logarithmic
    colours; it reaches up to the 99.5th percentile of the loss.

    Parameters
    ----------
    results : Correlation or sequence of Correlation
        What `boxloss.lab.correlate` returned; each has a panel.
    unit : str
        The unit of the boxes, for the axis of a coordinate loss.

    Returns
    -------
    matplotlib.figure.Figure
        Save it with `save`.

    Examples
    --------
    >>> import boxloss as bl
    >>> from boxloss import lab, plot
    >>> figure = plot.correlation([lab.correlate(loss, "mixed", count=20_000) for loss in (bl.l1, bl.ciou)])
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    ('IoU', 'L1 loss (boxes in pixels)')
    """
    several = as_sequence(results, Correlation)
    figure, axes = panels(len(several), width=5.0, height=4.6)
    for result, panel in zip(several, axes, strict=True):
        if len(result.iou) > MANY:
            density(figure, panel, result)
        else:
            panel.scatter(result.iou, result.value, s=9, color=COLOURS[0], alpha=0.5, linewidth=0)
        panel.set(xlabel="IoU", ylabel=loss_label(result.loss, unit), xlim=(0, 1))
        panel.set_ylim(bottom=min(0.0, float(result.value.min())))
        panel.set_title(title(result), parse_math=False)  # of a file name with two $
    return figure


def density(figure: Figure, panel: Axes, result: Correlation) -> None:
    """Colour cells by the number of pairs in them."""
    low, high = min(0.0, float(result.value.min())), float(np.percentile(result.value, 99.5))
    reach = ((0.0, 1.0), (low, high if high > low else low + 1.0))
    *_, image = panel.hist2d(
        result.iou, result.value, bins=CELLS, range=reach, norm=LogNorm(), cmap=COLOUR_MAP, rasterized=True
    )
    colour_bar(figure, image, panel, "pairs in a cell")


def title(result: Correlation) -> str:
    """Name the loss, its rank correlation, and the pairs."""
    rho = number(round(result.all.spearman, 4))
    return f"{name_of(result.loss)} loss: Spearman's rho {rho}\n" + fill(f"fixed: {result.pairs.name}", WIDTH)
