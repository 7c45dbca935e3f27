"""What `gpu.py` measures: each function gives rows of one table."""

from collections.abc import Iterator
from typing import Any

import cupy
import torch

import boxloss as bl
import gpu_peers
from gpu_timing import measure, on_host
from inputs import make_boxes

NUMBERS_A_BOX = 13  # pred, target and gradient, and the value
Rows = Iterator[dict[str, Any]]


def boxes(count: int) -> tuple[Any, Any]:
    """So many pairs on the device: a million different ones, again and again."""
    pred, target = make_boxes(min(count, 1 << 20))
    return cupy.resize(cupy.asarray(pred), (count, 4)), cupy.resize(cupy.asarray(target), (count, 4))


def rounds(smoke: bool) -> int:
    """How many turns each contestant takes."""
    return 3 if smoke else 25


def bandwidth(smoke: bool) -> Rows:
    """Value and gradient against a copy on the device that moves as many bytes."""
    count = 1 << (20 if smoke else 26)
    pred, target = boxes(count)
    moved = 4 * NUMBERS_A_BOX * count
    source = cupy.resize(pred, moved // 8)  # of 4 bytes each: half of what is moved
    sink = cupy.empty_like(source)
    for name in ("ciou", "giou"):
        ours, _ = gpu_peers.gradients(bl.get(name), pred, target)
        ours["copy"] = lambda: sink.data.copy_from_device_async(source.data, moved // 2)
        goals = [(f"gpu_{name}", "copy", library) for library in ("CuPy", "torch")]
        row = {"loss": name, "dtype": "float32", "boxes": count}
        bytes_of = dict.fromkeys(ours, moved)
        yield measure("gpu_bandwidth", row, ours, {}, rounds=rounds(smoke), goals=goals, moved=bytes_of)


def matrices(smoke: bool) -> Rows:
    """Matrices against writing one number everywhere."""
    side = 2_000 if smoke else 20_000
    pred, target = boxes(side)
    shape, moved = (side, side), 4 * side * side
    existing = cupy.empty(shape, cupy.float32)
    for name in ("giou", "ciou"):
        loss = bl.get(name)
        ours, _ = gpu_peers.matrices(loss, pred, target)
        ours["CuPy, out="] = lambda loss=loss: loss.pairwise(pred, target, engine="cuda", out=existing)
        ours["fill, CuPy"] = lambda: cupy.full(shape, 1.0, cupy.float32)
        ours["fill, torch"] = lambda: torch.full(shape, 1.0, dtype=torch.float32, device="cuda")
        ours["memset"] = lambda: cupy.cuda.runtime.memsetAsync(existing.data.ptr, 1, moved, 0)
        goals = [("gpu_pairwise", f"fill, {library}", library) for library in ("CuPy", "torch")]
        row = {"loss": name, "dtype": "float32"}
        bytes_of = dict.fromkeys(ours, moved)
        yield measure("gpu_matrices", row, ours, {}, rounds=rounds(smoke), goals=goals, moved=bytes_of)


def best_of_rows(smoke: bool) -> Rows:
    """The best of a matrix against writing it, and against taking its best by the library; shapes of as many pairs."""
    pairs = 1 << (20 if smoke else 28)
    for rows in (1 << 20, 1 << 14, 1 << 6):  # a thread, a warp and a block a row
        rows, columns = (min(rows, pairs >> 8), max(1 << 8, pairs // rows))
        pred, target = boxes(rows)[0], boxes(columns)[1]
        existing = cupy.empty((rows, columns), cupy.float32)
        for name in ("giou", "ciou"):
            contestants = gpu_peers.best_of_rows(bl.get(name), pred, target, existing)
            row = {"loss": name, "dtype": "float32", "rows": rows, "columns": columns}
            yield measure("gpu_best", row, contestants, {}, rounds=rounds(smoke))


def against_others(smoke: bool) -> Rows:
    """CIoU and its gradient by everything that can compute it."""
    ours, peers = gpu_peers.gradients(bl.ciou, *boxes(100_000))
    peers.pop("torch.compile")  # it is the eager function, and compiles for long
    absent = gpu_peers.disagreements(ours["CuPy"], peers)
    count = 1 << (18 if smoke else 24)
    ours, peers = gpu_peers.gradients(bl.ciou, *boxes(count))
    present = {name: make for name, make in peers.items() if name not in absent}
    row = measure("gpu_others", {"dtype": "float32", "boxes": count}, ours, present, rounds=rounds(smoke))
    yield row | {"absent": absent | row["absent"]}


def matrices_against_others(smoke: bool) -> Rows:
    """GIoU matrices by everything that can compute them."""
    side = 500 if smoke else 5_000
    pred, target = boxes(2 * side)
    ours, peers = gpu_peers.matrices(bl.giou, pred[:side], target[side:])
    yield measure("gpu_matrices_others", {"dtype": "float32"}, ours, peers, rounds=rounds(smoke))


def small_calls(smoke: bool) -> Rows:
    """What a call costs the host."""
    pred, target = boxes(1000)
    p, t = torch.from_dlpack(pred), torch.from_dlpack(target)
    ours, peers = gpu_peers.gradients(bl.ciou, pred, target)
    peers |= {
        "torch, CUDA graph": lambda: gpu_peers.captured(ours["torch"]),
        "pred + target, CuPy": lambda: lambda: pred + target,
        "pred + target, torch": lambda: lambda: p + t,
    }
    yield measure("gpu_small_calls", {"boxes": 1000}, ours, peers, rounds=rounds(smoke), clock=on_host)


WORK = (bandwidth, matrices, best_of_rows, against_others, matrices_against_others, small_calls)
