"""Measure and draw what modifiers make of CIoU, for docs/modifiers.md.

python docs/make_modifiers.py                                      # a small simulation, as a table
python docs/make_modifiers.py --out docs/figures/modifiers.svg     # slopes
python docs/make_modifiers.py maps --out docs/figures/modifiers-maps.png
"""

import sys
from collections.abc import Callable

import numpy as np

import boxloss as bl
from boxloss import lab

MEAN = 0.5  # of Wise
POINTS, STEPS = 300, [0, 10, 50, 100, 160, 200]
MODIFIERS: dict[str, Callable[[bl.Loss], bl.Loss]] = {
    "as it is": lambda loss: loss,
    "Inner, 0.7": lambda loss: bl.Inner(loss, ratio=0.7),
    "Inner, 1.25": lambda loss: bl.Inner(loss, ratio=1.25),
    "Focaler": lambda loss: bl.Focaler(loss),
    "Alpha": lambda loss: bl.Alpha(loss),
    "Focal": lambda loss: bl.Focal(loss),
    "Wise, mean 0.5": lambda loss: bl.Wise(loss, mean=MEAN),
    "Scaled, 2": lambda loss: bl.Scaled(loss, 2.0),
    "+ Interpolated, 0.98": lambda loss: loss + bl.Interpolated(loss, 0.98),
}


def row(name: str) -> str:
    """The mean IoU of a simulation, after some steps."""
    (found,) = lab.simulate(MODIFIERS[name](bl.ciou), points=POINTS)
    return f"{name:20}" + "".join(f"{iou:9.3f}" for iou in found.iou[STEPS])


def table() -> str:
    """The simulation of the DIoU paper with few points, on CIoU under each modifier."""
    head = f"{'mean IoU after':20}" + "".join(f"{step:9}" for step in STEPS)
    return "\n".join([head, *map(row, MODIFIERS)])


def slide() -> tuple[np.ndarray, np.ndarray]:
    """Unit squares that slide away from a unit square along x, and how far each is."""
    shift = np.linspace(0.0025, 2.5, 1000)
    return np.stack([shift, 0 * shift, 1 + 0 * shift, 1 + 0 * shift], axis=-1), shift


def draw_slopes(path: str) -> None:
    """The slope along the slide: of the IoU term against the IoU, and of CIoU against the distance."""
    from boxloss import plot
    from boxloss.plot.style import line_style, panels, styled

    target, box = np.asarray([0.0, 0.0, 1.0, 1.0]), {"format": "cxcywh", "engine": "array"}
    pred, shift = slide()
    iou = bl.iou_score(pred, target, **box)

    @styled
    def figure() -> object:
        drawn, (of_iou, of_ciou) = panels(2, width=6.0, height=4.4)
        for index, (name, modify) in enumerate(MODIFIERS.items()):
            line = {"label": name, **line_style(index)}
            of_iou.plot(iou, modify(bl.iou).value_and_grad(pred, target, **box)[1][:, 0], **line)
            of_ciou.plot(shift, modify(bl.ciou).value_and_grad(pred, target, **box)[1][:, 0], **line)
        of_iou.set(xlabel="IoU", ylabel="d loss / d cx", title="IoU", xlim=(0, 1), ylim=(0, 6))
        of_ciou.set(xlabel="distance in sides", title="CIoU", xlim=(0, 2.5), ylim=(0, 3))
        for panel in (of_iou, of_ciou):
            panel.grid(visible=True)
        of_ciou.legend(frameon=False)
        return drawn

    plot.save(figure(), path)


def draw_maps(path: str) -> None:
    """The norm of the gradient with respect to the centre, over places of a unit square around another."""
    from matplotlib.colors import LogNorm

    from boxloss import plot
    from boxloss.plot.style import COLOUR_MAP, colour_bar, panels, styled

    @styled
    def figure() -> object:
        drawn, axes = panels(len(MODIFIERS), width=3.1, height=3.0, columns=3, sharex=True, sharey=True)
        for (name, modify), panel in zip(MODIFIERS.items(), axes, strict=True):
            plane = lab.landscape(modify(bl.ciou), (0, 0, 1, 1), (1, 1), extent=2, resolution=80)
            slope = np.hypot(*np.moveaxis(plane.grad, -1, 0))
            shown = panel.imshow(
                np.where(slope > 0.0, slope, np.nan),
                norm=LogNorm(0.01, 3.0, clip=True),
                cmap=COLOUR_MAP,
                extent=(-2, 2, -2, 2),
                origin="lower",
            )
            panel.set_facecolor("lightgray")
            panel.set(title=name, xticks=(-2, 0, 2), yticks=(-2, 0, 2))
        colour_bar(drawn, shown, axes, "slope by the centre")
        return drawn

    plot.save(figure(), path)


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            print(table())
        case ["--out", path]:
            draw_slopes(path)
        case ["maps", "--out", path]:
            draw_maps(path)
        case _:
            raise SystemExit("nothing, --out FILE or maps --out FILE is to follow")
