"""Boxes with an angle: pairs, and matrices against powerboxes and against torch with sorted polygons."""

from functools import partial

import numpy as np
import powerboxes

import boxloss as bl
from peers import training_step

LOSSES = ("iou", "giou", "ciou")


def scene(count: int, span: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Boxes of 10 to 40 pixels in a square of so many, at any angle in degrees."""
    rng = np.random.default_rng(seed)
    pred, target = (
        np.concatenate(
            [rng.uniform(0, span, (count, 2)), rng.uniform(10, 40, (count, 2)), rng.uniform(-180, 180, (count, 1))],
            axis=1,
        )
        for _ in range(2)
    )
    return pred, target


def in_radians(boxes: np.ndarray) -> np.ndarray:
    """In float32, from degrees."""
    return (boxes * [1, 1, 1, 1, np.pi / 180]).astype(np.float32)


def test_pairs(compare, smoke):
    """One thread; half of the boxes overlap."""
    bl.set_num_threads(1)
    pred, target = map(in_radians, scene(10_000 if smoke else 100_000, 60.0))
    contestants = {"pred + target": lambda: pred + target}
    for name in LOSSES:
        loss = bl.get(name)
        contestants[name] = partial(loss, pred, target, format="cxcywha")
        contestants[f"{name}, gradient"] = partial(loss.value_and_grad, pred, target, format="cxcywha")
        contestants[f"{name}, both gradients"] = partial(
            loss.value_and_grad, pred, target, format="cxcywha", wrt="both"
        )
    axis_aligned = [np.ascontiguousarray(boxes[:, :4]) for boxes in (pred, target)]
    contestants["axis-aligned ciou, gradient"] = partial(bl.ciou.value_and_grad, *axis_aligned, format="cxcywh")
    goals = [
        ("rotated_value", "iou", None),
        ("rotated_gradient", "iou, gradient", None),
        ("rotated_giou", "giou, gradient", None),
    ]
    compare("rotated", {"dtype": "float32", "threads": 1}, contestants, per="pair", count=len(pred), goals=goals)


def test_matrix_where_boxes_overlap(compare, smoke):
    """powerboxes knows float64 alone, and its parallel form takes all cores; here two."""
    side = 300 if smoke else 1000
    pred, target = scene(side, 40.0)
    short = tuple(map(in_radians, (pred, target)))

    def on_one_thread() -> None:
        bl.set_num_threads(1)
        bl.iou.pairwise(*short, format="cxcywha")
        bl.set_num_threads(2)

    contestants = {
        "iou": partial(bl.iou.pairwise, *short, format="cxcywha"),
        "iou, 1 thread": on_one_thread,
        "iou, float64": partial(bl.iou.pairwise, pred, target, format="cxcywhd"),
        "giou": partial(bl.giou.pairwise, *short, format="cxcywha"),
        "powerboxes": partial(powerboxes.parallel_rotated_iou_distance, pred, target),
    }
    np.testing.assert_allclose(contestants["powerboxes"](), contestants["iou, float64"](), rtol=0, atol=1e-9)
    goals = [("rotated_powerboxes", "powerboxes", "iou"), ("rotated_matrix", "iou, 1 thread", None)]
    row = {"overlap": "75 % of pairs", "threads": 2}
    compare("rotated_matrix", row, contestants, per="pair", count=side * side, goals=goals, budget=6.0)


def test_matrix_where_few_boxes_overlap(compare, smoke):
    """powerboxes leaves a pair early whose circles are apart; `below` looks at none of these."""
    side = 300 if smoke else 1000
    pred, target = scene(side, 600.0)
    short = tuple(map(in_radians, (pred, target)))
    contestants = {
        "iou": partial(bl.iou.pairwise, *short, format="cxcywha"),
        "iou.below(1)": partial(bl.iou.below, *short, 1.0, format="cxcywha"),
        "powerboxes": partial(powerboxes.parallel_rotated_iou_distance, pred, target),
    }
    goals = [("rotated_sparse", "powerboxes", "iou.below(1)")]  # the matrix has all pairs, whatever they are
    row = {"overlap": "0.7 % of pairs", "threads": 2}
    compare("rotated_matrix", row, contestants, per="pair", count=side * side, goals=goals, budget=6.0)


def test_gradient_against_sorted_polygons(compare, smoke):
    """Forward and backward, one thread."""
    import torch

    from sorted_polygons import iou

    torch.set_num_threads(1)
    bl.set_num_threads(1)
    pred, target = (torch.from_numpy(in_radians(side)) for side in scene(2000 if smoke else 100_000, 60.0))
    contestants = {
        "iou": training_step(partial(bl.iou_score, format="cxcywha", reduction="sum"), pred, target),
        "torch, sorted polygons": training_step(lambda p, t: iou(p, t).sum(), pred, target),
    }
    torch.testing.assert_close(bl.iou_score(pred, target, format="cxcywha"), iou(pred, target), rtol=1e-3, atol=1e-5)
    grad, d = (call().clone() for call in contestants.values())
    assert ((grad - d).abs().amax(1) < 1e-3).float().mean() > 0.99  # where corners are near edges sorting is wrong
    goals = [("rotated_torch", "torch, sorted polygons", "iou")]
    row = {"loss": "iou", "boxes": len(pred)}
    # Steps one after the other, as in training: the first step behind one of sorted polygons, which frees gigabytes and
    # leaves nothing in the cache, takes one and a half times as long as those that follow.
    compare("rotated_autograd", row, contestants, per="pair", count=len(pred), goals=goals, budget=12.0, turn=0.02)
