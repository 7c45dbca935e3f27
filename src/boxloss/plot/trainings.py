"""What trainings came to: AP against the step, and differences of AP with their intervals."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from boxloss.lab import Difference, Training
from boxloss.lab import differences as compare
from boxloss.lab.training.jobs import Metric
from boxloss.lab.training.regimes import REGIMES
from boxloss.plot.style import COLOURS, FONT_SIZE, as_sequence, legend_below, line_style, panels, styled

NAMES: dict[Metric, str] = {"ap": "AP", "ap50": "AP50", "ap75": "AP75"}
SURE = 0.05  # of an adjusted p
ROW = 0.27  # inches of a row
KINDS = {"IoU family": COLOURS[0], "coordinates, on deltas": COLOURS[2], "coordinates, in pixels": COLOURS[1]}


@styled
def differences(results: Training | Sequence[Training], metric: Metric = "ap") -> Figure:
    """Draw the difference of each loss to the baseline, with its interval: a forest plot.

    Parameters
    ----------
    results : Training or a sequence of them
        What `boxloss.lab.train` returned; each is a panel.
    metric : {"ap", "ap50", "ap75"}
        What is compared.

    Returns
    -------
    matplotlib.figure.Figure
        Save it with `save`.

    Raises
    ------
    ValueError
        If the metric is unknown, or a result has fewer than two trainings of a loss.

    Examples
    --------
    >>> import boxloss as bl
    >>> from boxloss import lab, plot
    >>> (result,) = lab.train([bl.l1, bl.giou], share=0.02, trainings=2, tunings=1)
    >>> figure = plot.differences(result)
    >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
    ['l1 on deltas', 'l1 in pixels']
    """
    several = as_sequence(results, Training)
    found = compare(several, metric)
    rows = max(len(result.contenders) for result in several) - 1
    figure, axes = panels(len(several), width=4.0, height=1.3 + ROW * rows, sharex=True)
    for panel, result in zip(axes, several, strict=True):
        own = [one for one in found if one.regime == result.regime]
        for place, one in enumerate(own):
            _row(panel, place, one)
        base = getattr(result, metric)[result.contenders.index(result.baseline)].mean()
        panel.axvline(0.0, color="#555555", linewidth=1.0, zorder=1)
        panel.set_yticks(range(len(own)), [one.contender.name for one in own])
        panel.set_ylim(len(own) - 0.4, -0.6)
        panel.tick_params(axis="y", length=0)
        panel.tick_params(axis="x", labelbottom=True)
        panel.set_title(f"{REGIMES[result.regime].title}\n{result.baseline.name}: {NAMES[metric]} {base:.3f}")
        panel.grid(visible=True, axis="x")
        panel.set_xlabel(f"{NAMES[metric]} \N{MINUS SIGN} that of {result.baseline.name}")
    shown = [kind for kind in KINDS if any(_kind(one) == kind for one in found)]
    handles = [Line2D([], [], color=KINDS[kind], marker="o", label=kind) for kind in shown]
    hollow = Line2D([], [], color="gray", marker="o", markerfacecolor="white", label="not sure after Holm's correction")
    figure.legend(handles=[*handles, hollow], loc="outside lower center", ncols=2, fontsize=FONT_SIZE - 1.5)
    return figure


def _kind(one: Difference) -> str:
    if not one.contender.of_coordinates:
        return "IoU family"
    return f"coordinates, {'on deltas' if one.contender.of == 'deltas' else 'in pixels'}"


def _row(panel: object, place: int, one: Difference) -> None:
    """Draw a point with its interval: filled if it is sure among all that were compared."""
    colour = KINDS[_kind(one)]
    face = colour if one.adjusted < SURE else "white"
    reach = [[one.mean - one.low], [one.high - one.mean]]
    panel.errorbar(  # type: ignore[attr-defined]
        one.mean, place, xerr=reach, fmt="o", color=colour, markerfacecolor=face, markersize=6, linewidth=1.6, zorder=3
    )


@styled
def training(results: Training | Sequence[Training]) -> Figure:
    """Draw the mean AP against the step, a line a loss.

    Parameters
    ----------
    results : Training or a sequence of them
        What `boxloss.lab.train` returned; each is a panel.

    Returns
    -------
    matplotlib.figure.Figure
        Save it with `save`.

    Examples
    --------
    >>> import boxloss as bl
    >>> from boxloss import lab, plot
    >>> (result,) = lab.train([bl.iou, bl.giou], share=0.02, trainings=2, tunings=1)
    >>> figure = plot.training(result)
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['iou', 'giou']
    """
    several = as_sequence(results, Training)
    names = list(dict.fromkeys(one.name for result in several for one in result.contenders))
    figure, axes = panels(len(several), width=4.0, height=5.4)
    for panel, result in zip(axes, several, strict=True):
        for contender, values in zip(result.contenders, result.curve, strict=True):
            style = line_style(names.index(contender.name)) | {"linewidth": 1.6, "markersize": 3}
            panel.plot(result.steps, values, marker="o", label=contender.name, **style)
        panel.set_xscale("log")
        three_quarters = result.steps[-2:][0] if len(result.steps) > 2 else None  # no room for it beside the last
        panel.set_xticks(result.steps, [f"{step:g}" if step != three_quarters else "" for step in result.steps])
        panel.set_xticks([], minor=True)
        panel.set_xlim(float(np.min(result.steps)) / 1.1, float(np.max(result.steps)) * 1.1)
        panel.set(xlabel="step", ylabel="mean AP")
        panel.set_title(REGIMES[result.regime].title)
        panel.grid(visible=True)
    legend_below(figure, axes)
    return figure
