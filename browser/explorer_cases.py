"""Losses and pairs of boxes for which the page is compared with NumPy."""

import numpy as np

import boxloss as bl
from boxloss.lab.explorer.boxes import AXIS_ALIGNED_BOXES, ROTATED_BOXES, Boxes
from boxloss.lab.explorer.catalogue import Catalogue
from boxloss.lab.explorer.state import state_of

SIZE = 4.5, 6.0  # of the image, height and width
NESTED = (
    bl.Focaler(bl.Inner(bl.ciou)),
    bl.Alpha(bl.Inner(bl.Focaler(bl.eiou, low=0.1), ratio=1.2), alpha=0.5),
    bl.Inner(bl.Scaled(bl.Interpolated(bl.siou, 0.3), 0.7)),
    bl.Wise(bl.Focal(bl.Scaled(bl.l1, 1.2), gamma=2.0), version=2, mean=0.4),
    5.0 * bl.L1(coordinates="cxcywh") + 2.0 * bl.GIoU(),
    bl.iou + bl.Interpolated(bl.iou, 0.98),
    0.5 * bl.smooth_l1 + 2.0 * bl.Focaler(bl.diou) + 3.0 * bl.Wise(bl.wiou),
    2.5 * bl.nwd,
    bl.AxisEnclosing(bl.Focaler(bl.Inner(bl.eiou))),
    bl.Inner(bl.Alpha(bl.AxisEnclosing(bl.siou), alpha=0.7)),
    bl.l1 + 2.0 * bl.AxisEnclosing(bl.AxisEnclosing(bl.giou)),
)


def losses(catalogue: Catalogue) -> dict[str, bl.Loss]:
    """Every loss with each of its choices, every modifier of every loss that it takes, and some deeper nests."""
    found = {}
    for entry in catalogue.losses:
        loss = entry.kind()
        for choice in entry.choices:
            for value in choice.choices:
                found[f"{entry.name} {choice.name}={value}"] = entry.kind(**{choice.name: value})
        found[entry.name] = loss
        if "eps" in {number.name for number in entry.numbers}:
            found[f"{entry.name} eps"] = loss.with_eps(0.25)
        for modifier in catalogue.modifiers:
            start = {number.name: number.start for number in modifier.numbers}
            try:
                found[f"{modifier.name} {entry.name}"] = modifier.kind(loss=loss, **start)
            except ValueError:  # it takes no such loss
                continue
    return found | {str(loss): loss for loss in NESTED}


def rotated_pairs(seed: int = 1) -> np.ndarray:
    """Random pairs (x, y, w, h, angle) and hard ones, with the angles of a compass and others."""
    rng = np.random.default_rng(seed)
    flat = pairs()[::3].reshape(-1, 2, 4)
    boxes = np.concatenate([0.5 * (flat[..., :2] + flat[..., 2:]), flat[..., 2:] - flat[..., :2]], -1)
    free = rng.uniform(-np.pi, np.pi, (len(boxes), 2, 1))
    compass = rng.integers(-8, 9, (len(boxes), 2, 1)) * (np.pi / 4)
    same = np.repeat(free[:, :1], 2, axis=1)
    nearly = same + rng.normal(0.0, 1e-9, same.shape)
    turned = [np.concatenate([boxes, angles], -1) for angles in (free, compass, same, nearly)]
    quarter = turned[0].copy()  # the same rectangle, as (h, w, angle + 90 degrees)
    quarter[:, 1] = quarter[:, 0][:, [0, 1, 3, 2, 4]] + [0.0, 0.0, 0.0, 0.0, np.pi / 2]
    return np.concatenate([*turned, quarter]).reshape(-1, 10)


def pairs(seed: int = 0) -> np.ndarray:
    """Random pairs and hard ones: contained, in contact, equal, far, without area, inverted, huge and tiny."""
    rng = np.random.default_rng(seed)

    def random(count):
        centre, half = rng.uniform(0.0, 6.0, (count, 2, 2)), rng.uniform(0.05, 1.5, (count, 2, 2))
        return np.concatenate([centre - half, centre + half], -1).reshape(count, 8)

    base = random(40)
    lattice = rng.integers(0, 4, (160, 8)).astype(float)  # ties of all kinds, sides of 0, inverted boxes
    inside = base.copy()
    inside[:, :4] = inside[:, 4:] + np.asarray([0.01, 0.02, -0.02, -0.01])
    equal = np.concatenate([base[:, :4], base[:, :4]], 1)
    far = base + np.asarray([0.0] * 4 + [1e4] * 4)
    line = base.copy()
    line[:, 2] = line[:, 0]
    point = line.copy()
    point[:, 3] = point[:, 1]
    tiny_in_huge = base * np.asarray([1e-4] * 4 + [1e5] * 4)
    hard = [lattice, inside, equal, far, line, point, tiny_in_huge, base * 1e6, base * 1e-4]
    return np.concatenate([random(120), *hard])


def in_shape(boxes: np.ndarray) -> np.ndarray:
    """Boxes (x, y, w, h, angle) by cosine and sine: the browser is given those of NumPy."""
    return np.concatenate([boxes[:, :4], np.cos(boxes[:, 4:]), np.sin(boxes[:, 4:])], 1)


def cases(kind: Boxes) -> tuple[np.ndarray, list[dict]]:
    """The pairs in their shape, and of each loss its state on the page, its values and its gradients."""
    catalogue = Catalogue({})
    format, boxes = ("xyxy", pairs()) if kind is AXIS_ALIGNED_BOXES else ("cxcywha", rotated_pairs())
    pred, target = np.split(boxes, 2, axis=1)
    found = []
    for name, loss in losses(catalogue).items():
        image = {"image_size": SIZE} if loss.program.structure.reads_image else {}
        try:
            value, grad = loss.value_and_grad(pred, target, format=format, engine="array", **image)
        except ValueError as error:
            found.append({"name": name, "parts": state_of(loss, catalogue), "error": str(error)})
        else:
            found.append({"name": name, "parts": state_of(loss, catalogue), "value": value, "grad": grad})
    if kind is ROTATED_BOXES:
        boxes = np.concatenate([in_shape(pred), in_shape(target)], 1)
    return boxes, found
