"""The quick way to read COCO's JSON files, which are right as a rule: typed records, straight to columns.

It answers None where msgspec is not installed, and for whatever is not just as the formats want it: then
`boxloss.coco.read` reads the content once more, value by value, and says what is wrong with which record.
"""

import re
import struct
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from boxloss.coco import records
from boxloss.coco.boxes import CORNERS, NUMBERS, evaluated, unreadable, usual
from boxloss.coco.columns import Columns, Detections, GroundTruth, OtherwiseError
from boxloss.coco.sources import Source
from boxloss.printable import printable

Read = TypeVar("Read")
ANGLES = tuple(f'"{name}"'.encode() for name in records.ANGLES)
ESCAPED_LETTERS = (rb"\u006", rb"\u007")  # nobody writes letters so, but a name may be written so
ANGLE = re.compile(rb"(?:" + b"|".join(ANGLES) + rb")[ \t\n\r]*:[ \t\n\r]*+(?!0(?:\.0*)?[ \t\n\r]*[,}])")


def ground_truth(source: Source, content: bytes, format: str | None = None) -> GroundTruth | None:
    """Read a COCO annotation file whose ids are integers."""

    def read() -> GroundTruth:
        from boxloss.coco import structs

        image_ids, names, found, is_upright = structs.annotation_file(content)
        if not is_upright:
            _check_no_angles(content, found, format)
        categories = None if names is None else np.array(list(names))
        images = None if image_ids is None else np.array(image_ids)
        _check_known(found["image_id"], images)
        _check_known(found["category_id"], categories)
        _check_different(found["id"])
        _check((found["iscrowd"] == 0) | (found["iscrowd"] == 1))
        box, its_format = _boxes(found, format)
        with np.errstate(over="ignore"):
            area = np.where(np.isnan(found["area"]), box[:, 2] * box[:, 3], found["area"])
        return GroundTruth(
            name=printable(str(source)),
            images=images,
            categories=names,
            image_id=found["image_id"],
            category_id=found["category_id"],
            annotation_id=found["id"],
            box=box,
            crowd=found["iscrowd"] == 1,
            area=area,
            format=its_format,
        )

    return _unless_otherwise(read)


def detections(source: Source, content: bytes, truth: GroundTruth, format: str | None = None) -> Detections | None:
    """Read a COCO results file whose ids are integers."""

    def read() -> Detections:
        from boxloss.coco import structs

        found, is_upright = structs.results_file(content)
        if not is_upright:
            _check_no_angles(content, found, format)
        _check(np.array([truth.image_id.dtype.kind == "i", truth.category_id.dtype.kind == "i"]))
        _check_known(found["image_id"], truth.images)
        _check_known(found["category_id"], None if truth.categories is None else np.array(list(truth.categories)))
        box, its_format = _boxes(found, format)
        return Detections(
            name=printable(str(source)),
            image_id=found["image_id"],
            category_id=found["category_id"],
            box=box,
            score=found["score"],
            position=np.arange(len(found["score"])),
            format=its_format,
        )

    return _unless_otherwise(read)


def _unless_otherwise(read: Callable[[], Read]) -> Read | None:
    if find_spec("msgspec") is None:
        return None
    import msgspec

    try:
        return read()
    except (OtherwiseError, msgspec.MsgspecError, struct.error, RecursionError):
        return None


def _check(right: NDArray[np.bool_]) -> None:
    if not right.all():
        raise OtherwiseError


def _boxes(found: Columns, format: str | None) -> tuple[NDArray[np.float64], str]:
    """Return boxes as they are evaluated, and the format that they were read in."""
    given = found["bbox"]
    format = format or usual(given.shape[1])
    _check(np.array([given.shape[1] == len(NUMBERS[format])]))
    if format not in CORNERS:
        _check(given[:, 2:4] >= 0.0)
    _check(~unreadable(given, format))
    return evaluated(given, format), format


def _check_no_angles(content: bytes, found: Columns, format: str | None) -> None:
    """Check that nothing in the file looks as if a record had an angle beside its box."""
    if format is None and found["bbox"].shape[1] == 4:
        _check(np.array([letters not in content for letters in ESCAPED_LETTERS]))
        if any(name in content for name in ANGLES):
            _check(np.array([ANGLE.search(content) is None]))


def _check_different(ids: NDArray[Any]) -> None:
    _check(np.diff(np.sort(ids)) > 0)


def _check_known(ids: NDArray[Any], known: NDArray[Any] | None) -> None:
    """Check that ids are among those known, if any are, and that these are integers that differ."""
    if known is not None:
        _check(np.array([known.dtype.kind == "i"]))
        _check_different(known)
        _check(np.isin(ids, known))
