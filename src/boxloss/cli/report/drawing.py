"""Pieces of SVG, in colours that the page sets for light and for dark."""

from collections.abc import Iterable, Sequence

import numpy as np
from markupsafe import Markup, escape

SIDE = 300  # of a tile, in its own units


def drawing(
    content: Iterable[str], alt: str, width: float = SIDE, height: float = SIDE, kind: str = "tile", margin: float = 0.0
) -> Markup:
    """Put pieces into a drawing with an alternative text."""
    window = f"{-margin:g} {-margin:g} {width + 2 * margin:g} {height + 2 * margin:g}"
    return Markup(  # of pieces made here, the text escaped
        f'<svg class="{kind}" viewBox="{window}" role="img" aria-label="{escape(alt)}">{"".join(content)}</svg>'
    )


def number(value: float) -> str:
    """Write a coordinate, no longer than can be seen."""
    written = f"{value:.1f}".removesuffix(".0")
    return "0" if written == "-0" else written


def path(points: np.ndarray) -> str:
    """Write a line through points, without those that lie on the one before."""
    seen: list[np.ndarray] = []
    for point in points:
        if not seen or np.abs(point - seen[-1]).max() >= 0.7:
            seen.append(point)
    pairs = [f"{number(x)} {number(y)}" for x, y in seen]
    return f"M{pairs[0]}L{' '.join(pairs[1:])}" if len(pairs) > 1 else f"M{pairs[0]}h0"


def image(address: str, x: float, y: float, width: float, height: float, kind: str = "") -> str:
    """Draw a picture in a rectangle."""
    named = f' class="{kind}"' if kind else ""
    return (
        f'<image{named} href="{address}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
        'preserveAspectRatio="none"/>'
    )


def rectangle(corner: Sequence[float], width: float, height: float, kind: str) -> str:
    """Draw a rectangle of a class."""
    x, y, w, h = map(number, (*corner, width, height))
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{w}" height="{h}"/>'


def line(points: np.ndarray, kind: str) -> str:
    """Draw a line of a class."""
    return f'<path class="{kind}" d="{path(points)}"/>'


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "middle") -> str:
    """Write a text of a class."""
    return f'<text class="{kind}" x="{number(x)}" y="{number(y)}" text-anchor="{anchor}">{escape(words)}</text>'
