"""Gradient descent of boxes on a loss."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from boxloss.loss import Loss


@dataclass(frozen=True, eq=False)
class Descent:
    """What became of boxes that descended on a loss; see `descend`.

    Attributes
    ----------
    loss : Loss
        The loss.
    optimizer, parametrisation : str
        How they moved.
    lr : ndarray, shape (steps,)
        The learning rate of each step.
    start, target, final : ndarray, shape (..., 4)
        The boxes (x, y, w, h) at the start, their targets, and the boxes after the last step.
    error, iou, value : ndarray, shape (steps + 1,), or None
        Means over the boxes of \\|dx\\| + \\|dy\\| + \\|dw\\| + \\|dh\\|, of the IoU and of the loss, at the start and after
        each step.
    recorded : ndarray of int, shape (records,), or None
        The steps that `path` holds: 0 is the start, and the last is always among them.
    path : ndarray, shape (records, ..., 4), or None
        The boxes (x, y, w, h) after these steps.
    """

    loss: Loss
    optimizer: str
    parametrisation: str
    lr: np.ndarray
    start: np.ndarray
    target: np.ndarray
    final: np.ndarray
    error: np.ndarray | None
    iou: np.ndarray | None
    value: np.ndarray | None
    recorded: np.ndarray | None
    path: np.ndarray | None


def descend(
    loss: Loss,
    start: Any,
    target: Any,
    optimizer: Literal["sgd", "momentum", "adam"] = "sgd",
    lr: float | Sequence[float] | Callable[[int], float] = 0.1,
    steps: int = 200,
    parametrisation: Literal["cxcywh", "xyxy", "xy", "log-size"] = "cxcywh",
    *,
    momentum: float = 0.9,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    scale_by_iou: bool = False,
    record: Literal["path", "curves", "final"] = "path",
    every: int = 1,
) -> Descent:
    """Let boxes descend on a loss, one or millions at once.

    Parameters
    ----------
    loss : Loss
        The loss: also one that is not of this package, if it has `compose`.
    start, target : array-like, shape (..., 4)
        Boxes (x, y, w, h): centre and size. Leading axes broadcast. float32 of both is computed in float32, all else in
        float64.
    optimizer : {"sgd", "momentum", "adam"}
        Gradient descent, with momentum, or Adam, each as ``torch.optim`` has them.
    lr : float, sequence of float or callable
        The learning rate: of all steps, of each step, or a function of the number of the step, from 0.
    steps : int
        The number of steps.
    parametrisation : {"cxcywh", "xyxy", "xy", "log-size"}
        What is descended on: centre and size, corners, the centre alone, or centre and the logarithms of the sizes.
    momentum : float
        Of ``"momentum"``.
    betas, eps
        Of ``"adam"``.
    scale_by_iou : bool
        Multiply the learning rate of each box by 2 - IoU, as the experiment of the DIoU paper does.
    record : {"path", "curves", "final"}
        What to keep: the boxes after each step and the curves, the curves, or only the boxes after the last step.
    every : int
        Keep only each so manieth step of the path.

    Returns
    -------
    Descent
    """
    raise NotImplementedError
