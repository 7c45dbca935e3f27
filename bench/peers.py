"""What the package is compared with."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numba
import numpy as np


def plain_ciou(pred: Any, target: Any) -> Any:
    """The CIoU loss as one writes it in torch, with autograd's gradient in mind."""
    import torch

    x1, y1, x2, y2 = pred.unbind(-1)
    tx1, ty1, tx2, ty2 = target.unbind(-1)
    w, h, tw, th = x2 - x1, y2 - y1, tx2 - tx1, ty2 - ty1
    overlap_w = (torch.minimum(x2, tx2) - torch.maximum(x1, tx1)).clamp(min=0)
    overlap_h = (torch.minimum(y2, ty2) - torch.maximum(y1, ty1)).clamp(min=0)
    intersection = overlap_w * overlap_h
    iou = intersection / (w * h + tw * th - intersection)
    hull_w = torch.maximum(x2, tx2) - torch.minimum(x1, tx1)
    hull_h = torch.maximum(y2, ty2) - torch.minimum(y1, ty1)
    distance = (x1 + x2 - tx1 - tx2) ** 2 + (y1 + y2 - ty1 - ty2) ** 2
    v = 4 / math.pi**2 * (torch.atan(tw / th) - torch.atan(w / h)) ** 2
    with torch.no_grad():
        alpha = v / (1 - iou + v)
    return 1 - iou + 0.25 * distance / (hull_w**2 + hull_h**2) + alpha * v


def plain_ciou_in_jax(pred: Any, target: Any) -> Any:
    """The same as one writes it in JAX."""
    import jax
    import jax.numpy as jnp

    x1, y1, x2, y2 = jnp.moveaxis(pred, -1, 0)
    tx1, ty1, tx2, ty2 = jnp.moveaxis(target, -1, 0)
    w, h, tw, th = x2 - x1, y2 - y1, tx2 - tx1, ty2 - ty1
    overlap_w = jnp.clip(jnp.minimum(x2, tx2) - jnp.maximum(x1, tx1), min=0)
    overlap_h = jnp.clip(jnp.minimum(y2, ty2) - jnp.maximum(y1, ty1), min=0)
    intersection = overlap_w * overlap_h
    iou = intersection / (w * h + tw * th - intersection)
    hull_w = jnp.maximum(x2, tx2) - jnp.minimum(x1, tx1)
    hull_h = jnp.maximum(y2, ty2) - jnp.minimum(y1, ty1)
    distance = (x1 + x2 - tx1 - tx2) ** 2 + (y1 + y2 - ty1 - ty2) ** 2
    v = 4 / math.pi**2 * (jnp.arctan(tw / th) - jnp.arctan(w / h)) ** 2
    alpha = jax.lax.stop_gradient(v / (1 - iou + v))
    return 1 - iou + 0.25 * distance / (hull_w**2 + hull_h**2) + alpha * v


def forward_and_backward(function: Callable[..., Any], pred: Any, target: Any) -> Callable[[], tuple[Any, Any]]:
    """A call that computes values and their gradient by torch's autograd."""
    import torch

    pred = pred.detach().clone().requires_grad_()
    ones = torch.ones_like(pred[:, 0])

    def call() -> tuple[Any, Any]:
        value = function(pred, target)
        (grad,) = torch.autograd.grad(value, pred, grad_outputs=ones)
        return value.detach(), grad

    return call


def check_agreement(contestants: dict[str, Callable[[], tuple[Any, Any]]], to_numpy: Callable[[Any], Any]) -> None:
    """All contestants compute the value and gradient of the first."""
    expected_value, expected_grad = map(to_numpy, next(iter(contestants.values()))())
    scale = np.abs(expected_grad).max(axis=-1, keepdims=True) + 1e-6
    for name, call in contestants.items():
        value, grad = map(to_numpy, call())
        np.testing.assert_allclose(value, expected_value, rtol=1e-3, atol=1e-5, err_msg=name)
        assert np.quantile(np.abs(grad - expected_grad) / scale, 0.999) < 1e-2, name


def training_step(function: Callable[..., Any], pred: Any, target: Any) -> Callable[[], Any]:
    """A call of what an optimiser's step needs: the gradient of a reduced loss, in the leaf that it is of."""
    pred = pred.detach().clone().requires_grad_()

    def call() -> Any:
        pred.grad = None
        function(pred, target).backward()
        return pred.grad

    return call


def on_two_threads(fill: Callable[[Any], object], shape: tuple[int, ...]) -> Callable[[], Any]:
    """A call that fills a new array, each half on a thread."""
    pool = ThreadPoolExecutor(1)

    def call() -> Any:
        out = np.empty(shape, np.float32)
        half = len(out) // 2
        other = pool.submit(fill, out[half:])
        fill(out[:half])
        other.result()
        return out

    return call


@numba.njit(nogil=True)
def numba_fill(out: Any) -> None:
    """Write 1 everywhere."""
    flat = out.reshape(-1)
    for i in range(flat.size):
        flat[i] = np.float32(1.0)


def numpy_fill(out: Any) -> None:
    """Write 1 everywhere."""
    out.fill(1.0)


def ready_boxes(rows: Any, side: int) -> Any:
    """As many boxes as rows, which a process makes once: preds (side 0) that overlap the targets (side 1)."""
    return _ready_boxes(len(rows), side)


@cache
def _ready_boxes(count: int, side: int) -> Any:
    corner = np.random.default_rng(0).uniform(0.0, 900.0, (count, 2)).astype(np.float32)
    return np.concatenate([corner, corner + np.float32(50.0)], axis=1) + np.float32(7.0 * side)
