"""What the CUDA engine is compared with, by name. Arrays of CuPy and of torch share their memory.

Peers come as functions that make the call to time: what is missing or fails here is told in the table.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import cupy
import torch

import boxloss as bl
from gpu_timing import Makers, reason
from interleave import Contestants
from peers import check_agreement, forward_and_backward, plain_ciou

# CIoU and its gradient with respect to pred as one writes them by hand, for box i of flat arrays.
CIOU = r"""
float x1 = pred[4 * i], y1 = pred[4 * i + 1], x2 = pred[4 * i + 2], y2 = pred[4 * i + 3];
float tx1 = target[4 * i], ty1 = target[4 * i + 1], tx2 = target[4 * i + 2], ty2 = target[4 * i + 3];
float w = x2 - x1, h = y2 - y1, tw = tx2 - tx1, th = ty2 - ty1;
float ow = fminf(x2, tx2) - fmaxf(x1, tx1), oh = fminf(y2, ty2) - fmaxf(y1, ty1);
bool overlaps = ow > 0.0f && oh > 0.0f;
float inter = overlaps ? ow * oh : 0.0f;
float uni = w * h + tw * th - inter;
float iou = inter / uni;
float hw = fmaxf(x2, tx2) - fminf(x1, tx1), hh = fmaxf(y2, ty2) - fminf(y1, ty1);
float dx = x1 + x2 - tx1 - tx2, dy = y1 + y2 - ty1 - ty2;
float diagonal = hw * hw + hh * hh, offset = 0.25f * (dx * dx + dy * dy) / diagonal;
float angle = atanf(tw / th) - atanf(w / h);
float v = 0.4052847346f * angle * angle, alpha = v / (1.0f - iou + v);
value = 1.0f - iou + offset + alpha * v;

float i_x1 = overlaps && x1 > tx1 ? -oh : 0.0f, i_x2 = overlaps && x2 < tx2 ? oh : 0.0f;
float i_y1 = overlaps && y1 > ty1 ? -ow : 0.0f, i_y2 = overlaps && y2 < ty2 ? ow : 0.0f;
float by_inter = (1.0f + iou) / uni, by_area = iou / uni;
float by_width = 2.0f * offset * hw / diagonal, by_height = 2.0f * offset * hh / diagonal;
float slope = alpha * 0.8105694691f * angle / (w * w + h * h);
float a_x = 0.5f * dx / diagonal, a_y = 0.5f * dy / diagonal;
grad[4 * i] = -by_inter * i_x1 - by_area * h + a_x + (x1 < tx1 ? by_width : 0.0f) + slope * h;
grad[4 * i + 1] = -by_inter * i_y1 - by_area * w + a_y + (y1 < ty1 ? by_height : 0.0f) - slope * w;
grad[4 * i + 2] = -by_inter * i_x2 + by_area * h + a_x - (x2 > tx2 ? by_width : 0.0f) - slope * h;
grad[4 * i + 3] = -by_inter * i_y2 + by_area * w + a_y - (y2 > ty2 ? by_height : 0.0f) + slope * w;
"""


@cache
def fused_ciou() -> Any:
    """The kernel in CuPy."""
    return cupy.ElementwiseKernel(
        "raw float32 pred, raw float32 target", "float32 value, raw float32 grad", CIOU, "ciou"
    )


def fused(pred: Any, target: Any) -> tuple[Any, Any]:
    """CIoU and its gradient by the kernel that is written by hand."""
    value, grad = cupy.empty(len(pred), pred.dtype), cupy.empty_like(pred)
    fused_ciou()(pred, target, value, grad)
    return value, grad


def gradients(loss: Any, pred: Any, target: Any) -> tuple[Contestants, Makers]:
    """Value and gradient of a loss by the CUDA engine, in both libraries; and of CIoU by everything else."""
    p, t = torch.from_dlpack(pred), torch.from_dlpack(target)
    ours = {
        "CuPy": lambda: loss.value_and_grad(pred, target, engine="cuda"),
        "torch": lambda: loss.value_and_grad(p, t, engine="cuda"),
    }
    peers = {
        "torch, backward": lambda: forward_and_backward(lambda p, t: bl.ciou(p, t, engine="cuda"), p, t),
        "torch eager": lambda: forward_and_backward(plain_ciou, p, t),
        "torch.compile": lambda: forward_and_backward(torch.compile(plain_ciou, dynamic=False), p, t),
        "CuPy, array engine": lambda: lambda: bl.ciou.value_and_grad(pred, target, engine="array"),
        "CuPy, ElementwiseKernel": lambda: lambda: fused(pred, target),
        "torchvision": lambda: forward_and_backward(torchvision_ops().complete_box_iou_loss, p, t),
    }
    return ours, peers


def matrices(loss: Any, pred: Any, target: Any) -> tuple[Contestants, Makers]:
    """A loss of each pred with each target by the CUDA engine, in both libraries; and GIoU by everything else."""
    p, t = torch.from_dlpack(pred), torch.from_dlpack(target)
    ours = {
        "CuPy": lambda: loss.pairwise(pred, target, engine="cuda"),
        "torch": lambda: loss.pairwise(p, t, engine="cuda"),
    }
    peers = {
        "CuPy, array engine": lambda: lambda: bl.giou.pairwise(pred, target, engine="array"),
        "torchvision": lambda: partial(torchvision_ops().generalized_box_iou, p, t),
        "torchvision, torch.compile": lambda: partial(
            torch.compile(torchvision_ops().generalized_box_iou, dynamic=False), p, t
        ),
    }
    return ours, peers


def best_of_rows(loss: Any, pred: Any, target: Any, existing: Any) -> Contestants:
    """The best of each row by the CUDA engine; the matrix into memory that is there, and its best by the library."""
    p, t, matrix = (torch.from_dlpack(array) for array in (pred, target, existing))
    write = partial(loss.pairwise, pred, target, engine="cuda", out=existing)
    return {
        "pairwise, out=": write,
        "nearest": partial(loss.nearest, pred, target, engine="cuda"),
        "topk(10)": partial(loss.topk, pred, target, 10, engine="cuda"),
        "nearest, torch": partial(loss.nearest, p, t, engine="cuda"),
        "pairwise and argmin, CuPy": lambda: write().argmin(axis=1),
        "pairwise and min, torch": lambda: loss.pairwise(p, t, engine="cuda", out=matrix).min(dim=1),
        "pairwise and topk(10), torch": lambda: loss.pairwise(p, t, engine="cuda", out=matrix).topk(
            10, dim=1, largest=False
        ),
    }


def captured(call: Callable[[], Any]) -> Callable[[], Any]:
    """A call of torch as the replay of a CUDA graph."""
    call()  # compiled and loaded, which a capture does not allow
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = call()

    def replay() -> Any:
        graph.replay()
        return results

    return replay


def disagreements(call: Callable[[], Any], peers: Makers) -> dict[str, str]:
    """Peers that do not run, or do not compute the value and gradient that a call does, and why."""
    absent = {}
    for name, make in peers.items():
        try:
            check_agreement({"boxloss": call, name: make()}, to_numpy)
        except Exception as error:
            absent[name] = reason(error)
    return absent


def to_numpy(array: Any) -> Any:
    """An array of either library on the host."""
    return array.cpu().numpy() if isinstance(array, torch.Tensor) else cupy.asnumpy(array)


def torchvision_ops() -> Any:
    """torchvision's box operators."""
    from torchvision_ops import ops

    return ops
