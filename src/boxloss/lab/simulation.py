"""The regression experiment of the DIoU and CIoU papers, and of later ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from boxloss.check import check_choice, check_count, check_seed
from boxloss.lab.check import check_loss
from boxloss.lab.descent import descend
from boxloss.lab.protocols import PROTOCOLS, SIZES, Cases
from boxloss.lab.released import released
from boxloss.losses.iou_score import iou_score
from boxloss.losses.l1 import L1
from boxloss.losses.loss import Loss

GRADIENTS = ("true", "released")
COORDINATES = ("absolute", "relative")


@dataclass(frozen=True, eq=False)
class Simulation:
    """How boxes regressed on a loss; see `simulate`.

    Attributes
    ----------
    loss : Loss
        The loss.
    protocol, gradient, sizes, coordinates : str
        What was simulated.
    cases : int
        The number of boxes.
    points : ndarray, shape (points, 2)
        Centres of the anchors: the cases of each point start there.
    center : (float, float)
        That of all targets.
    scale : ndarray, shape (points,)
        The side of a square target of the point.
    error, iou : ndarray, shape (steps + 1,)
        At the start and after each step, the means over all cases of the error (the absolute differences of x, y, w
        and h, added up) and of the IoU. The papers show the sum of errors: `cases` times the mean. Not finite if boxes
        diverged.
    final_error, final_iou : ndarray, shape (points,)
        Sum of errors and mean of IoUs after the last step, over the cases of each point.
    """

    loss: Loss
    protocol: str
    gradient: str
    sizes: str
    coordinates: str
    cases: int
    points: np.ndarray
    center: tuple[float, float]
    scale: np.ndarray
    error: np.ndarray
    iou: np.ndarray
    final_error: np.ndarray
    final_iou: np.ndarray


def simulate(
    losses: Loss | Iterable[Loss],
    protocol: Literal["diou2020", "rotated", "inner2023", "inner2023-far", "wiou2023", "piou2024"] = "diou2020",
    gradient: Literal["true", "released"] = "true",
    *,
    sizes: Literal["unit", "mixed"] = "unit",
    coordinates: Literal["absolute", "relative"] = "absolute",
    points: int = 5000,
    seed: int = 0,
) -> list[Simulation]:
    """Let boxes regress to their targets on each loss, as the DIoU and CIoU papers do.

    1,715,000 anchors around 7 targets take 200 steps of gradient descent on (x, y, w, h), each for itself: at each
    step a box moves by the learning rate (0.1, from step 161 on 0.01, from step 181 on 0.001) times 2 - IoU times the
    gradient. Zheng et al., "Distance-IoU Loss", AAAI 2020 (arXiv:1911.08287), section 3.1.

    The protocol scores the L1 distance of boxes to targets of area 1, on which no loss can do better than one made for
    just that. `sizes` and `coordinates` change this one thing, and the result has the IoU too.

    Parameters
    ----------
    losses : Loss or several
        The losses.
    protocol : {"diou2020", "rotated", "inner2023", "inner2023-far", "wiou2023", "piou2024"}
        The experiment. ``"rotated"`` is the first with targets at any angle, to which anchors turn from the angle 0.
        Those of the Inner-IoU paper (arXiv:2311.02877) are the first about another place, with anchors up to 3, or
        from 6 to 9 away; those of the Wise-IoU (arXiv:2301.10051) and Powerful-IoU papers (Neural Networks 170, 2024)
        start within 1/2 and take 120 steps of Adam with a learning rate of 0.01, on corners, and on centre and size.
    gradient : {"true", "released"}
        The gradients of the losses, or those of the code that the authors released, which depart from them and which
        the published curves come from: see ``boxloss.lab.released``. Released are those of IoU, GIoU, DIoU and CIoU.
    sizes : {"unit", "mixed"}
        ``"mixed"``: everything at a point is scaled by one of 1/8, 1/4, 1/2, 1, 2, 4 and 8, the offset too.
    coordinates : {"absolute", "relative"}
        What is descended on: coordinates in the units of the loss, or the same divided by the side of the target, as
        detectors predict offsets in units of an anchor or a stride. Only mixed sizes tell them apart.
    points : int
        The number of anchor centres, with 343 cases each: 5000 in the papers, 2000 in that of Inner-IoU.
    seed : int
        Of the anchor centres and of mixed sizes.

    Returns
    -------
    list of Simulation
        One a loss.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    The mean IoU at the start, after 50 steps and at the end, with few points:

    >>> import boxloss as bl
    >>> from boxloss import lab
    >>> for result in lab.simulate([bl.iou, bl.giou], points=20):
    ...     print(result.iou[[0, 50, 200]].round(2))
    [0.05 0.16 0.23]
    [0.05 0.51 0.99]
    """
    check_choice("protocol", protocol, PROTOCOLS)
    check_choice("gradient", gradient, GRADIENTS)
    if gradient == "released" and protocol != "diou2020":
        raise ValueError(f"gradient='released' is of code for the protocol 'diou2020'; got protocol={protocol!r}")
    check_choice("sizes", sizes, SIZES)
    check_choice("coordinates", coordinates, COORDINATES)
    losses = [losses] if isinstance(losses, Loss) else list(losses)
    for loss in losses:
        check_loss(loss)
    moved = [released(loss) if gradient == "released" else loss for loss in losses]
    cases = PROTOCOLS[protocol](check_count("points", points), sizes, check_seed(seed))
    results = []
    for loss, by in zip(losses, moved, strict=True):
        curves_and_maps = _regress(by, cases, coordinates)
        size = cases.start.size // cases.start.shape[-1]
        x, y = cases.target.reshape(-1, cases.target.shape[-1])[0, :2].tolist()
        about = size, cases.points, (x, y), cases.scale
        results.append(Simulation(loss, protocol, gradient, sizes, coordinates, *about, *curves_and_maps))
    return results


def _regress(loss: Loss, cases: Cases, coordinates: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Compute the curves of a `Simulation`, error and IoU, and its maps.

    A step on coordinates over s is lr times s times the gradient in absolute units, and moves a box by s times that.
    Adam's does not depend on the size of a gradient.
    """
    form = "cxcywha" if cases.parametrisation == "cxcywha" else "cxcywh"
    power = 1 if cases.optimizer == "adam" else 2
    groups = np.unique(cases.scale) if coordinates == "relative" else [None]
    error, iou = np.zeros((2, len(cases.lr) + 1))
    final_error, final_iou = np.empty((2, len(cases.points)))
    for scale in groups:
        at = slice(None) if scale is None else cases.scale == scale
        lr = cases.lr if scale is None else cases.lr * scale**power
        run = descend(
            loss,
            cases.start[at],
            cases.target[at],
            cases.optimizer,
            lr=lr.tolist(),
            steps=len(lr),
            parametrisation=cases.parametrisation,
            scale_by_iou=cases.scale_by_iou,
            record="curves",
        )
        share = len(run.start) / len(cases.points)
        error += share * np.asarray(run.error)
        iou += share * np.asarray(run.iou)
        final_error[at] = L1(coordinates="cxcywh")(run.final, run.target, format=form).sum(axis=1)
        final_iou[at] = iou_score(run.final, run.target, format=form).mean(axis=1)
    return error, iou, final_error, final_iou
