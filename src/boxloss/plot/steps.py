"""A quantity against the number of steps, a line a loss."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Literal

import numpy as np
from matplotlib.figure import Figure

from boxloss.lab import Descent, Simulation
from boxloss.plot.paths import method
from boxloss.plot.style import Style, as_sequence, line_style, name_of, panels, styled

Quantity = Literal["error", "iou", "value"]
DOT: Style = {"edgecolor": "white", "s": 36, "zorder": 3, "clip_on": False}
WIDTH = 64  # characters of a title


@styled
def curves(
    results: Descent | Simulation | Sequence[Descent | Simulation],
    quantity: Quantity = "error",
    *,
    unit: str = "units of the boxes",
    published: Mapping[str, Mapping[int, float]] | None = None,
) -> Figure:
    """Draw the error, the IoU or the loss against the step.

    Parameters
    ----------
    results : Descent or Simulation, or a sequence of either
        What `boxloss.lab.descend` returned with curves, or `boxloss.lab.simulate`; each is a line.
    quantity : {"error", "iou", "value"}
        Which of their curves; a simulation has no value.
    unit : str
        The unit of the boxes, for the axis of the error.
    published : mapping, optional
        For names of losses, as ``"GIoU"``, a published value at each of some steps: points beside the lines.

    Returns
    -------
    matplotlib.figure.Figure
        Save it with `save`.

    Raises
    ------
    ValueError
        If a result has no such curve.

    Examples
    --------
    >>> import boxloss as bl
    >>> from boxloss import lab, plot
    >>> balls = [lab.descend(loss, (2, 1, 1, 1), (0, 0, 1, 1), steps=60) for loss in (bl.iou, bl.giou)]
    >>> figure = plot.curves(balls, "iou")
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['IoU', 'GIoU']
    """
    several = as_sequence(results, Descent, Simulation)
    described = [conditions(result) for result in several]
    shared = [phrase for phrase in described[0] if all(phrase in phrases for phrases in described)]
    figure, (panel,) = panels(1, width=6.2, height=4.6)
    for index, (result, phrases) in enumerate(zip(several, described, strict=True)):
        values: np.ndarray | None = getattr(result, quantity, None)
        if values is None:
            raise ValueError(f"results must have a curve of the {quantity}; that of {name_of(result.loss)} has none")
        label = ", ".join([name_of(result.loss), *(phrase for phrase in phrases if phrase not in shared)])
        style = line_style(index)
        panel.plot(np.arange(len(values)), values, label=label, **style)
        if points := (published or {}).get(name_of(result.loss)):
            panel.scatter(list(points), list(points.values()), color=style["color"], **DOT)
    if published:
        panel.scatter([], [], color="gray", s=36, label="published")
    panel.set(xlabel="step", xlim=(0, panel.dataLim.xmax))
    panel.set_ylim(bottom=0)
    panel.set_ylabel(LABELS[quantity].format(error=error_of(several), unit=unit))
    panel.set_title(fill(f"fixed: {', '.join(shared)}", WIDTH))
    panel.grid(visible=True)
    panel.legend(frameon=False)
    return figure


LABELS = {"error": "mean {error}\n({unit})", "iou": "mean IoU", "value": "mean loss"}


def error_of(results: Sequence[Descent | Simulation]) -> str:
    """Write the error as a sum; boxes with an angle have a fifth term."""
    has_angle = any(
        result.protocol == "rotated" if isinstance(result, Simulation) else result.start.shape[-1] == 5
        for result in results
    )
    return "|dx| + |dy| + |dw| + |dh|" + " + |da|" * has_angle


def conditions(result: Descent | Simulation) -> list[str]:
    """Say what was done in phrases."""
    if isinstance(result, Simulation):
        return [
            f"protocol {result.protocol}",
            f"{result.cases:,} cases",
            f"{result.gradient} gradient",
            f"{result.sizes} target sizes",
            f"{result.coordinates} coordinates",
        ]
    boxes = result.start.size // result.start.shape[-1]
    return [f"{boxes} box{'es' * (boxes > 1)}", *method(result)]
