"""Rotated detections and the annotations that they may match, found before matching: COCO's evaluation knows none."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxloss.coco.overlaps import rotated_iou
from boxloss.evaluation.arrange import Arranged, Boxes, Floats

PAIRS_AT_A_TIME = 1 << 20


class Near(NamedTuple):
    """For each detection the annotations near it, by place.

    Attributes
    ----------
    start : shape (N + 1,), or (0,) of axis-aligned boxes, which matching compares itself
        Where those of each detection begin.
    truth, iou
        Each of them, and its IoU; of a crowd the share of the detection inside.
    """

    start: NDArray[np.int64]
    truth: NDArray[np.int64]
    iou: Floats


NOTHING = Near(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def near(arranged: Arranged, lowest: float, engine: Any) -> Near:
    """Find the annotations of each detection's image and category that it overlaps by the lowest threshold or more."""
    found, truth, images = arranged.detections, arranged.truth, len(arranged.images)
    if truth.box.shape[1] == 4:
        return NOTHING
    place, wanted = _key(truth, images), _key(found, images)
    first, stop = np.searchsorted(place, wanted), np.searchsorted(place, wanted, side="right")
    until = np.cumsum(stop - first)
    counts, parts, start = np.zeros(len(wanted) + 1, np.int64), [], 0
    while start < len(wanted):
        before = until[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(until, before + PAIRS_AT_A_TIME, side="right")))
        own = stop[start:end] - first[start:end]
        detection = np.repeat(np.arange(start, end), own)
        annotation = np.arange(own.sum()) - np.repeat(np.cumsum(own) - own - first[start:end], own)
        iou = rotated_iou(found.box[detection], truth.box[annotation], arranged.crowd[annotation], engine)
        enough = iou >= lowest
        counts[1:] += np.bincount(detection[enough], minlength=len(wanted))
        parts.append((annotation[enough], iou[enough]))
        start = end
    if not parts:
        return Near(counts, NOTHING.truth, NOTHING.iou)
    truths, ious = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Near(np.cumsum(counts), truths, ious)


def _key(boxes: Boxes, images: int) -> NDArray[np.int64]:
    """Number the category and image of each box; annotations are in the order of it."""
    category = np.repeat(np.arange(len(boxes.start) - 1), np.diff(boxes.start))
    return category * max(images, 1) + boxes.image
