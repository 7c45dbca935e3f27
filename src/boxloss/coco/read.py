"""Read ground truth and detections: COCO's JSON files, and tables with the same columns."""

from collections.abc import Mapping
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from boxloss.coco import typed
from boxloss.coco.boxes import AXIS_ALIGNED, COCO, NUMBERS, WORDS, check_format
from boxloss.coco.columns import Detections, GroundTruth
from boxloss.coco.records import ANGLES, Objects, Records, load_json
from boxloss.coco.sources import CocoError, Source, is_source, is_table, read_bytes
from boxloss.coco.tables import Table
from boxloss.libraries.arrays import is_cupy, is_tensor, to_host
from boxloss.printable import printable

RESULTS = ("annotations", "results", "predictions")  # keys under which an object may have the list of detections
KEYS = ("images", "categories", *RESULTS)  # those of the object that a file is
OF_COLUMNS = ("box", "boxes", "bbox", "bboxes")  # the column of boxes, by its name or another: in no object of COCO's
OF_A_RECORD = ("id", "name", "image_id", "category_id", "bbox", "score", "iscrowd", "area", "attributes", *ANGLES)
READ = frozenset((*KEYS, *OF_A_RECORD))  # other keys are not looked into: polygons are most of a file
LoadedJson = Mapping[str, Any] | list[Any]
"""What a COCO file holds, as `json.load` returns it."""


def read_ground_truth(source: Source | LoadedJson, format: str | None = None, *, lenient: bool = False) -> GroundTruth:
    """Read annotations.

    Parameters
    ----------
    source
        A COCO annotation file, which is a JSON object with `images`, `categories` and `annotations`, of which the
        first two may be missing; or a table, a Parquet or CSV file with the columns `image_id`, `category_id` and
        `bbox`. Without `iscrowd` an annotation marks no crowd, without `area` it has the area of its box; in a table
        without `id` the number of the row stands for it. Instead of a JSON file the object that `json.load` makes of
        it does as well; there may be numbers and arrays of any library in it.
    format
        The format of the boxes of a table: ``"xywh"``, ``"xyxy"``, ``"cxcywh"`` or ``"yxyx"``; or of the boxes of any
        file, if these are rotated: five numbers each, ``"cxcywha"``, ``"cxcywhd"``, ``"cxcywhr"`` or ``"xywhr"``, or
        the corners of rectangles, ``"xyxyxyxy"``. By default four numbers are ``"xywh"``, as in COCO, five
        ``"cxcywhr"``, as detectron2 writes them, and eight ``"xyxyxyxy"``, as in DOTA; all boxes of a file have as
        many. An angle that a JSON record has beside a box of four numbers is an error, unless this is ``"xywh"``.
        Instead of the list column `bbox` a table may have columns of numbers, such as `x`, `y`, `w` and `h`; `cx`,
        `cy`, `w`, `h` and `angle`; or `x1` to `y4`.
    lenient
        Whether to leave out records that are wrong instead of raising an error.

    Returns
    -------
    GroundTruth
        Its annotations.

    Raises
    ------
    CocoError
        If the file cannot be read or anything in it is not as the format wants it.
    TypeError, ValueError
        If `source` is no such thing, or `format` none of these.
    """
    check_format(format)
    if isinstance(source, Mapping | list):
        return _truth("ground truth", _plain(source), _of_json(format), lenient)
    _check_source(source)
    if is_table(source):
        return _annotations(source, Table(source, format, lenient))
    content = read_bytes(source)
    if (found := typed.ground_truth(source, content, _of_json(format))) is not None:
        return found
    return _truth(source, load_json(source, content), _of_json(format), lenient)


def is_loaded(value: Any) -> TypeGuard[LoadedJson]:
    """Say whether this is what a COCO file holds; not columns, of which ``images`` may be a wrong name of one."""
    if isinstance(value, Mapping):
        return any(key in value for key in KEYS) and not any(key in value for key in OF_COLUMNS)
    return isinstance(value, list)


def _check_source(source: Any) -> None:
    if not is_source(source):
        raise TypeError(f"source must be a path, or what json.load makes of a file; got {type(source).__name__}")


def _plain(value: Any, depth: int = 5) -> Any:
    """Make numbers and lists of a library those that a JSON file has: an object, lists, records, boxes."""
    if isinstance(value, Mapping):
        return {key: _plain(item, depth - 1) if key in READ and depth else item for key, item in value.items()}
    if is_tensor(value) or is_cupy(value):
        value = to_host(value)
    if hasattr(value, "__array__") and not isinstance(value, type):
        value = np.asarray(value).tolist()
    if isinstance(value, list | tuple):
        return [_plain(item, depth - 1) if depth else item for item in value]
    if isinstance(value, int):
        return value if isinstance(value, bool) else int(value)
    return float(value) if isinstance(value, float | np.floating) else value


def _of_json(format: str | None) -> str | None:
    """Find the format of boxes in a JSON file: formats of axis-aligned boxes are those of tables."""
    return COCO if format in AXIS_ALIGNED else format


def _truth(source: Source, content: Any, format: str | None, lenient: bool) -> GroundTruth:
    """Read what a COCO annotation file holds."""
    if not isinstance(content, dict):
        hint = ", but a list, as detections are" if isinstance(content, list) else ""
        raise CocoError(f"{source}: not an object with 'images', 'categories' and 'annotations'{hint}")
    if "annotations" not in content:
        raise CocoError(f"{source}: 'annotations' is missing")
    images = names = None
    left_out = 0
    if "images" in content:
        images, good = _listed(Objects(source, "image", "images", content["images"], lenient))
        images, left_out = images[good], left_out + int(np.sum(~good))
    if "categories" in content:
        categories = Objects(source, "category", "categories", content["categories"], lenient)
        texts = categories.strings("name")
        ids, good = _listed(categories)
        names = {key: text for key, text, right in zip(ids.tolist(), texts, good.tolist(), strict=True) if right}
        left_out += int(np.sum(~good))
    records = Objects(source, "annotation", "annotations", content["annotations"], lenient, format)
    return _annotations(source, records, images, names, left_out)


def _listed(records: Records) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the ids of images or categories, and which of them are right."""
    if not records.size:
        raise CocoError(f"{records.source}: there are no {records.kinds}")
    return records.ids("id"), records.good()


def _annotations(
    source: Source,
    records: Records,
    images: NDArray[Any] | None = None,
    categories: dict[Any, str] | None = None,
    left_out: int = 0,
) -> GroundTruth:
    """Read annotations of the images and categories that a file lists, or of any."""
    if not records.size:
        raise CocoError(f"{source}: there are no {records.kinds}")
    image_id = _of_known(records, "image_id", images, "images")
    known = None if categories is None else np.array(list(categories))
    category_id = _of_known(records, "category_id", known, "categories")
    annotation_id, box, crowd = records.ids("id"), records.boxes("bbox"), records.flags("iscrowd")
    area = records.areas("area", box)
    good = records.good()
    return GroundTruth(
        name=printable(str(source)),
        images=images,
        categories=categories,
        image_id=image_id[good],
        category_id=category_id[good],
        annotation_id=annotation_id[good],
        box=box[good],
        crowd=crowd[good],
        area=area[good],
        format=records.format or COCO,
        left_out=left_out + int(np.sum(~good)),
    )


def read_detections(
    source: Source | LoadedJson, truth: GroundTruth, format: str | None = None, *, lenient: bool = False
) -> Detections:
    """Read detections.

    Parameters
    ----------
    source
        A COCO results file, which is a JSON list of detections or an object that holds the list as `annotations`,
        `results` or `predictions`; or a table, a Parquet or CSV file with the columns `image_id`, `category_id`,
        `bbox` and `score`. Instead of a JSON file the list or the object does as well; there may be numbers and arrays
        of any library in it.
    truth
        The ground truth. The detections must be of the images and categories that it lists, and rotated if its boxes
        are.
    format, lenient
        As in `read_ground_truth`.

    Returns
    -------
    Detections
        The detections; there may be none.

    Raises
    ------
    CocoError
        If the file cannot be read or anything in it is not as the format wants it.
    TypeError, ValueError
        If `source` is no such thing, or `format` none of these.
    """
    check_format(format)
    if isinstance(source, Mapping | list):
        name = "detections"
        return _detections(name, _results(name, _plain(source), _of_json(format), lenient), truth)
    _check_source(source)
    if is_table(source):
        return _detections(source, Table(source, format, lenient), truth)
    content = read_bytes(source)
    if (found := typed.detections(source, content, truth, _of_json(format))) is not None:
        _check_as_many_numbers(source, found.box, found.format, truth)
        return found
    return _detections(source, _results(source, load_json(source, content), _of_json(format), lenient), truth)


def _detections(source: Source, records: Records, truth: GroundTruth) -> Detections:
    """Read detections of the images and categories of the ground truth."""
    image_id = (
        _like(records, "image_id", truth.image_id, truth)
        if truth.images is None
        else _of_known(records, "image_id", truth.images, f"images of {truth.name}")
    )
    category_id = (
        _like(records, "category_id", truth.category_id, truth)
        if truth.categories is None
        else _of_known(records, "category_id", np.array(list(truth.categories)), f"categories of {truth.name}")
    )
    box, score = records.boxes("bbox"), records.numbers("score")
    good = records.good()
    if not records.size:
        box = np.zeros_like(truth.box[:0])
    _check_as_many_numbers(source, box, records.format or COCO, truth)
    return Detections(
        name=printable(str(source)),
        image_id=image_id[good],
        category_id=category_id[good],
        box=box[good],
        score=score[good],
        position=np.flatnonzero(good),
        format=records.format or COCO,
        left_out=int(np.sum(~good)),
    )


def _check_as_many_numbers(source: Source, box: NDArray[Any], format: str, truth: GroundTruth) -> None:
    """Check that boxes are rotated where those of the ground truth are."""
    if box.shape[1] != truth.box.shape[1]:
        came, wanted = (WORDS[len(NUMBERS[name])] for name in (format, truth.format))
        raise CocoError(
            f"{source}: boxes have {came} numbers, and those of {truth.name} {wanted}: boxes must be rotated in both "
            "or in neither"
        )


def _results(source: Source, content: Any, format: str | None, lenient: bool) -> Records:
    if isinstance(content, dict):
        found = [key for key in RESULTS if key in content]
        if len(found) != 1:
            wanted = f"one of {', '.join(map(repr, RESULTS))}"
            came = f"has {' and '.join(map(repr, found))}" if found else "has none"
            raise CocoError(f"{source}: neither a list of detections nor an object with {wanted}: it {came}")
        content = content[found[0]]
    return Objects(source, "record", "records", content, lenient, format)


def _of_known(records: Records, key: str, known: NDArray[Any] | None, home: str) -> NDArray[Any]:
    """Return labels, each one of those known, if any are."""
    if known is None:
        return records.labels(key)
    return records.references(key, set(known.tolist()), known.dtype.kind, home)


def _like(records: Records, key: str, labels: NDArray[Any], truth: GroundTruth) -> NDArray[Any]:
    """Return labels of the type that those of the ground truth have: 1 and "1" would never match."""
    return records.labels(key, labels.dtype.kind, f"that of {truth.name}")
