"""How closely a loss follows the IoU."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from boxloss.lab.check import check_loss
from boxloss.lab.generators import Pairs, as_pairs
from boxloss.losses.iou_score import iou_score
from boxloss.losses.loss import Loss

BINS, FEWEST = 100, 20  # of the conditional spread: bins of IoU, and pairs that a bin must have to count
LEVEL = 0.4  # the IoU at which the range of the loss is taken
HALF_WIDTH = 0.005  # of the IoUs that count as that one
FEW = 100_000  # pairs: ten rank correlations of so many take as long as the import of scipy.stats, a second


class Agreement(NamedTuple):
    """How closely values of a loss follow the IoU.

    Attributes
    ----------
    size : int
        The number of pairs.
    spearman, kendall : float
        Spearman's rank correlation and Kendall's tau-b of the loss and the IoU: -1 if the loss orders pairs just as the
        IoU does, with ties where it has ties. NaN if either is constant.
    spread : float
        Conditional spread: the range from the 5th to the 95th percentile of the loss among pairs of nearly equal IoU,
        averaged over pairs and divided by that range of all pairs. 0 if the IoU says what the loss is (0.01 for the IoU
        itself, by the width of a bin), about 1 if it says nothing. Pairs without overlap are one bin, the others are
        binned by 1/100 of IoU; a bin of fewer than 20 pairs does not count. NaN if none counts.
    low, high : float
        The 5th and the 95th percentile of the loss among pairs with an IoU of 0.4, give or take 0.005, in the units of
        the loss. NaN without such pairs.
    residual : float
        Isotonic residual: the share of the variance of the loss that is left over the best function of the IoU that
        never rises. 0 if the loss is such a function.
    """

    size: int
    spearman: float
    kendall: float
    spread: float
    low: float
    high: float
    residual: float


@dataclass(frozen=True, eq=False)
class Correlation:
    """A loss and the IoU over pairs of boxes; see `correlate`.

    Attributes
    ----------
    loss : Loss
        The loss.
    pairs : Pairs
        The pairs.
    value, iou : ndarray, shape (N,)
        The loss and the IoU of each pair.
    all, overlapping : Agreement
        Over all pairs, and over those that overlap.
    """

    loss: Loss
    pairs: Pairs
    value: np.ndarray
    iou: np.ndarray
    all: Agreement
    overlapping: Agreement


def correlate(loss: Loss, pairs: Any = "mixed", *, count: int = 1_000_000, seed: int = 0) -> Correlation:
    """Measure how closely a loss follows the IoU.

    Rank correlation of a surrogate loss with its metric is the measure of Huang et al., "ReLoss" (arXiv:2202.13197); a
    scatter of GIoU against IoU is figure 3 of Rezatofighi et al. (arXiv:1902.09630). What comes out for a coordinate
    loss depends on its `coordinates` and on how much the sizes of targets differ.

    Parameters
    ----------
    loss : Loss
        The loss.
    pairs : {"fixed", "mixed", "rotated"}, Pairs, or (array, array)
        The name of a generator (see `generate`), pairs (see `coco_pairs`), or pred and target: boxes [x1, y1, x2, y2]
        of shape (..., 4), or with an angle (x, y, w, h, angle in radians) of shape (..., 5).
    count, seed : int
        How many pairs to generate, and from which seed; a name needs them.

    Returns
    -------
    Correlation

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> import boxloss as bl
    >>> from boxloss import lab
    >>> for loss in (bl.l1, bl.ciou):
    ...     print(round(lab.correlate(loss, "mixed", count=10_000).all.spearman, 2))
    -0.66
    -0.99
    """
    check_loss(loss)
    boxes = as_pairs(pairs, count, seed)
    if not len(boxes):
        raise ValueError("pairs must hold at least one pair; got none")
    if not np.isfinite(boxes.pred).all() or not np.isfinite(boxes.target).all():
        raise ValueError("pairs must be of finite boxes; got NaN or infinity")
    value, iou = (of(boxes.pred, boxes.target, format=boxes.format) for of in (loss, iou_score))
    meet = iou > 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # the losses of huge boxes are infinite
        return Correlation(loss, boxes, value, iou, agreement(value, iou), agreement(value[meet], iou[meet]))


def agreement(value: np.ndarray, iou: np.ndarray) -> Agreement:
    """Compute all measures of how closely values follow the IoU."""
    if not len(value):
        return Agreement(0, *[math.nan] * 6)
    at_level = value[np.abs(iou - LEVEL) <= HALF_WIDTH]
    low, high = np.percentile(at_level, [5, 95]).tolist() if len(at_level) else (math.nan, math.nan)
    ranks = rank_correlation(value, iou), kendall_tau(value, iou)
    return Agreement(len(value), *ranks, conditional_spread(value, iou), low, high, isotonic_residual(value, iou))


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Compute Spearman's rank correlation; NaN for fewer than two numbers and where an array is constant or has a NaN.

    By NumPy: `boxloss score` needs no more of SciPy's statistics, whose import takes a second and more.
    """
    if not _vary(a, b) or np.isnan(a).any() or np.isnan(b).any():
        return math.nan
    return float(np.corrcoef(np.column_stack([average_ranks(a), average_ranks(b)]), rowvar=False)[1, 0])


def average_ranks(values: np.ndarray) -> np.ndarray:
    """Find the ranks of numbers, from 1; equal ones have the mean of theirs."""
    _, which, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - 0.5 * (count - 1.0))[which])


def kendall_tau(a: np.ndarray, b: np.ndarray) -> float:
    """Compute Kendall's tau-b; NaN for fewer than two numbers and where an array is constant or has a NaN.

    Of few pairs by NumPy, to the last bit as SciPy has it: SciPy takes a third of the time, once it is imported.
    """
    if not _vary(a, b) or np.isnan(a).any() or np.isnan(b).any():
        return math.nan
    if len(a) > FEW:
        from scipy import stats

        return float(stats.kendalltau(a, b).statistic)
    order = np.lexsort((b, a))
    of_a, of_b = (np.unique(values[order], return_inverse=True)[1] for values in (a, b))
    both = np.cumsum(np.append(True, (np.diff(of_a) != 0) | (np.diff(of_b) != 0))) - 1
    total = len(a) * (len(a) - 1) // 2
    tied_a, tied_b, tied = (_equal_pairs(ranks) for ranks in (of_a, of_b, both))
    surplus = total - tied_a - tied_b + tied - 2 * _pairs_in_falling_order(of_b)
    tau = surplus / np.sqrt(total - tied_a) / np.sqrt(total - tied_b)
    return float(min(1.0, max(-1.0, tau)))


def _equal_pairs(ranks: np.ndarray) -> int:
    """Count the pairs that have the same rank."""
    count = np.bincount(ranks)
    return int(np.sum(count * (count - 1) // 2))


def _pairs_in_falling_order(ranks: np.ndarray) -> int:
    """Count the numbers that have a smaller one somewhere after them.

    Bit by bit from the highest: of numbers that agree in the higher bits, which lie side by side, each 0 is after some
    that have a 1; then those with a 0 go first, in the order that they have.
    """
    found = 0
    for bit in reversed(range(int(ranks.max()).bit_length())):
        high, is_one = ranks >> (bit + 1), (ranks >> bit) & 1
        begin = np.append(True, high[1:] != high[:-1])
        start = np.flatnonzero(begin)
        group = np.cumsum(begin) - 1
        ones = np.cumsum(is_one) - is_one  # before each
        ones -= ones[start][group]
        found += int(ones[is_one == 0].sum())
        zeros_of = np.add.reduceat(1 - is_one, start)
        before = np.arange(len(ranks)) - start[group] - ones  # zeros before each, in its group
        place = start[group] + np.where(is_one, zeros_of[group] + ones, before)
        moved = np.empty_like(ranks)
        moved[place] = ranks
        ranks = moved
    return found


def _vary(*arrays: np.ndarray) -> bool:
    """Say whether every array has two different numbers."""
    return all(bool(np.any(array != array[:1])) for array in arrays)


def conditional_spread(value: np.ndarray, iou: np.ndarray) -> float:
    """Compute the 5th to 95th percentile range within bins of IoU, averaged over pairs, over that of all pairs."""
    whole = percentile_range(value)
    if whole == 0.0:
        return math.nan
    which = np.ceil(iou * BINS)  # 0 for no overlap
    order = np.argsort(which, kind="stable")
    groups = np.split(value[order], np.flatnonzero(np.diff(which[order])) + 1)
    counted = [group for group in groups if len(group) >= FEWEST]
    if not counted:
        return math.nan
    return sum(len(group) * percentile_range(group) for group in counted) / (sum(map(len, counted)) * whole)


def percentile_range(values: np.ndarray) -> float:
    """Compute the 95th percentile minus the 5th."""
    low, high = np.percentile(values, [5, 95])
    return float(high - low)


def isotonic_residual(value: np.ndarray, iou: np.ndarray) -> float:
    """Compute the share of variance over the best non-increasing function of the IoU."""
    from scipy.optimize import isotonic_regression

    total = np.sum((value - value.mean()) ** 2)
    if total == 0.0:
        return math.nan
    _, level, count = np.unique(iou, return_inverse=True, return_counts=True)
    mean = np.bincount(level, value) / count
    fit = isotonic_regression(mean, weights=count, increasing=False).x
    return float(np.sum((value - fit[level]) ** 2) / total)
