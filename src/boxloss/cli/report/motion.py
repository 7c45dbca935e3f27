"""Motion by style sheets alone: it needs no program, and rests at its end for readers who want none."""

import numpy as np

from boxloss.cli.report.drawing import number

FRAMES = 24
MOVING = 80  # per cent of the time; then it rests


def moving(way: np.ndarray, name: str, kind: str) -> str:
    """Draw a ball that runs along a way, at the pace of the steps."""
    return run([f"translate({number(x)}px,{number(y)}px)" for x, y in frames(way)], name, kind, '<circle r="5"/>')


def moving_box(boxes: np.ndarray, name: str, kind: str) -> str:
    """Draw a box that goes through boxes (x, y, w, h), in the units of the drawing."""
    transforms = [
        f"translate({number(x)}px,{number(y)}px) scale({number(w)},{number(h)})" for x, y, w, h in frames(boxes)
    ]
    return run(transforms, name, kind, '<rect x="-0.5" y="-0.5" width="1" height="1"/>')


def frames(way: np.ndarray) -> np.ndarray:
    """Choose some of the steps, evenly spaced, the first and the last among them."""
    shown: np.ndarray = way[np.linspace(0, len(way) - 1, min(FRAMES + 1, len(way))).round().astype(int)]
    return shown


def run(transforms: list[str], name: str, kind: str, content: str) -> str:
    """Draw a group that goes through transforms; one that stays needs no motion."""
    final = f'style="transform:{transforms[-1]}"'
    if len(set(transforms)) == 1:
        return f'<g class="{kind}" {final}>{content}</g>'
    times = np.linspace(0, MOVING, len(transforms))
    steps = [f"{number(time)}%{{transform:{where}}}" for time, where in zip(times, transforms, strict=True)]
    rule = f"<style>@keyframes {name}{{{''.join(steps)}100%{{transform:{transforms[-1]}}}}}</style>"
    return f'{rule}<g class="{kind} moves" style="transform:{transforms[-1]};animation-name:{name}">{content}</g>'
