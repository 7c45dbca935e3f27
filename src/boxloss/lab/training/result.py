"""What trainings came to."""

from dataclasses import dataclass

import numpy as np

from boxloss.lab.training.contenders import Contender


@dataclass(frozen=True, eq=False)
class Training:
    """How well models detect that were trained on several losses; see `train`.

    Attributes
    ----------
    regime : str
        What was trained and on what.
    contenders : tuple of Contender
        The losses (C,), those of coordinates on deltas and in pixels.
    baseline : Contender
        That of them which the others are compared with.
    seed : int
        Of random numbers.
    share : float
        Part of the steps and canvases of the regime.
    rates : ndarray, shape (G,)
        The learning rates that were tried.
    validation : ndarray, shape (C, G)
        Mean AP on validation canvases, by which the rate of each loss was chosen.
    chosen : ndarray of int, shape (C,)
        Which of the rates.
    ap, ap50, ap75 : ndarray, shape (C, N)
        On test canvases, of each loss and each of N trainings. Trainings of the same number have the same canvases,
        proposals, scores, batches and weights at the start.
    steps : ndarray of int, shape (K,)
        Steps after which models were scored, the last one the last.
    curve : ndarray, shape (C, K)
        The mean AP of each loss after these steps.
    """

    regime: str
    contenders: tuple[Contender, ...]
    baseline: Contender
    seed: int
    share: float
    rates: np.ndarray
    validation: np.ndarray
    chosen: np.ndarray
    ap: np.ndarray
    ap50: np.ndarray
    ap75: np.ndarray
    steps: np.ndarray
    curve: np.ndarray
