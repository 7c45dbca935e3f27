"""Gradient descent of boxes on a loss."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from boxloss.check import check_bool, check_choice, check_count, check_positive
from boxloss.lab.check import (
    check_fraction,
    check_loss,
    check_numbers,
    check_positive_sizes,
    check_schedule,
    check_states,
)
from boxloss.lab.methods import OPTIMIZERS, PARAMETRISATIONS
from boxloss.losses.loss import Loss
from boxloss.shapes.formats import FORMATS

RECORDS = ("path", "curves", "final")


@dataclass(frozen=True, eq=False)
class Descent:
    """What became of boxes that descended on a loss; see `descend`.

    Attributes
    ----------
    loss : Loss
        The loss.
    optimizer, parametrisation : str
        How the boxes moved.
    lr : ndarray, shape (steps,)
        The learning rate of each step.
    start, target, final : ndarray, shape (..., 4)
        The boxes (x, y, w, h) at the start, their targets, and the boxes after the last step; with an angle they have
        five numbers.
    error, iou, value : ndarray, shape (steps + 1,), or None
        At the start and after each step, the means over all boxes of the error (the absolute differences of x, y, w
        and h, added up, and that of the angles up to half turns), of the IoU and of the loss; 0 for no boxes, NaN if
        one of them is NaN.
    recorded : ndarray of int, shape (records,), or None
        The steps that `path` holds: from 0, the start, to the last.
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
    parametrisation: Literal["cxcywh", "xyxy", "xy", "log-size", "cxcywha"] = "cxcywh",
    *,
    momentum: float = 0.9,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    scale_by_iou: bool = False,
    record: Literal["path", "curves", "final"] = "path",
    every: int = 1,
) -> Descent:
    """Let boxes descend on a loss, one or millions at once.

    Each box moves for itself. All steps run in one compiled kernel: beside the boxes, only what is recorded is held
    in memory. Sizes are not clipped: a loss takes a box with a negative size as one without, and so it does here.

    Parameters
    ----------
    loss : Loss
        The loss: of this package, a sum of such, or a subclass of `boxloss.Loss` of your own.
    start, target : array-like, shape (..., 4)
        Boxes (x, y, w, h): centre and size; with ``parametrisation="cxcywha"`` (x, y, w, h, angle), shape (..., 5).
        Leading axes broadcast. float32 is computed in float32 if both are, all else in float64. A NaN stays with its
        box.
    optimizer : {"sgd", "momentum", "adam"}
        Gradient descent, the same with momentum, or Adam, as ``torch.optim.SGD`` and ``torch.optim.Adam`` have them.
    lr : float, sequence of float or callable
        The learning rate: of all steps, of each step, or as a function of the number of the step, which is 0 for
        the first.
    steps : int
        The number of steps.
    parametrisation : {"cxcywh", "xyxy", "xy", "log-size", "cxcywha"}
        The numbers that are descended on, which the path of a box depends on: centre and size, corners, the centre
        alone, the centre and the natural logarithms of the sizes, or centre, size and angle in radians.
    momentum : float
        That of ``"momentum"``: from 0 to less than 1.
    betas : (float, float)
        Those of ``"adam"``: from 0 to less than 1.
    eps : float
        That of ``"adam"``, greater than 0.
    scale_by_iou : bool
        Multiply the learning rate of each box, at each step, by 2 - IoU, as the experiment of the DIoU paper does
        (Zheng et al., AAAI 2020, arXiv:1911.08287).
    record : {"path", "curves", "final"}
        What to keep: the path and the curves, only the curves, or neither. The final boxes always are.
    every : int
        The path holds the start, each `every`-th step, and the last.

    Returns
    -------
    Descent

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    A box beside its target does not move on the IoU loss, and arrives on the GIoU loss:

    >>> import boxloss as bl
    >>> from boxloss import lab
    >>> start, target = (3, 0, 1, 1), (0, 0, 1, 1)
    >>> lab.descend(bl.iou, start, target).final
    array([3., 0., 1., 1.])
    >>> run = lab.descend(bl.giou, start, target, lr=lambda step: 0.05 * 0.998**step, steps=3000)
    >>> run.path.shape, run.iou[[0, -1]].round(3)
    ((3001, 4), array([0., 1.]))
    """
    check_loss(loss)
    check_choice("optimizer", optimizer, OPTIMIZERS)
    check_choice("parametrisation", parametrisation, PARAMETRISATIONS)
    check_choice("record", record, RECORDS)
    scaled = check_bool("scale_by_iou", scale_by_iou)
    steps, every = check_count("steps", steps), check_count("every", every)
    schedule = check_schedule(lr, steps)
    decay, rates, per_roots = _constants(optimizer, schedule, momentum, betas, eps)
    form = "cxcywha" if parametrisation == "cxcywha" else "cxcywh"
    loss.program.structure.check_shape(FORMATS[form].shape)
    start, target = check_states(start, target, form)
    if parametrisation == "log-size":
        check_positive_sizes(start)

    from boxloss.lab import engine  # imports Numba
    from boxloss.lab.kernels import Descend

    dtype, shape = start.dtype, start.shape
    recorded = np.append(np.arange(0, steps, every) if record == "path" else [], steps).astype(np.intp)
    path, means = engine.run(
        loss.program,
        np.ascontiguousarray(start).reshape(-1, shape[-1]),
        np.ascontiguousarray(target).reshape(-1, shape[-1]),
        rates.astype(dtype),
        per_roots.astype(dtype),
        decay,
        recorded,
        Descend(loss.program.structure, parametrisation, optimizer, scaled, record != "final"),
    )
    path = path.reshape(recorded.size, *shape)
    error, iou, value = (None, None, None) if record == "final" else means
    whole = (recorded, path) if record == "path" else (None, None)
    return Descent(loss, optimizer, parametrisation, schedule, start, target, path[-1], error, iou, value, *whole)


def _constants(
    optimizer: str, schedule: np.ndarray, momentum: float, betas: tuple[float, float], eps: float
) -> tuple[tuple[float, ...], np.ndarray, np.ndarray]:
    """Make what the kernel takes for an optimiser: its `decay`, a rate and a factor of each step and of none after."""
    rates, per_roots = np.append(schedule, 0.0), np.ones(schedule.size + 1)
    if optimizer == "momentum":
        return (check_fraction("momentum", momentum), 1.0, 0.0, 0.0, 0.0), rates, per_roots
    if optimizer == "adam":
        beta1, beta2 = (check_fraction("betas", beta) for beta in check_numbers("betas", betas, "(beta1, beta2)"))
        decay = (beta1, 1.0 - beta1, beta2, 1.0 - beta2, check_positive("eps", eps))
        t = np.arange(1, rates.size + 1)
        return decay, rates / (1.0 - beta1**t), 1.0 / np.sqrt(1.0 - beta2**t)
    return (0.0,) * 5, rates, per_roots
