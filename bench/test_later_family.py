"""The losses after EIoU, and modifiers of CIoU: against adding two arrays, and matrices against those of CIoU."""

from functools import partial

import numpy as np

import boxloss as bl

LOSSES = {name: bl.get(name) for name in ("siou", "wiou", "shape_iou", "piou", "piou2", "nwd", "gcd", "mgiou")} | {
    "mpdiou": bl.MPDIoU(image_size=(640.0, 480.0)),
    "inner(ciou)": bl.Inner(bl.ciou),
    "focaler(ciou)": bl.Focaler(bl.ciou),
    "alpha(ciou)": bl.Alpha(bl.ciou),
    "focal(ciou)": bl.Focal(bl.ciou),
    "wise(ciou)": bl.Wise(bl.ciou, mean=0.5),
    "focaler(inner(ciou))": bl.Focaler(bl.Inner(bl.ciou)),
}


def some(smoke: bool) -> list[str]:
    return ["siou", "focaler(inner(ciou))"] if smoke else list(LOSSES)


def test_pairs(compare, boxes, million, smoke):
    pred, target = boxes(million)
    names = [*some(smoke), "ciou"]
    contestants = {name: partial(LOSSES.get(name, bl.ciou).value_and_grad, pred, target) for name in names}
    contestants["pred + target"] = lambda: pred + target
    goals = [("later_nested" if "(inner" in name else "later_add", name, "pred + target") for name in names[:-1]]
    row = {"dtype": "float32", "threads": 2}
    compare("later_pairs", row, contestants, per="pair", count=million, goals=goals, budget=10.0)


def test_matrices(compare, boxes, smoke):
    """Into memory that is there already."""
    bl.set_num_threads(1)
    side = 300 if smoke else 1000
    pred, target = boxes(side)
    out = np.empty((side, side), np.float32)
    names = [*some(smoke), "ciou"]
    contestants = {name: partial(LOSSES.get(name, bl.ciou).pairwise, pred, target, out=out) for name in names}
    goals = [("later_pairwise", name, "ciou") for name in names[:-1]]
    row = {"dtype": "float32", "threads": 1}
    compare("later_matrices", row, contestants, per="pair", count=side * side, goals=goals, budget=8.0)
