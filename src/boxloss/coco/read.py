"""Read ground truth and detections: COCO's JSON files, and tables with the same columns."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxloss.coco.records import CocoError, Records, Source, load_json
from boxloss.coco.tables import Table, is_table


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """Annotations, in the order of their file.

    Attributes
    ----------
    name
        The file.
    images
        Ids of all images, those without annotations too; None if the file, a table, does not have them.
    categories
        Names of all categories by id; of a table, of those that it has annotations of.
    image_id, category_id, annotation_id
        Ids of each annotation: integers, and those of images and categories in a table may be strings.
    box
        Its box, [x, y, width, height].
    crowd
        Whether it marks a crowd, a region in which detections do not count.
    """

    name: str
    images: NDArray[np.int64] | None
    categories: dict[Any, str]
    image_id: NDArray[Any]
    category_id: NDArray[Any]
    annotation_id: NDArray[np.int64]
    box: NDArray[np.float64]
    crowd: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Detections:
    """Scored detections, in the order of their file.

    Attributes
    ----------
    name
        The file.
    image_id, category_id
        Ids of each detection.
    box
        Its box, [x, y, width, height].
    score
        Its score.
    """

    name: str
    image_id: NDArray[Any]
    category_id: NDArray[Any]
    box: NDArray[np.float64]
    score: NDArray[np.float64]


def read_ground_truth(source: Source, format: str = "xywh") -> GroundTruth:
    """Read annotations.

    Parameters
    ----------
    source
        A COCO annotation file, which is a JSON object with `images`, `categories` and `annotations`; or a table, a
        Parquet or CSV file with the columns `image_id`, `category_id` and `bbox`. Without `iscrowd` an annotation
        marks no crowd; in a table without `id` the number of the row stands for it.
    format
        The format of the boxes of a table: ``"xywh"``, ``"xyxy"``, ``"cxcywh"`` or ``"yxyx"``. Instead of the list
        column `bbox` there may be four columns of numbers, such as `x`, `y`, `w` and `h`.

    Returns
    -------
    GroundTruth
        Its annotations.

    Raises
    ------
    CocoError
        If the file cannot be read or anything in it is not as the format wants it.
    """
    if is_table(source):
        return _annotations_of(Table(source, format))
    content = load_json(source)
    if not isinstance(content, dict):
        raise CocoError(f"{source}: not an object with 'images', 'categories' and 'annotations'")
    for key in ("images", "categories", "annotations"):
        if key not in content:
            raise CocoError(f"{source}: {key!r} is missing")
    images = Records(source, "image", "images", content["images"]).ids("id")
    categories = Records(source, "category", "categories", content["categories"])
    names = dict(zip(categories.ids("id").tolist(), categories.strings("name"), strict=True))
    annotations = Records(source, "annotation", "annotations", content["annotations"])
    return GroundTruth(
        name=str(source),
        images=images,
        categories=names,
        image_id=annotations.references("image_id", set(images.tolist()), "images"),
        category_id=annotations.references("category_id", names, "categories"),
        annotation_id=annotations.ids("id"),
        box=annotations.boxes("bbox"),
        crowd=annotations.flags("iscrowd"),
    )


def _annotations_of(table: Table) -> GroundTruth:
    category_id = table.labels("category_id")
    return GroundTruth(
        name=str(table.source),
        images=None,
        categories={category: str(category) for category in np.unique(category_id).tolist()},
        image_id=table.labels("image_id"),
        category_id=category_id,
        annotation_id=table.ids("id"),
        box=table.boxes("bbox"),
        crowd=table.flags("iscrowd"),
    )


def read_detections(source: Source, truth: GroundTruth, format: str = "xywh") -> Detections:
    """Read detections.

    Parameters
    ----------
    source
        A COCO results file, which is a JSON list of detections or an object that holds the list as `annotations`; or
        a table, a Parquet or CSV file with the columns `image_id`, `category_id`, `bbox` and `score`.
    truth
        The ground truth. If it is a COCO file the detections must be of its images and categories.
    format
        As in `read_ground_truth`.

    Returns
    -------
    Detections
        The detections.

    Raises
    ------
    CocoError
        If the file cannot be read or anything in it is not as the format wants it.
    """
    records = Table(source, format) if is_table(source) else _results(source)
    if truth.images is None:
        image_id, category_id = (_like(truth, records, key) for key in ("image_id", "category_id"))
    else:
        image_id = records.references("image_id", set(truth.images.tolist()), f"images of {truth.name}")
        category_id = records.references("category_id", truth.categories, f"categories of {truth.name}")
    return Detections(str(source), image_id, category_id, records.boxes("bbox"), records.numbers("score"))


def _results(source: Source) -> Records:
    content = load_json(source)
    if isinstance(content, dict):
        if "annotations" not in content:
            raise CocoError(f"{source}: neither a list of detections nor an object with 'annotations'")
        content = content["annotations"]
    return Records(source, "record", "records", content)


def _like(truth: GroundTruth, records: Records, key: str) -> NDArray[Any]:
    """Return labels of the type that those of the ground truth have: 1 and "1" would never match."""
    labels, kinds = records.labels(key), {"i": "integers", "U": "strings"}
    wanted, came = (kinds[array.dtype.kind] for array in (getattr(truth, key), labels))
    if wanted != came:
        raise CocoError(f"{records.source}: {key} has {came}, that of {truth.name} {wanted}")
    return labels
