"""Boxes that move as they descend on a loss."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from boxloss.lab import Descent
from boxloss.losses.iou_score import iou_score
from boxloss.plot.contours import rectangle
from boxloss.plot.paths import paths
from boxloss.plot.style import COLOURS, TARGET, Style, as_sequence, legend_below, name_of, panels, styled

FRAMES = 60
OUTLINE: Style = {"fill": False, "edgecolor": COLOURS[0], "linewidth": 2.0}
INTERVAL = 80  # milliseconds between frames


@styled
def animate(
    results: Descent | Sequence[Descent],
    *,
    unit: str = "units of the boxes",
    frames: int = FRAMES,
    columns: int = 2,
) -> FuncAnimation:
    """Make an animation of boxes on their way to the target.

    Parameters
    ----------
    results : Descent or sequence of Descent
        What `boxloss.lab.descend` returned with ``record="path"``, all with the same recorded steps; each has a panel.
    unit : str
        The unit of the boxes, for the axes.
    frames : int
        The number of pictures, at the most. They are spaced evenly over the recorded steps.
    columns : int
        Panels side by side.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        Write it with `save`, as GIF, or as MP4 where ffmpeg is installed.

    Raises
    ------
    ValueError
        If a descent has no path, or if their recorded steps differ.

    Examples
    --------
    >>> import boxloss as bl
    >>> from boxloss import lab, plot
    >>> ball = lab.descend(bl.diou, (2, 1, 1, 1), (0, 0, 1, 1), lr=0.1, steps=60)
    >>> animation = plot.animate(ball, frames=4)
    >>> page = animation.to_jshtml()  # for a notebook
    """
    several = as_sequence(results, Descent)
    recorded = several[0].recorded
    figure, axes = panels(len(several), width=3.2, height=3.4, columns=columns)
    scenes = [Scene(panel, ball, unit) for panel, ball in zip(axes, several, strict=True)]
    if recorded is None or any(not np.array_equal(ball.recorded, recorded) for ball in several):
        raise ValueError("results must have the same recorded steps")
    (left, bottom), (right, top) = reach(several)
    for panel in axes:
        panel.set(xlim=(left, right), ylim=(bottom, top))
        panel.locator_params(nbins=4)
    legend_below(figure, axes)
    shown = np.unique(np.linspace(0, len(recorded) - 1, min(frames, len(recorded))).astype(int))

    def show(record: int) -> list[Artist]:
        return [artist for scene in scenes for artist in scene.show(record, recorded[record])]

    show(0)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once: again for each frame takes most of the time and would jump
    return FuncAnimation(figure, show, frames=shown.tolist(), interval=INTERVAL, init_func=lambda: show(0))


class Scene:
    """One panel: targets, boxes, and the trails of their centres."""

    def __init__(self, panel: Axes, ball: Descent, unit: str) -> None:
        self.panel, self.name = panel, name_of(ball.loss)
        self.path, targets = paths(ball)
        self.iou = iou_score(self.path, targets, format="cxcywh" if targets.shape[1] == 4 else "cxcywha").mean(axis=-1)
        for index, target in enumerate(np.unique(targets, axis=0)):
            name = None if index else "target"
            panel.add_patch(rectangle(target, facecolor=TARGET, alpha=0.45, label=name))
        self.boxes = [rectangle(np.zeros(len(target)), **OUTLINE) for target in targets]
        for box in self.boxes:
            panel.add_patch(box)
        self.boxes[0].set_label("pred")
        self.trails = [panel.plot([], [], color=COLOURS[0], linewidth=1.0, alpha=0.6)[0] for _ in targets]
        panel.set(xlabel=f"x ({unit})", ylabel=f"y ({unit})", aspect="equal")

    def show(self, record: int, step: int) -> list[Artist]:
        """Move the boxes to where they were after a step."""
        for box, (x, y, w, h, *angle) in zip(self.boxes, self.path[record], strict=True):
            box.set_bounds(x - w / 2, y - h / 2, w, h)
            box.set_angle(math.degrees(angle[0]) if angle else 0.0)
        for trail, centre in zip(self.trails, np.moveaxis(self.path[: record + 1, :, :2], 1, 0), strict=True):
            trail.set_data(*centre.T)
        self.panel.set_title(f"{self.name} loss, step {step}\nmean IoU {self.iou[record]:.2f}")
        return [*self.boxes, *self.trails, self.panel.title]


def reach(several: Sequence[Descent]) -> tuple[np.ndarray, np.ndarray]:
    """Find the lower and the upper corner of what holds all boxes ever, with a margin."""
    boxes = np.concatenate([drawn.reshape(-1, drawn.shape[-1]) for ball in several for drawn in paths(ball)])
    half = boxes[:, 2:4] / 2
    if boxes.shape[1] == 5:
        half = np.repeat(np.hypot(*half.T)[:, None], 2, axis=1)  # of a circle around a box with an angle
    low, high = (boxes[:, :2] - half).min(axis=0), (boxes[:, :2] + half).max(axis=0)
    margin = 0.05 * np.max(high - low)
    return low - margin, high + margin
