"""Paired differences, their intervals, and what is left of them when there are many."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from boxloss.check import check_choice
from boxloss.lab.training.contenders import Contender
from boxloss.lab.training.jobs import METRICS, Metric
from boxloss.lab.training.result import Training

LEVEL = 0.95


@dataclass(frozen=True)
class Difference:
    """How a loss did beside the baseline in one regime; see `differences`.

    Attributes
    ----------
    regime : str
        Which of the experiments.
    contender : Contender
        The loss.
    mean : float
        The mean of the metric over trainings, minus that of the baseline.
    low, high : float
        The 95 % interval of this one difference: Student's, of the differences of paired trainings.
    p : float
        That of the paired t-test.
    adjusted : float
        The same after Holm's correction for all differences that were asked for together. Where nothing differs, one
        table of differences in twenty has any that is below 0.05.
    """

    regime: str
    contender: Contender
    mean: float
    low: float
    high: float
    p: float
    adjusted: float


def differences(results: Training | Sequence[Training], metric: Metric = "ap") -> list[Difference]:
    """Compare each loss with the baseline, in all regimes at once.

    Parameters
    ----------
    results : Training or several
        What `train` returned. All comparisons in them are corrected for together.
    metric : {"ap", "ap50", "ap75"}
        What is compared.

    Returns
    -------
    list of Difference
        In the order of regimes and losses, without the baseline.

    Raises
    ------
    ValueError
        If the metric is unknown, or a result has fewer than two trainings of a loss.

    References
    ----------
    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).
    """
    check_choice("metric", metric, METRICS)
    several = [results] if isinstance(results, Training) else list(results)
    found = []
    for result in several:
        values = getattr(result, metric)
        if values.shape[1] < 2:
            raise ValueError(f"results must have two trainings of each loss or more; {result.regime!r} has one")
        base = values[result.contenders.index(result.baseline)]
        for contender, value in zip(result.contenders, values, strict=True):
            if contender != result.baseline:
                found.append((result.regime, contender, *paired(value - base)))
    adjusted = holm([row[-1] for row in found])
    return [Difference(*row, each) for row, each in zip(found, adjusted, strict=True)]


def paired(difference: np.ndarray) -> tuple[float, float, float, float]:
    """Compute the mean, the ends of its interval and the p of the t-test; 1 if all are 0."""
    from scipy.special import stdtr, stdtrit

    count, mean = len(difference), float(difference.mean())
    error = float(difference.std(ddof=1)) / np.sqrt(count)
    reach = float(stdtrit(count - 1, 0.5 + LEVEL / 2)) * error
    if error == 0.0:
        return mean, mean, mean, float(mean == 0.0)
    return mean, mean - reach, mean + reach, float(2.0 * stdtr(count - 1, -abs(mean) / error))


def holm(p: Sequence[float]) -> list[float]:
    """Adjust p values by Holm: the smallest times the number of tests, the next times one less, and none below it."""
    order, least = np.argsort(p, kind="stable"), 0.0
    adjusted = [0.0] * len(p)
    for place, index in enumerate(order):
        least = max(least, min(1.0, (len(p) - place) * p[index]))
        adjusted[index] = least
    return adjusted
