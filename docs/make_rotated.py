"""Draw and measure what losses make of boxes with an angle, for docs/rotated.md.

python docs/make_rotated.py                                       # the simulation with angles, as a table
python docs/make_rotated.py --out docs/figures/rotated.svg        # losses where the angle alone is wrong
python docs/make_rotated.py maps --out docs/figures/rotated-maps.png
"""

import sys

import numpy as np

import boxloss as bl
from boxloss import lab

OVERLAP = ("iou", "giou", "siou", "mgiou", "l1")
GAUSSIAN = ("gwd", "kld", "bcd", "probiou", "kfiou")
SHAPES = {"3 x 1": (3.0, 1.0), "1 x 1": (1.0, 1.0)}
POINTS, STEPS = 300, [0, 10, 50, 100, 160, 200]
SIMULATED = ("l1", "iou", "giou", "diou", "ciou", "eiou", "siou", *GAUSSIAN)


def row(name: str) -> str:
    """The mean IoU of a simulation, after some steps."""
    (found,) = lab.simulate(bl.get(name), "rotated", points=POINTS)
    return f"{name:14}" + "".join(f"{iou:9.3f}" for iou in found.iou[STEPS])


def table() -> str:
    """The simulation of the DIoU paper with few points, and targets at any angle."""
    head = f"{'mean IoU after':14}" + "".join(f"{step:9}" for step in STEPS)
    return "\n".join([head, *map(row, SIMULATED)])


def draw_angles(path: str) -> None:
    """Losses of two equal boxes at one place, over the angle between them."""
    from boxloss import plot
    from boxloss.plot.style import line_style, panels, styled

    degrees = np.linspace(-90.0, 90.0, 721)

    @styled
    def figure() -> object:
        drawn, axes = panels(4, width=4.6, height=3.4, columns=2)
        for place, (family, names) in enumerate((("overlap", OVERLAP), ("Gaussian", GAUSSIAN))):
            for column, (shape, (w, h)) in enumerate(SHAPES.items()):
                panel = axes[2 * place + column]
                pred = np.stack([0 * degrees, 0 * degrees, w + 0 * degrees, h + 0 * degrees, degrees], axis=-1)
                for index, name in enumerate(names):
                    loss = bl.L1(coordinates="cxcywh") if name == "l1" else bl.get(name)
                    value = loss(pred, pred[360], format="cxcywhd")
                    panel.plot(degrees, value, label=name, **line_style(index))
                panel.set(title=f"{family}, {shape}", xlim=(-90, 90), xticks=(-90, -45, 0, 45, 90), ylim=(0, None))
                panel.set(xlabel="angle between pred and target (degrees)", ylabel="loss")
                panel.grid(visible=True)
                panel.legend(frameon=False, fontsize="small")
        return drawn

    plot.save(figure(), path)


def draw_maps(path: str) -> None:
    """Landscapes over the place along x and the angle."""
    from boxloss import plot

    extent = ((-3.0, 3.0), (-0.5 * np.pi, 0.5 * np.pi))
    planes = [
        lab.landscape(bl.get(name), (0, 0, 3, 1), (2, 1), extent, 160, "xa") for name in ("iou", "giou", "probiou")
    ]
    plot.save(plot.landscape(planes, unit="heights of the target"), path)


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            print(table())
        case ["--out", path]:
            draw_angles(path)
        case ["maps", "--out", path]:
            draw_maps(path)
        case _:
            raise SystemExit("nothing, --out FILE or maps --out FILE is to follow")
