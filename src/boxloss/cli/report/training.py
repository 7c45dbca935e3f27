"""The section on trainings, whose results ship with the package."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape
from matplotlib.ticker import MaxNLocator

from boxloss.cli.report.drawing import drawing, number, text
from boxloss.cli.report.measure import Measured
from boxloss.cli.report.page import Part, Section
from boxloss.cli.trained import SURE
from boxloss.cli.training_story import story
from boxloss.lab import Difference, Training, differences
from boxloss.lab.training.regimes import REGIMES

WIDTH = 350
LEFT, RIGHT, TOP, BOTTOM = 158, 6, 4, 44
INTERVAL, GAP = 5.2, 4.0  # heights of an interval, and of what is between those of two losses


def training(measured: Measured) -> Section:
    """Make the section: the result, its limits, and a forest plot.

    It is the same whatever was measured: the trainings take an hour, and are those that are published.
    """
    told, of_detector = story(), story("detector")
    shown = Markup('<figure class="result">{}{}</figure>').format(legend(told.results), forest(told.results, told.alt))
    text = [told.sentence, f"{told.limits} Trained once and published with boxloss, not for this page."]
    star = f"* sure at p < {SURE:g} after Holm's correction for all differences of a column"
    parts = [
        Part(star, told.table),
        Part(f"{of_detector.title} {of_detector.sentence} {of_detector.limits}", of_detector.table),
    ]
    commands = [told.command, of_detector.command]
    return Section("training", told.title, text, html=shown, parts=parts, commands=commands)


def forest(results: Sequence[Training], alt: str) -> Markup:
    """Draw differences of AP to the baseline, a row a loss and an interval a regime, filled if it is sure."""
    compared = differences(results)
    regimes = [result.regime for result in results]
    rows: dict[str, list[Difference]] = {}
    for one in compared:
        rows.setdefault(one.contender.name, []).append(one)
    row = INTERVAL * len(regimes) + GAP
    bottom = TOP + row * len(rows)
    ends = min(one.low for one in compared), max(one.high for one in compared)
    ticks = [tick for tick in MaxNLocator(3).tick_values(*ends) if ends[0] <= tick <= ends[1]]

    def place(value: float) -> float:
        return float(np.interp(value, ends, [LEFT, WIDTH - RIGHT]))

    pieces = []
    for tick in ticks:
        kind = "grid zero" if abs(tick) < 1e-9 else "grid"
        pieces.append(f'<path class="{kind}" d="M{number(place(tick))} {TOP}V{number(bottom)}"/>')
        label = "0" if kind != "grid" else f"{tick:+.2f}".replace("-", "\N{MINUS SIGN}")
        pieces.append(text(place(tick), bottom + 18, label))
    for index, (name, several) in enumerate(rows.items()):
        top = TOP + row * index
        pieces.append(text(LEFT - 10, top + row / 2 + 5, name, "name", "end"))
        for one in several:
            y = top + GAP / 2 + INTERVAL * (regimes.index(one.regime) + 0.5)
            colour = f"c{regimes.index(one.regime)}"
            line = f"M{number(place(one.low))} {number(y)}H{number(place(one.high))}"
            pieces.append(f'<path class="spread {colour}" d="{line}"/>')
            pieces.append(dot(place(one.mean), y, f"{colour} sure" if one.adjusted < SURE else colour))
    pieces.append(text((LEFT + WIDTH - RIGHT) / 2, bottom + 38, f"AP less that of {results[0].baseline.name}"))
    return drawing(pieces, alt, WIDTH, bottom + BOTTOM, "chart")


def dot(x: float, y: float, kind: str) -> str:
    """Draw a mean, of a class."""
    return f'<circle class="{kind}" cx="{number(x)}" cy="{number(y)}" r="2.6"/>'


def legend(results: Sequence[Training]) -> Markup:
    """Say what the colours are, and what is filled."""
    entries = [(REGIMES[result.regime].title, f"c{index} sure") for index, result in enumerate(results)]
    entries.append(("not sure", "unsure"))
    mark = '<svg class="mark" viewBox="0 0 8 8" aria-hidden="true">{}</svg>'
    keys = [f"<span>{mark.format(dot(4, 4, kind))}{escape(title)}</span>" for title, kind in entries]
    return Markup(f'<figcaption class="legend">{"".join(keys)}</figcaption>')  # of pieces made here, the text escaped
