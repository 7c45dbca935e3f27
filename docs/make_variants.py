"""Print and draw what circulates under one name, for docs/one-name-several-gradients.md.

python docs/make_variants.py wiou                             # values, gradients and descents of a group
python docs/make_variants.py --out docs/figures/variants.svg  # the descents of all groups
"""

import sys
from collections.abc import Iterator
from functools import partial

import numpy as np
from variants import GROUPS, TARGET, Boxes, Variant

import boxloss as bl

EXAMPLE = np.asarray([0.6, 0.3, 1.4, 0.8])
COUNT = 250
RATES = [0.1] * 160 + [0.01] * 20 + [0.001] * 20  # of the simulation in the DIoU paper
FARTHEST = 1000.0  # where boxes stop that a variant drives away
ARRAY = {"format": "cxcywh", "engine": "array"}
iou_of = partial(bl.iou_score, **ARRAY)
TITLES = {
    "wiou": "WIoU",
    "focal_eiou": "Focal-EIoU",
    "piou2": "PIoU2",
    "focaler_ciou": "Focaler-CIoU",
    "siou": "SIoU",
    "eiou": "EIoU",
    "ciou": "CIoU",
    "darknet_giou": "GIoU of darknet",
    "darknet_diou": "DIoU of darknet",
    "darknet_ciou": "CIoU of darknet",
}


def far_boxes() -> Boxes:
    """Centres within 2 of that of the unit square along each axis, sides from 1/2 to 2; always the same."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.uniform(-2, 2, (COUNT, 2)), 2 ** rng.uniform(-1, 1, (COUNT, 2))], axis=-1)


def near_boxes() -> Boxes:
    """The same, each brought nearer to the unit square in place and shape, by a factor from 1 to 1/100."""
    factor = 10 ** np.random.default_rng(1).uniform(-2, 0, (COUNT, 1))
    place, sides = np.split(far_boxes(), 2, axis=-1)
    return np.concatenate([factor * place, sides**factor], axis=-1)


def cosines(a: Boxes, b: Boxes) -> np.ndarray:
    """The cosine between two gradients of each box, where neither is 0."""
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    both = lengths > 1e-20
    return np.einsum("...k,...k", a, b)[both] / lengths[both]


def descent(variant: Variant, boxes: Boxes) -> Iterator[Boxes]:
    """The boxes at the start, and after each step down the gradient."""
    yield boxes
    for rate in RATES:
        boxes = np.clip(boxes - rate * variant.gradient(boxes), -FARTHEST, FARTHEST)
        yield boxes


def table(group: str) -> str:
    """Values and gradients of one pair, cosines of many, and where descents end."""
    loss, variants = GROUPS[group]
    value, grad = loss.value_and_grad(EXAMPLE, TARGET, **ARRAY)
    lines = [f"pred {tuple(EXAMPLE.tolist())}, target {tuple(TARGET.tolist())}, as (cx, cy, w, h)"]
    lines += [f"{'':15}{'value':>9}{'d/dcx':>10}{'d/dcy':>10}{'d/dw':>10}{'d/dh':>10}"]
    rows = [("boxloss", value, grad)]
    rows += [(one.name, one.value(EXAMPLE, EXAMPLE), one.gradient(EXAMPLE)) for one in variants]
    lines += [f"{name:15}{value:9.4f}" + "".join(f"{d:10.4f}" for d in grad) for name, value, grad in rows]

    starts = far_boxes()
    boxes = np.concatenate([starts, near_boxes()])
    first = variants[0].gradient(boxes)
    lines += ["", f"{'':15}{f'cosine, {2 * COUNT} boxes':>27}{f'{len(RATES)} steps down from {COUNT} boxes':>37}"]
    lines += [f"{'':15}{'lowest':>9}{'5 %':>9}{'below 0':>9}{'mean IoU':>12}{'apart':>10}{'median area':>15}"]
    for one in variants:
        found = cosines(one.gradient(boxes), first)
        *_, final = descent(one, starts)
        iou = iou_of(final, TARGET)
        area = np.median(np.maximum(final[:, 2:], 0.0).prod(axis=-1))
        lines += [
            f"{one.name:15}{found.min():9.2f}{np.quantile(found, 0.05):9.2f}{100 * np.mean(found < 0):7.1f} %"
            f"{iou.mean():12.3f}{100 * np.mean(iou == 0.0):8.1f} %{area:15.2f}"
        ]
    return "\n".join(lines)


def draw(path: str) -> None:
    """The mean IoU after each step, a panel a group."""
    from boxloss import plot
    from boxloss.plot.style import line_style, panels, styled

    @styled
    def figure() -> object:
        drawn, axes = panels(len(GROUPS), width=3.1, height=3.0, columns=5, sharey=True)
        for (group, (_, variants)), panel in zip(GROUPS.items(), axes, strict=True):
            for index, one in enumerate(variants):
                curve = [iou_of(boxes, TARGET).mean() for boxes in descent(one, far_boxes())]
                panel.plot(range(0, len(curve), 2), curve[::2], label=one.name, **line_style(index))
            panel.set(title=TITLES[group], xlabel="step", ylim=(0, 1.02))
            panel.legend(frameon=False)
            panel.grid(visible=True)
        axes[0].set_ylabel("mean IoU")
        return drawn

    plot.save(figure(), path)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--out", path]:
            draw(path)
        case [group] if group in GROUPS:
            print(table(group))
        case _:
            raise SystemExit(f"name one of {', '.join(GROUPS)}, or --out FILE")
