"""Descents and landscapes: the experiment of the DIoU paper, fused in one kernel, against the same loop in NumPy."""

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

import boxloss as bl
from boxloss import lab

CASES = 1_715_000
LR = np.repeat([0.1, 0.01, 0.001], [160, 20, 20])
# NumPy runs a part of it: a step of fewer boxes at a time, which suits its temporary arrays, and a few of the steps.
NUMPY_CASES, NUMPY_STEPS = 100_000, 5


def cases(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Starts in a disc of radius 3 around targets of area 1, sizes as in the paper's experiment."""
    rng = np.random.default_rng(0)
    radius, angle = 3.0 * np.sqrt(rng.random(count)), 2.0 * np.pi * rng.random(count)
    aspects = np.sqrt([0.25, 1 / 3, 0.5, 1.0, 2.0, 3.0, 4.0])
    shapes = np.stack([aspects, 1.0 / aspects], axis=-1)
    size = np.sqrt(rng.choice([0.5, 0.67, 0.75, 1.0, 1.33, 1.5, 2.0], (count, 1))) * rng.choice(shapes, count)
    start = np.concatenate([10.0 + np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1), size], axis=1)
    return start, np.concatenate([np.full((count, 2), 10.0), rng.choice(shapes, count)], axis=1)


def numpy_loop(loss: bl.Loss, start: np.ndarray, target: np.ndarray, lr: np.ndarray) -> np.ndarray:
    """The sum of errors after each step: whole arrays at a time, gradient and IoU by the array engine."""
    box, error = start.copy(), []
    for rate in lr:
        _, grad = loss.value_and_grad(box, target, format="cxcywh", engine="array")
        iou = bl.iou_score(box, target, format="cxcywh", engine="array")
        box -= (rate * (2.0 - iou))[:, None] * grad
        error.append(np.abs(box - target).sum())
    return np.asarray(error)


def fused(loss: bl.Loss, start: np.ndarray, target: np.ndarray, lr: np.ndarray) -> lab.Descent:
    return lab.descend(loss, start, target, lr=lr, steps=lr.size, scale_by_iou=True, record="curves")


def seconds(call: Callable[[], object], times: float = 1.0) -> Callable[[], float]:
    """How long a call takes, times the part of the work that it leaves out."""

    def timed() -> float:
        start = time.perf_counter()
        call()
        return (time.perf_counter() - start) * times

    return timed


@pytest.mark.parametrize(("name", "threads"), [("ciou", 1), ("ciou", 2), ("giou", 2), ("l1", 2)])
def test_descend(compare, smoke, name, threads):
    bl.set_num_threads(threads)
    count, loss = CASES // 100 if smoke else CASES, bl.get(name)
    start, target = cases(count)
    some = slice(min(count, NUMPY_CASES))
    part = start[some], target[some], LR[:NUMPY_STEPS]
    np.testing.assert_allclose(fused(loss, *part).error[1:] * len(part[0]), numpy_loop(loss, *part), rtol=1e-10)
    contestants = {
        "fused": seconds(lambda: fused(loss, start, target, LR)),
        "NumPy": seconds(lambda: numpy_loop(loss, *part), count * LR.size / (len(part[0]) * NUMPY_STEPS)),
    }
    goals = [("descend", "NumPy", "fused")] if threads == 2 else []
    row = {"loss": name, "threads": threads}
    compare("descend", row, contestants, measures_itself=True, rounds=3, goals=goals)


def test_descend_memory(benchmark, record, smoke):
    """What NumPy allocates beside the starts and targets; the kernel allocates nothing."""
    start, target = cases(CASES // 100 if smoke else CASES)

    def peak() -> int:
        tracemalloc.start()
        fused(bl.ciou, start, target, LR[:1])
        bytes_in_use = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return bytes_in_use

    bytes_in_use = benchmark.pedantic(peak, rounds=1)
    goals = [("descend_memory", "allocated", bytes_in_use / 1e6)]
    record("descend_memory", {"cases": len(start)}, bytes={"allocated": bytes_in_use}, goals=goals)


@pytest.mark.parametrize("name", ["iou", "ciou"])
def test_landscape(compare, smoke, name):
    loss, resolution = bl.get(name), 100 if smoke else 1000

    def plane() -> lab.Landscape:
        return lab.landscape(loss, (0, 0, 2, 1), (1, 1), extent=4, resolution=resolution)

    contestants = {"landscape": plane, "with statistics": lambda: plane().statistics}
    compare("landscape", {"loss": name}, contestants, goals=[("landscape", "with statistics", None)], rounds=5)
