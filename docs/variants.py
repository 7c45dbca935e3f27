"""What circulates under one name, in NumPy and independently of the package, for docs/one-name-several-gradients.md.

The gradient of a variant is a central difference of its value, in which the parts that it holds constant are those of
the point. Boxes are (cx, cy, w, h). `make_variants.py` prints and draws them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import boxloss as bl

Boxes = np.ndarray
STEP = 1e-6  # of a central difference
TARGET = np.asarray([0.0, 0.0, 1.0, 1.0])


class Variant(NamedTuple):
    """A name, and a value of boxes with what is held constant from `at`; or a step, where the code has no gradient."""

    name: str
    value: Callable[[Boxes, Boxes], Any]  # value(boxes, at)
    step: Callable[[Boxes], Boxes] | None = None

    def gradient(self, boxes: Boxes) -> Boxes:
        """With respect to (cx, cy, w, h); minus the step, where that is what the code has."""
        if self.step is not None:
            return -self.step(boxes)
        shifts = np.expand_dims(STEP * np.concatenate([np.eye(4), -np.eye(4)]), tuple(range(1, boxes.ndim)))
        ahead, behind = np.split(np.broadcast_to(self.value(boxes + shifts, boxes), (8, *boxes.shape[:-1])), 2)
        return np.moveaxis(ahead - behind, 0, -1) / (2.0 * STEP)


class Parts:
    """What the formulas read of boxes and the target."""

    def __init__(self, boxes: Boxes, target: Boxes = TARGET) -> None:
        (x, y, w, h), (other_x, other_y, self.W, self.H) = np.moveaxis(boxes, -1, 0), target
        self.w, self.h, self.dx, self.dy = np.maximum(w, 0.0), np.maximum(h, 0.0), x - other_x, y - other_y
        self.reach_x, self.cw, self.edges_x = self._along(self.dx, self.w, self.W)
        self.reach_y, self.ch, self.edges_y = self._along(self.dy, self.h, self.H)
        self.areas = self.w * self.h + self.W * self.H
        intersection = np.maximum(self.reach_x, 0.0) * np.maximum(self.reach_y, 0.0)
        self.union = self.areas - intersection
        self.iou = intersection / self.union
        self.rho2, self.c2 = self.dx**2 + self.dy**2, self.cw**2 + self.ch**2
        self.v = 4 / np.pi**2 * (np.arctan2(self.W, self.H) - np.arctan2(self.w, self.h)) ** 2

    @staticmethod
    def _along(offset: Any, side: Any, other: Any) -> tuple[Any, Any, tuple[Any, Any]]:
        """Sides of the intersection and of the enclosing box, and the distances of the edges."""
        first, second = offset - (side - other) / 2, offset + (side - other) / 2
        sides = side + other
        apart = np.abs(first) + np.abs(second)
        return (sides - apart) / 2, (sides + apart) / 2, (np.abs(first), np.abs(second))

    @property
    def edge_distance(self) -> Any:
        """P of PIoU."""
        return (sum(self.edges_x) / self.W + sum(self.edges_y) / self.H) / 4


# --- WIoU, Focal-EIoU, PIoU2: what of a factor is held ---------------------------------------------------------------


def wiou(boxes: Boxes, offset: Boxes, diagonal: Boxes) -> Any:
    """exp(rho^2 / c^2) (1 - IoU), with the offset and the diagonal of other boxes."""
    return np.exp(Parts(offset).rho2 / Parts(diagonal).c2) * (1 - Parts(boxes).iou)


def eiou(boxes: Boxes) -> Any:
    """Zhang et al. 2022."""
    p = Parts(boxes)
    return 1 - p.iou + p.rho2 / p.c2 + ((p.w - p.W) / p.cw) ** 2 + ((p.h - p.H) / p.ch) ** 2


def piou(boxes: Boxes) -> Any:
    """Liu et al. 2024, version 1."""
    p = Parts(boxes)
    return 2 - p.iou - np.exp(-(p.edge_distance**2))


def attention(boxes: Boxes) -> Any:
    """That of version 2."""
    x = 1.3 * np.exp(-Parts(boxes).edge_distance)
    return 3 * x * np.exp(-(x**2))


# --- CIoU: its alpha, its v -----------------------------------------------------------------------------------------


def ciou(boxes: Boxes, at: Boxes, factor: float = 1.0, ramp: float = 1.0, seen: float = 1.0) -> Any:
    """CIoU with alpha of `at`, `factor` times v, and min(IoU / ramp, 1) for the IoU; alpha sees one of `seen`."""
    p, held = Parts(boxes), Parts(at)
    v = factor * held.v
    alpha = v / np.maximum(1 - np.minimum(held.iou / seen, 1.0) + v, 1e-30)
    return 1 - np.minimum(p.iou / ramp, 1.0) + p.rho2 / p.c2 + alpha * factor * p.v


# --- SIoU: the sign of gamma ----------------------------------------------------------------------------------------


def siou(boxes: Boxes, sign: float) -> Any:
    """Gevorgyan 2022 with the sign of the exponent."""
    p = Parts(boxes)
    gamma = 2 - 2 * np.abs(p.dx * p.dy) / np.where(p.rho2 > 0, p.rho2, 1.0)
    distance = sum(1 - np.exp(sign * gamma * r**2) for r in (p.dx / p.cw, p.dy / p.ch))
    shape = sum((1 - np.exp(-np.abs(a - b) / np.maximum(a, b))) ** 4 for a, b in ((p.w, p.W), (p.h, p.H)))
    score = p.iou - (distance + shape) / 2
    return 1 - (score if sign < 0 else np.clip(score, -1.0, 1.0))  # mmdetection clamps it


# --- EIoU: three losses ---------------------------------------------------------------------------------------------


def extended(boxes: Boxes) -> Any:
    """Peng and Yu 2021: 1 - IoU with an intersection that grows where boxes are apart, smooth at 0."""
    p = Parts(boxes)
    gap_x, gap_y = np.minimum(p.reach_x, 0.0), np.minimum(p.reach_y, 0.0)
    first_x, first_y = p.edges_x[0], p.edges_y[0]
    intersection = p.reach_x * p.reach_y + gap_x * gap_y + 2 * first_x * gap_y + 2 * first_y * gap_x
    d = 1 - intersection / (p.areas - intersection)
    return np.where(d < 0.1, d**2 / 0.2, d - 0.05)


def with_offsets(boxes: Boxes) -> Any:
    """EIoU with centre offsets for the differences of the sides."""
    p = Parts(boxes)
    return 1 - p.iou + p.rho2 / p.c2 + (p.dx / p.cw) ** 2 + (p.dy / p.ch) ** 2


# --- darknet: a step ------------------------------------------------------------------------------------------------


def darknet_step(boxes: Boxes, kind: str, pixels: float = 1.0) -> Boxes:
    """What `dx_box_iou` of AlexeyAB/darknet at commit 59596d7 returns, with boxes in `pixels`, taken back to units."""
    target = pixels * TARGET
    p = Parts(pixels * boxes, target)
    w, h, inter_w, inter_h = p.w, p.h, p.reach_x, p.reach_y
    product = inter_w * inter_h  # not clamped: positive again where both are gaps
    union = p.areas - product
    (left, right), (top, bottom) = (
        ((d - (a - b) / 2), (d + (a - b) / 2)) for d, a, b in ((p.dx, w, p.W), (p.dy, h, p.H))
    )
    of_area = np.stack([-h, -w, h, w], axis=-1)  # of the edges: left, top, right, bottom
    inside = np.stack([left > 0, top > 0, right < 0, bottom < 0], axis=-1)
    outside = np.stack([left < 0, top < 0, right > 0, bottom > 0], axis=-1)
    signed = np.asarray([-1.0, -1.0, 1.0, 1.0])
    of_product = inside * signed * np.stack([inter_h, inter_w, inter_h, inter_w], axis=-1)
    of_hull = outside * signed * np.stack([p.ch, p.cw, p.ch, p.cw], axis=-1)
    of_union = of_area - of_product
    overlapping = ((inter_w > 0) & (inter_h > 0))[..., None]
    iou_part = np.where(overlapping, (union[..., None] * of_product - product[..., None] * of_union), 0.0)
    edges = iou_part / union[..., None] ** 2
    if kind == "giou":
        hull = (p.cw * p.ch)[..., None]
        edges = edges + (hull * of_union - union[..., None] * of_hull) / hull**2
    x1, y1, x2, y2 = np.moveaxis(edges, -1, 0)
    step = [x1 + x2, y1 + y2, x2 - x1, y2 - y1]  # not halved for the sides
    if kind != "giou":
        left, top, right, bottom = np.moveaxis(outside * 1.0, -1, 0)
        of_c2 = (2 * p.cw * (right - left), 2 * p.ch * (bottom - top), p.cw * (right + left), p.ch * (bottom + top))
        step[0] += -2 * p.dx / p.c2 - of_c2[0] * p.rho2 / p.c2**2  # minus: the gradient has plus
        step[1] += -2 * p.dy / p.c2 - of_c2[1] * p.rho2 / p.c2**2
        step[2] += of_c2[2] * p.rho2 / p.c2**2
        step[3] += of_c2[3] * p.rho2 / p.c2**2
    if kind == "ciou":  # without 1 / (w^2 + h^2), and alpha of the intersection that is not clamped
        angle = np.arctan2(p.W, p.H) - np.arctan2(w, h)
        alpha = p.v / (1 - product / union + p.v + 1e-6)
        step[2] += alpha * 8 / np.pi**2 * angle * h
        step[3] -= alpha * 8 / np.pi**2 * angle * w
    return pixels * np.stack(step, axis=-1)


def darknet_value(boxes: Boxes, kind: str) -> Any:
    """1 - the score that darknet logs."""
    p = Parts(boxes)
    if kind == "giou":
        return 2 - p.iou - p.union / (p.cw * p.ch)
    if kind == "diou":
        return 1 - p.iou + (p.rho2 / p.c2) ** 0.6
    return ciou(boxes, boxes)


# --- The table ------------------------------------------------------------------------------------------------------


def step_of(name: str, kind: str, pixels: float = 1.0) -> Variant:
    """A step of darknet."""
    return Variant(name, lambda b, at: darknet_value(b, kind), lambda b: darknet_step(b, kind, pixels))


# By name: a loss of the package, and variants, of which the first is the same and the others are compared with it.
GROUPS: dict[str, tuple[bl.Loss, tuple[Variant, ...]]] = {
    "wiou": (
        bl.WIoU(),
        (
            Variant("c^2 held", lambda b, at: wiou(b, b, at)),
            Variant("nothing held", lambda b, at: wiou(b, b, b)),
            Variant("R held", lambda b, at: wiou(b, at, at)),
        ),
    ),
    "focal_eiou": (
        bl.Focal(bl.EIoU()),
        (
            Variant("weight held", lambda b, at: Parts(at).iou ** 0.5 * eiou(b)),
            Variant("nothing held", lambda b, at: Parts(b).iou ** 0.5 * eiou(b)),
        ),
    ),
    "piou2": (
        bl.PIoU2(),
        (
            Variant("attention held", lambda b, at: attention(at) * piou(b)),
            Variant("nothing held", lambda b, at: attention(b) * piou(b)),
        ),
    ),
    "focaler_ciou": (
        bl.Focaler(bl.CIoU()),
        (
            Variant("alpha of IoU", lambda b, at: ciou(b, at, ramp=0.95)),
            Variant("alpha of ramp", lambda b, at: ciou(b, at, ramp=0.95, seen=0.95)),
        ),
    ),
    "siou": (
        bl.SIoU(),
        (
            Variant("exp(-gamma r)", lambda b, at: siou(b, -1.0)),
            Variant("exp(+gamma r)", lambda b, at: siou(b, 1.0)),
        ),
    ),
    "eiou": (
        bl.EIoU(),
        (
            Variant("Efficient IoU", lambda b, at: eiou(b)),
            Variant("Extended IoU", lambda b, at: extended(b)),
            Variant("with offsets", lambda b, at: with_offsets(b)),
        ),
    ),
    "ciou": (
        bl.CIoU(),
        (
            Variant("alpha held", lambda b, at: ciou(b, at)),
            Variant("nothing held", lambda b, at: ciou(b, b)),
            Variant("keras-cv's v", lambda b, at: ciou(b, b, factor=4 / np.pi**2)),
        ),
    ),
    "darknet_giou": (
        bl.GIoU(),
        (Variant("GIoU", lambda b, at: darknet_value(b, "giou")), step_of("darknet", "giou")),
    ),
    "darknet_diou": (
        bl.DIoU(),
        (Variant("DIoU", lambda b, at: ciou(b, at, factor=0.0)), step_of("darknet", "diou")),
    ),
    "darknet_ciou": (
        bl.CIoU(),
        (
            Variant("CIoU", lambda b, at: ciou(b, at)),
            step_of("darknet", "ciou"),
            step_of("in 100 pixels", "ciou", 100.0),
        ),
    ),
}
