"""How files that are right in form may be meant: angles in radians, boxes of another format, ids of other files."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from boxloss.coco.boxes import ANGLES, AXIS_ALIGNED, CORNERS, ROTATED, described
from boxloss.coco.columns import Detections, GroundTruth
from boxloss.coco.matching import match
from boxloss.conversion import convert

THRESHOLD = 0.5  # IoU of a match that is no accident
MOST = 10_000  # detections to try on
IN_DEGREES = tuple(format for format, words in ANGLES.items() if "degrees" in words)
FAR, FARTHEST = 1.5, 3.15  # about a quarter and a half turn, between which the largest of angles in radians lies
FRACTION, PIXELS = 1.5, 8.0  # largest coordinate of boxes that are fractions of the image, and smallest of pixels


def hint(truth: GroundTruth, detections: Detections, max_detections: int, format: str | None = None) -> str | None:
    """Say how files may be meant: where angles may be no degrees, or most detections match nothing.

    Parameters
    ----------
    truth, detections
        The files as they were read.
    max_detections
        As of `match`.
    format
        The format that was asked for, if one was: then angles are what they are said to be.

    Returns
    -------
    str or None
        One line, or None if there is nothing to say.
    """
    if format is None and (text := _radians(truth, detections)):
        return text
    whole = truth, detections
    truth, detections = _first(truth, detections)
    size = min(len(detections.score), int(np.sum(~truth.crowd)))
    found = len(match(truth, detections, THRESHOLD, max_detections))
    text = f"{found} of {len(detections.score)} detections match at an IoU of {THRESHOLD:g}"
    if 2 * found >= size:
        return None if size else _strangers(*whole)
    for fractions, pixels in ((truth, detections), (detections, truth)):
        if 0.0 < _largest(fractions) <= FRACTION and _largest(pixels) >= PIXELS:
            return f"{text}: {fractions.name} may have fractions of the image, and {pixels.name} pixels"
    best = max(
        ((len(match(truth, other, THRESHOLD, max_detections)), how) for how, other in _readings(detections)),
        key=lambda pair: pair[0],
    )
    if best[0] <= 2 * found or 2 * best[0] < size:
        return _strangers(*whole)
    return f"{text}, but {best[0]} would {best[1]}"


def _radians(truth: GroundTruth, detections: Detections) -> str | None:
    """Say that angles that were read as degrees are as small as those in radians are."""
    if detections.format not in IN_DEGREES or not len(detections.box):
        return None
    largest = max(float(np.abs(np.degrees(boxes.box[:, 4])).max(initial=0.0)) for boxes in (truth, detections))
    if not FAR < largest <= FARTHEST:
        return None
    told = f"no angle of {truth.name} and {detections.name} is more than {largest:.3g}, as degrees"
    return f"{told}: they may be radians, as of the format 'cxcywha'"


def _strangers(truth: GroundTruth, detections: Detections) -> str | None:
    """Say that detections have no image or no category of any annotation."""
    for key in ("image_id", "category_id"):
        known, ids = (getattr(one, key).tolist() for one in (truth, detections))
        if known and ids and set(known).isdisjoint(ids):
            told = f"no {key} of {detections.name} is one of an annotation of {truth.name}"
            return f"{told}: {ids[0]!r} is one of the first, {known[0]!r} of the second"
    return None


def _readings(detections: Detections) -> Iterator[tuple[str, Detections]]:
    """List the ways in which detections may be meant, each with the words for it."""
    is_rotated = detections.box.shape[1] == 5
    formats: Iterable[str] = ROTATED if is_rotated else AXIS_ALIGNED
    if detections.format in CORNERS:  # eight numbers are nothing else
        formats = CORNERS
    form = "cxcywha" if is_rotated else "xywh"
    with np.errstate(over="ignore", invalid="ignore"):
        given = convert(detections.box, form, detections.format)
        for format in formats:
            if format != detections.format:
                text = f"if the boxes of {detections.name} were {described(format)}"
                yield text, replace(detections, box=convert(given, format, form))
    for key in ("category_id", "image_id"):
        ids = getattr(detections, key)
        for shift, word in ((1, "higher"), (-1, "lower")):
            if ids.dtype.kind == "i":
                yield f"if {key} of {detections.name} were 1 {word}", replace(detections, **{key: ids + shift})


def _first(truth: GroundTruth, detections: Detections) -> tuple[GroundTruth, Detections]:
    """Keep the first detections, and the annotations of their images and of those with the next ids."""
    if len(detections.score) <= MOST:
        return truth, detections
    ids = detections.image_id[:MOST]
    near = np.concatenate([ids - 1, ids, ids + 1]) if ids.dtype.kind == "i" else ids
    kept = np.isin(truth.image_id, near)
    truths = ("image_id", "category_id", "annotation_id", "box", "crowd", "area")
    found = ("image_id", "category_id", "box", "score", "position")
    return (
        replace(truth, **{name: getattr(truth, name)[kept] for name in truths}),
        replace(detections, **{name: getattr(detections, name)[:MOST] for name in found}),
    )


def _largest(boxes: GroundTruth | Detections) -> float:
    return float(np.max(np.abs(boxes.box[:, :4]), initial=0.0))
