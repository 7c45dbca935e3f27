"""Lines against steps."""

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup, escape
from matplotlib.ticker import MaxNLocator

from boxloss.cli.report.drawing import drawing, line, number, text

WIDTH, HEIGHT = 340, 230
LEFT, RIGHT, TOP, BOTTOM = 38, 12, 12, 42
COLOURS, DASHES = 7, 5  # of the style sheet


def curves(
    curves: Sequence[np.ndarray],
    alt: str,
    *,
    top: float,
    styles: Sequence[int] | None = None,
    published: Mapping[int, Mapping[int, float]] | None = None,
) -> Markup:
    """Draw lines from 0 to `top` against the number of the step, with dots at published values.

    `styles` are the numbers of the lines' colours and dashes, their own numbers by default.
    """
    ticks = [tick for tick in MaxNLocator(4).tick_values(0.0, top) if 0.0 <= tick <= top]
    steps = len(curves[0]) - 1

    def place(step: np.ndarray | float, value: np.ndarray | float) -> np.ndarray:
        x = LEFT + (WIDTH - LEFT - RIGHT) * np.asarray(step, dtype=float) / max(steps, 1)
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * np.asarray(value, dtype=float) / top
        return np.stack([x, y], axis=-1)

    pieces = []
    for tick in ticks:
        (left, y), (right, _) = place(0, tick), place(steps, tick)
        pieces.append(f'<path class="grid" d="M{number(left)} {number(y)}H{number(right)}"/>')
        pieces.append(text(left - 7, y + 5, f"{tick:g}", anchor="end"))
    for step in np.linspace(0, steps, 5):
        x, y = place(step, 0.0)
        pieces.append(text(x, y + 19, f"{step:g}"))
    pieces.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, "step"))
    for index, curve in zip(styles or range(len(curves)), curves, strict=False):
        pieces.append(line(place(np.arange(len(curve)), curve), f"curve {style(index)}"))
        for step, value in (published or {}).get(index, {}).items():
            x, y = place(step, value)
            pieces.append(f'<circle class="{style(index)}" cx="{number(x)}" cy="{number(y)}" r="3.5"/>')
    return drawing(pieces, alt, WIDTH, HEIGHT, "chart")


def style(index: int) -> str:
    """Name the classes of a line: no two of the first 35 share both."""
    return f"c{index % COLOURS} d{index % DASHES}"


def legend(names: Sequence[str]) -> Markup:
    """Say what the lines are, once for all charts of a section."""
    entries = [
        f'<span><svg class="key" viewBox="0 0 34 10" aria-hidden="true"><path class="curve {style(index)}" '
        f'd="M1 5H33"/></svg>{escape(name)}</span>'
        for index, name in enumerate(names)
    ]
    return Markup(f'<p class="legend">{"".join(entries)}</p>')
