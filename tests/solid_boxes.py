"""What the tests of boxes in space share: pairs of them, the losses that they run on, and an exact reference."""

from fractions import Fraction

import numpy as np

import boxloss as bl
import polygons
import rotated_boxes

STEP = 1e-6
FORMATS = ("xyzxyz", "cxcyczwlh", "cxcyczwlha")
LOSSES = {
    "iou": bl.iou,
    "log_iou": bl.log_iou,
    "squared_iou": bl.squared_iou,
    "giou": bl.giou,
    "diou": bl.diou,
    "eiou": bl.eiou,
    "inner": bl.Focaler(bl.Inner(bl.diou, ratio=0.75), low=0.0, high=1.0),
    "mgiou": bl.mgiou,
    "along the axes": bl.AxisEnclosing(bl.giou + bl.diou + 0.3 * bl.eiou),
    "interpolated": bl.Interpolated(bl.giou, alpha=0.75),
    "l1": bl.L1(coordinates="cxcywh"),
}
COMPILED = ("giou", "eiou", "l1", "mgiou", "along the axes")  # which together read every relation


def raised(ground, z, h):
    """Boxes (cx, cy, cz, w, l, h, yaw) of boxes of the ground plane (cx, cy, w, h, angle)."""
    return np.concatenate([ground[:, :2], z[:, None], ground[:, 2:4], h[:, None], ground[:, 4:]], axis=1)


def boxes(rng, n, format="cxcyczwlha"):
    """Boxes with sides from 0.4 to 4 about the origin, at any yaw."""
    z, h = rng.uniform(-2.0, 2.0, n), np.exp(rng.uniform(np.log(0.4), np.log(4.0), n))
    found = raised(rotated_boxes.boxes(rng, n), z, h)
    if format == "cxcyczwlha":
        return found
    return found[:, :6] if format == "cxcyczwlh" else bl.convert(found[:, :6], "cxcyczwlh", "xyzxyz")


def pairs(kind, rng, n):
    """Pairs whose boxes of the ground plane are of a kind of `rotated_boxes`; along z they overlap, touch or nest."""
    pred, target = rotated_boxes.KINDS[kind](rng, n)
    size = rng.integers(1, 9, (2, n)) / 2.0
    half, gap = 0.5 * size.sum(0), rng.choice([0.0, 0.25, -0.5, -1.0], n)
    z = rng.integers(-4, 5, n) / 4.0
    return raised(pred, z + half + gap, size[0]), raised(target, z, size[1])


def ends(box):
    """From where to where a box stands, as fractions."""
    z, h = Fraction(float(box[2])), Fraction(float(box[5]))
    return z - h / 2, z + h / 2


def ground(box):
    """The box of the ground plane: (cx, cy, w, h, angle)."""
    return [*box[:2], *box[3:5], box[6] if len(box) == 7 else 0.0]


def exact(pred, target):
    """The IoU and the volume of the union of two boxes, as fractions."""
    (a1, a2), (b1, b2) = ends(pred), ends(target)
    shared = polygons.intersection(ground(pred), ground(target)) * max(min(a2, b2) - max(a1, b1), Fraction(0))
    sizes = (np.prod([Fraction(float(side)) for side in box[3:6]]) for box in (pred, target))
    union = sum(sizes) - shared
    return shared / union, union


def ious(pred, target):
    """The IoU of each pair, rounded once."""
    return np.asarray([float(exact(p, t)[0]) for p, t in zip(pred, target, strict=True)])


def enclosing(pred, target):
    """The volume and the squared diagonal of the enclosing boxes, as fractions: each that of the smaller one."""
    (a1, a2), (b1, b2) = ends(pred), ends(target)
    height = max(a2, b2) - min(a1, b1)
    p, t = ground(pred), ground(target)
    around = [polygons.enclosing(*pair) for pair in ((p, t), (t, p))]
    return min(w * h for w, h in around) * height, min(w * w + h * h for w, h in around) + height * height


def differences(loss, pred, target, which, **given):
    """Central differences by the numbers of pred or of target."""
    sides, found = [pred, target], []
    for step in STEP * np.eye(sides[which].shape[-1]):
        moved = [[*sides] for _ in range(2)]
        moved[0][which], moved[1][which] = sides[which] + step, sides[which] - step
        found.append((loss(*moved[0], **given) - loss(*moved[1], **given)) / (2.0 * STEP))
    return np.stack(found, axis=-1)
