"""What matching found: all that curves, and resamples of the images, are made of."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxloss.coco.matching import HIGHEST_THRESHOLD
from boxloss.evaluation import steps
from boxloss.evaluation.arrange import Arranged, Floats
from boxloss.evaluation.overlaps import near

RECALLS = np.linspace(0.0, 1.0, 101)  # the recalls at which COCO's evaluation reads off the precision

Integers = NDArray[np.int64]
Kernels = dict[str, Any]


class Marks(NamedTuple):
    """Detections as right, wrong or ignored.

    Attributes
    ----------
    start, image, score
        Of the detections; see `boxloss.evaluation.arrange`.
    turn : shape (N,)
        How many detections of the same image and category go before.
    right, ignored : shape (A, N)
        A bit for each threshold; see `boxloss.evaluation.steps`.
    truth_start, truth_image
        Of the annotations.
    truth_ignored : shape (A, G)
        Whether they are crowds or out of a range of areas.
    """

    start: Integers
    image: NDArray[np.int32]
    score: Floats
    turn: NDArray[np.int32]
    right: Integers
    ignored: Integers
    truth_start: Integers
    truth_image: NDArray[np.int32]
    truth_ignored: NDArray[np.bool_]


class Curves(NamedTuple):
    """Precision and score at each of `RECALLS`, and the highest recall: NaN where there is no annotation.

    Shapes (K, A, M, T, R), and (K, A, M, T) of `recall`.
    """

    precision: Floats
    recall: Floats
    scores: Floats


def match(arranged: Arranged, thresholds: Floats, areas: Floats, most: int, engine: str) -> Marks:
    """Match detections to annotations.

    Parameters
    ----------
    arranged
        Both.
    thresholds : shape (T,)
        The lowest IoUs of a match.
    areas : shape (A, 2)
        Ranges of areas.
    most
        So many detections of an image and category are looked at.
    engine
        ``"numba"`` or ``"array"``, which runs the steps without compiling them.
    """
    found, truth, A = arranged.detections, arranged.truth, len(areas)
    outside = (arranged.area < areas[:, :1]) | (arranged.area > areas[:, 1:])
    truth_ignored = np.ascontiguousarray(arranged.crowd | outside)
    taken = np.zeros((A, len(truth.image)), np.int64)
    turn = np.zeros(len(found.image), np.int32)
    right, ignored = np.zeros((A, len(found.image)), np.int64), np.zeros((A, len(found.image)), np.int64)
    of_truth = (truth.start, truth.image, truth.box, arranged.crowd, truth_ignored)
    given = (found.start, found.image, found.box, *of_truth, thresholds, areas, most)
    known = near(arranged, min(HIGHEST_THRESHOLD, thresholds.min()), engine)
    images, annotations = len(arranged.images), len(truth.image)

    def room() -> tuple[Any, ...]:
        of_images = np.zeros(images, np.int64), np.zeros(images, np.int64)
        return *of_images, np.empty(annotations, np.int64), np.empty(annotations)

    _run("match", len(arranged.categories), engine, (*given, *known), room, (taken, turn, right, ignored))
    of_truth_again = (truth.start, truth.image, truth_ignored)
    return Marks(found.start, found.image, arranged.score, turn, right, ignored, *of_truth_again)


def accumulate(marks: Marks, max_detections: Integers, T: int, engine: str) -> Curves:
    """Make curves of what matching found."""
    K, A, M, R = len(marks.start) - 1, len(marks.right), len(max_detections), len(RECALLS)
    precision, recall, scores = (np.full(shape, np.nan) for shape in ((K, A, M, T, R), (K, A, M, T), (K, A, M, T, R)))
    found = (marks.start, marks.score, marks.turn, marks.right, marks.ignored)
    given = (*found, marks.truth_start, marks.truth_ignored, RECALLS, max_detections)
    annotations = int(np.diff(marks.truth_start).max(initial=0))

    def room() -> tuple[Any, ...]:
        counts = np.empty((M, T), np.int64), np.empty((M, T), np.int64), np.empty(M, np.int64)
        return np.empty(R, np.int64), *np.empty((2, M, T, annotations + 1)), *counts

    _run("accumulate", K, engine, given, room, (precision, recall, scores))
    return Curves(precision, recall, scores)


def _run(
    step: str,
    categories: int,
    engine: str,
    given: tuple[Any, ...],
    room: Callable[[], tuple[Any, ...]],
    out: tuple[Any, ...],
) -> None:
    """Run a step over all categories, some of them on each thread, which has room of its own to work in."""
    if engine == "array":
        with np.errstate(all="ignore"):
            getattr(steps, step)(*given, 0, categories, *room(), *out)
        return
    from boxloss.engines.numba.compile import compiled
    from boxloss.engines.threads import split_work
    from boxloss.evaluation import kernels

    kernel = compiled(getattr(kernels, step), np.dtype(np.float64))
    split_work(lambda first, last: kernel(*given, first, last, *room(), *out), categories, 1)
