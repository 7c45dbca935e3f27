"""Ground truth and detections in the order in which COCO's evaluation looks at them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxloss.coco import Detections, GroundTruth
from boxloss.coco.order import all_of, falling, numbers_of

Floats = NDArray[np.float64]


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
    images = all_of(truth.images, truth.image_id, found.image_id)
    categories = all_of(known, truth.category_id, found.category_id)
    order = np.argsort(image := numbers_of(images, found.image_id), kind="stable")
    order = order[falling(found.score[order])]
    detections = _by_category(categories, found.category_id, image, found.box, order)
    order = np.argsort(image := numbers_of(images, truth.image_id), kind="stable")
    annotations = _by_category(categories, truth.category_id, image, truth.box, order)
    score, crowd, area = found.score[detections.place], truth.crowd[annotations.place], truth.area[annotations.place]
    return Arranged(images, categories, detections, score, annotations, crowd, area)


def _by_category(categories: NDArray[Any], category: NDArray[Any], image: Any, box: Floats, order: Any) -> Boxes:
    numbers = numbers_of(categories, category)
    place = order[np.argsort(numbers[order], kind="stable")]
    start = np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=len(categories)))])
    return Boxes(start, place, image[place].astype(np.int32), np.take(box, place, axis=0))
