"""The look that all figures share."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from boxloss.losses.loss import Loss, WeightedSum
from boxloss.losses.overlap import OverlapLoss

P = ParamSpec("P")
T = TypeVar("T")
Style = dict[str, Any]  # keywords of an artist

COLOUR_MAP = "viridis"  # even in lightness, so it reads without colour and with any kind of colour blindness
# Okabe and Ito's colours for all kinds of colour vision, but for the yellow, which is too pale for a line.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES: tuple[Any, ...] = ("-", "--", "-.", (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5, 1, 1.5)))
TARGET = "#D55E00"
FONT_SIZE = 11

STYLE: Any = {
    "font.family": "DejaVu Sans",  # ships with Matplotlib: figures are the same everywhere
    "font.size": FONT_SIZE,
    "axes.titlesize": FONT_SIZE,
    "axes.labelsize": FONT_SIZE,
    "legend.fontsize": FONT_SIZE - 1.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "lines.linewidth": 2.0,
    "savefig.dpi": 160,
    "svg.hashsalt": "boxloss",  # the same figure gives the same file
}


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Run a function under the style of this package, whatever the user's own is."""

    @wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        with matplotlib.rc_context(STYLE):
            return draw(*args, **kwargs)

    return wrapper


def line_style(index: int) -> Style:
    """Choose colour and dashes of the line of a number: no two of the first 35 lines share both."""
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": DASHES[index % len(DASHES)]}


def name_of(loss: Loss) -> str:
    """Write the name of a loss, with its parameters where they are not the defaults."""
    kind = type(loss)
    try:
        plain = loss == kind()
    except TypeError:  # a sum of losses has no defaults
        plain = False
    return kind.__name__ if plain else str(loss)


def loss_label(loss: Loss, unit: str) -> str:
    """Write the label of an axis of a loss; one that depends on the scale of the boxes says what they are in."""
    return f"{name_of(loss)} loss" + (f" (boxes in {unit})" if _depends_on_scale(loss) else "")


def _depends_on_scale(loss: Loss) -> bool:
    """Say whether a loss, or a term of a sum, is of coordinates."""
    if isinstance(loss, WeightedSum):
        return any(_depends_on_scale(term) for _, term in loss.terms)
    return not isinstance(loss, OverlapLoss)


def as_sequence(results: Any, *kinds: type, name: str = "results") -> Sequence[Any]:
    """Take one result, or several, as several; each of one of the kinds that a figure draws."""
    several = list(results) if isinstance(results, Sequence) else [results]
    if not several:
        raise ValueError(f"{name} must hold at least one result; got none")
    for result in several:
        if not isinstance(result, kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise TypeError(f"{name} must be of {wanted}, one or several; got {type(result).__name__}")
    return several


def panels(
    count: int, width: float = 4.8, height: float = 4.6, columns: int = 3, projection: str | None = None, **shared: Any
) -> tuple[Figure, list[Any]]:
    """Make a figure with panels in rows; `width` and `height` are those of one panel in inches."""
    columns = min(count, 2 if count == 4 else columns)
    rows = -(-count // columns)
    layout = ConstrainedLayoutEngine(compress=True, w_pad=0.1, h_pad=0.1)
    figure = Figure(figsize=(width * columns, height * rows), layout=layout)
    grid = figure.subplots(rows, columns, squeeze=False, subplot_kw={"projection": projection}, **shared).ravel()
    for spare in grid[count:]:
        spare.remove()
    axes = list(grid[:count])
    for panel in axes:
        panel.tick_params(labelsize=FONT_SIZE - 1)
    return figure, axes


def colour_bar(figure: Figure, mappable: ScalarMappable, axes: Axes, label: str) -> None:
    """Draw a colour bar with its label."""
    bar = figure.colorbar(mappable, ax=axes, shrink=0.85, pad=0.02)
    bar.set_label(label)
    bar.ax.tick_params(labelsize=FONT_SIZE - 1)


def legend_below(figure: Figure, axes: Sequence[Axes]) -> None:
    """Draw one legend for all panels, each label once."""
    entries: dict[str, Any] = {}
    for panel in axes:
        handles, labels = panel.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    if entries:
        figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=2)


def number(value: float) -> str:
    """Write a number for a title."""
    return f"{value:.4g}".replace("-", "\N{MINUS SIGN}")


def size(width: float, height: float) -> str:
    """Write a width and a height for a title."""
    return f"{number(width)} x {number(height)}"
