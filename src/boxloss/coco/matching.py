"""Match detections to ground truth as COCO's evaluation does.

In every image and category the detections take their turns, the highest score first. Each takes the annotation that it
overlaps most among those still free, provided that the IoU reaches the threshold. A crowd is never taken: it only
excuses detections that found nothing else, so it has no part in the pairs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxloss.coco.columns import Detections, GroundTruth
from boxloss.coco.order import all_of, distinct, falling, numbers_of
from boxloss.coco.overlaps import engine_for, rotated_iou

MAX_DETECTIONS = 100  # of one image and category: as many as COCO's evaluation looks at
HIGHEST_THRESHOLD = 1 - 1e-10  # a threshold of 1 would ask for more than rounding leaves of a perfect match
BLOCK = 1 << 16  # candidate pairs whose IoU is computed at once: what becomes of them stays in a cache

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Matches:
    """Pairs of a detection and the annotation that it matches, by image, category and falling score.

    Attributes
    ----------
    image_id, category_id, annotation_id
        Ids of the annotation of each pair.
    detection
        Position of its detection in the file, counted from 0.
    score
        Score of the detection.
    iou
        IoU of the two boxes.
    pred, target
        Boxes of detection and annotation, [x1, y1, x2, y2] or (cx, cy, width, height, angle in radians).
    ignored
        Positions of the detections without a match that lie in a crowd: neither right nor wrong.
    unseen
        The number of detections that were not looked at, past the highest scores of their image and category.
    format
        The format of the boxes: ``"xyxy"``, or ``"cxcywha"`` if they are rotated.
    """

    image_id: NDArray[Any]
    category_id: NDArray[Any]
    annotation_id: NDArray[Any]
    detection: Indices
    score: Floats
    iou: Floats
    pred: Floats
    target: Floats
    ignored: Indices
    unseen: int
    format: str = "xyxy"

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.iou)


class Candidates(NamedTuple):
    """Pairs of a detection and an annotation, as positions in their files, with their IoU."""

    detection: Indices
    annotation: Indices
    iou: Floats

    def where(self, mask: NDArray[Any]) -> "Candidates":
        """Return the pairs under a mask or at some positions."""
        return Candidates(self.detection[mask], self.annotation[mask], self.iou[mask])


def match(
    truth: GroundTruth, detections: Detections, iou_threshold: float = 0.5, max_detections: int = MAX_DETECTIONS
) -> Matches:
    """Match detections to annotations, greedily in the order of their scores.

    Equal scores keep the order of the file, and of annotations with equal IoU the last is taken. Boxes of every area
    count.

    Parameters
    ----------
    truth
        The ground truth.
    detections
        The detections.
    iou_threshold
        The lowest IoU of a match.
    max_detections
        How many detections of one image and category are looked at: those with the highest scores.

    Returns
    -------
    Matches
        The pairs.

    Raises
    ------
    ValueError
        If a number is out of its range, or boxes are rotated on one side alone.
    """
    if not 0.0 <= iou_threshold <= 1.0:
        raise ValueError(f"iou_threshold must be between 0 and 1, not {iou_threshold}")
    if max_detections < 1:
        raise ValueError(f"max_detections must be 1 or more, not {max_detections}")
    if truth.box.shape[1] != detections.box.shape[1]:
        raise ValueError(f"boxes must be rotated in both or in neither of {truth.name} and {detections.name}")
    detected, annotated = _groups(truth, detections)
    _, looked_at = np.unique(detected, return_counts=True)
    threshold = min(iou_threshold, HIGHEST_THRESHOLD)
    candidates = _candidates(truth, detections, detected, annotated, max_detections, threshold)
    in_crowd = truth.crowd[candidates.annotation]
    detection, annotation, iou = _greedy(candidates.where(~in_crowd))
    is_ignored = np.zeros(len(detections.score), bool)  # setdiff1d would import all of numpy.ma
    is_ignored[candidates.detection[in_crowd]] = True
    is_ignored[detection] = False
    return Matches(
        image_id=truth.image_id[annotation],
        category_id=truth.category_id[annotation],
        annotation_id=truth.annotation_id[annotation],
        detection=detections.position[detection],
        score=detections.score[detection],
        iou=iou,
        pred=_pictured(detections.box[detection]),
        target=_pictured(truth.box[annotation]),
        ignored=detections.position[is_ignored],
        unseen=int(np.maximum(looked_at - max_detections, 0).sum()),
        format="cxcywha" if truth.box.shape[1] == 5 else "xyxy",
    )


def _candidates(
    truth: GroundTruth, detections: Detections, detected: Indices, annotated: Indices, most: int, threshold: float
) -> Candidates:
    """Find the pairs of one image and category whose IoU reaches the threshold, in the order of their turns."""
    groups = distinct(annotated)
    (queue,) = np.nonzero(np.isin(detected, groups))  # others have nothing to match
    queue = queue[falling(detections.score[queue])]
    own = numbers_of(groups, detected[queue])
    by_group = np.argsort(own, kind="stable")
    queue, own = queue[by_group], own[by_group]
    seen = np.arange(len(own)) - _begins(own, len(groups))[own] < most
    queue, own = queue[seen], own[seen]
    place = numbers_of(groups, annotated)
    shelf = np.argsort(place, kind="stable")
    iou_of = _iou
    if truth.box.shape[1] == 5:
        iou_of = partial(rotated_iou, engine=engine_for(max(len(detections.box), len(truth.box))))
    found = []
    for turn, at in _equal(own, _begins(place, len(groups))):
        annotation = shelf[at]
        boxes = np.take(detections.box, queue[turn], axis=0), np.take(truth.box, annotation, axis=0)
        iou = iou_of(*boxes, truth.crowd[annotation])
        enough = iou >= threshold
        found.append((turn[enough], annotation[enough], iou[enough]))
    turn, annotation, iou = map(np.concatenate, zip(*found, strict=True))
    order = np.lexsort((-annotation, -iou, turn))
    return Candidates(queue[turn], annotation, iou).where(order)


def _groups(truth: GroundTruth, detections: Detections) -> tuple[Indices, Indices]:
    """Make one number of the image and category of each detection, and of each annotation."""
    groups: list[Indices] = [np.zeros(len(found.image_id), np.int64) for found in (detections, truth)]
    for key in ("image_id", "category_id"):
        ids = [getattr(found, key) for found in (detections, truth)]
        known = all_of(None, *ids)
        groups = [group * len(known) + numbers_of(known, each) for group, each in zip(groups, ids, strict=True)]
    return groups[0], groups[1]


def _begins(numbers: NDArray[Any], count: int) -> Indices:
    """Find where each number begins among all in order, and where the last ends."""
    return np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=count))])


def _equal(left: NDArray[Any], begins: Indices) -> Iterator[tuple[Indices, Indices]]:
    """Find all (i, j) so that j is one of the places of the number left[i], block by block, i rising."""
    start, count = begins[left], np.diff(begins)[left]
    end = np.cumsum(count)
    for block in np.split(np.arange(len(left)), np.searchsorted(end, np.arange(BLOCK, count.sum(), BLOCK))):
        many = count[block]
        first = start[block] - (np.cumsum(many) - many)
        yield np.repeat(block, many), np.arange(many.sum()) + np.repeat(first, many)


def _iou(detection: Floats, annotation: Floats, crowd: NDArray[np.bool_]) -> Floats:
    """Compute the IoU of boxes [x, y, width, height], over the detection's own area where the annotation is a crowd.

    Not `boxloss.iou_score`: the threshold and ties need the very bits of COCO's evaluation, so its operations and
    their order.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        far = np.minimum(detection[:, :2] + detection[:, 2:], annotation[:, :2] + annotation[:, 2:])
        sides = np.maximum(far - np.maximum(detection[:, :2], annotation[:, :2]), 0.0)
        intersection = sides[:, 0] * sides[:, 1]
        area = detection[:, 2] * detection[:, 3]
        union = np.where(crowd, area, area + annotation[:, 2] * annotation[:, 3] - intersection)
        iou: Floats = np.divide(intersection, union, out=np.zeros_like(union), where=intersection > 0.0)
    return iou


def _greedy(candidates: Candidates) -> Candidates:
    """Choose the candidates that become pairs: the first in which neither box is taken, and so on."""
    detections, annotations, chosen = set(), set(), []
    for index, (detection, annotation) in enumerate(
        zip(candidates.detection.tolist(), candidates.annotation.tolist(), strict=True)
    ):
        if detection not in detections and annotation not in annotations:
            detections.add(detection)
            annotations.add(annotation)
            chosen.append(index)
    return candidates.where(np.array(chosen, np.int64))


def _pictured(box: Floats) -> Floats:
    """Convert [x, y, width, height] to [x1, y1, x2, y2]; boxes with an angle stay."""
    if box.shape[1] == 5:
        return box
    return np.concatenate([box[:, :2], box[:, :2] + box[:, 2:]], axis=1)
