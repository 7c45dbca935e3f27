"""Ground truth and detections in the order in which COCO's evaluation looks at them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxloss.coco import Detections, GroundTruth

Floats = NDArray[np.float64]
SPREAD = 4  # integer ids that lie in a range of so many times their number are looked up in a table


class Boxes(NamedTuple):
    """Boxes by category.

    Attributes
    ----------
    start : shape (K + 1,)
        Where each category begins.
    place : shape (N,)
        Where each box was before.
    image : shape (N,)
        The number of its image.
    box : shape (N, 4) or (N, 5)
        [x, y, width, height], or (cx, cy, width, height, angle) of rotated boxes.
    """

    start: NDArray[np.int64]
    place: NDArray[np.int64]
    image: NDArray[np.int32]
    box: Floats


class Arranged(NamedTuple):
    """What is evaluated.

    Attributes
    ----------
    images, categories
        Their ids, rising.
    detections
        By category, falling score, image and place.
    score
        Scores of the detections.
    truth
        By category, image and place.
    crowd, area
        Of the annotations.
    """

    images: NDArray[Any]
    categories: NDArray[Any]
    detections: Boxes
    score: Floats
    truth: Boxes
    crowd: NDArray[np.bool_]
    area: Floats


def arrange(truth: GroundTruth, found: Detections) -> Arranged:
    """Sort ground truth and detections."""
    known = None if truth.categories is None else np.array(list(truth.categories))
    images = _all_of(truth.images, truth.image_id, found.image_id)
    categories = _all_of(known, truth.category_id, found.category_id)
    order = np.argsort(image := _numbers(images, found.image_id), kind="stable")
    order = order[_falling(found.score[order])]
    detections = _by_category(categories, found.category_id, image, found.box, order)
    order = np.argsort(image := _numbers(images, truth.image_id), kind="stable")
    annotations = _by_category(categories, truth.category_id, image, truth.box, order)
    score, crowd, area = found.score[detections.place], truth.crowd[annotations.place], truth.area[annotations.place]
    return Arranged(images, categories, detections, score, annotations, crowd, area)


def _by_category(categories: NDArray[Any], category: NDArray[Any], image: Any, box: Floats, order: Any) -> Boxes:
    numbers = _numbers(categories, category)
    place = order[np.argsort(numbers[order], kind="stable")]
    start = np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=len(categories)))])
    return Boxes(start, place, image[place].astype(np.int32), np.take(box, place, axis=0))


def _falling(scores: Floats) -> NDArray[np.int64]:
    """Return the order of falling scores; equal ones keep theirs.

    By 16 bits at a time, for which NumPy has a radix sort: half the time of its stable sort of floats (measured).
    """
    bits = (0.0 - scores).view(np.int64)  # 0 for both zeros
    bits ^= (bits >> 63) & 0x7FFF_FFFF_FFFF_FFFF  # floats below 0 fall as their bits rise
    order = np.argsort(bits.astype(np.uint16), kind="stable")
    for shift in (16, 32, 48):
        digits = (bits >> shift).astype(np.int16 if shift == 48 else np.uint16)
        order = order[np.argsort(digits[order], kind="stable")]
    return order


def _all_of(listed: NDArray[Any] | None, *used: NDArray[Any]) -> NDArray[Any]:
    """Return the ids that are listed, or else those that are used, rising."""
    return np.unique(np.concatenate([ids for ids in used if len(ids)] or used) if listed is None else listed)


def _numbers(known: NDArray[Any], ids: NDArray[Any]) -> NDArray[Any]:
    """Return the place of each id among those that are known, in the smallest type, which NumPy sorts the fastest."""
    dtype = np.uint16 if len(known) <= 1 << 16 else np.int32
    if known.dtype.kind == "i" and len(known):
        span = int(known[-1]) - int(known[0]) + 1
        if span <= SPREAD * max(len(known), len(ids)):
            table: NDArray[Any] = np.zeros(span, dtype)
            table[known - known[0]] = np.arange(len(known))
            numbers: NDArray[Any] = table[ids - known[0]]
            return numbers
    return np.searchsorted(known, ids).astype(dtype)
