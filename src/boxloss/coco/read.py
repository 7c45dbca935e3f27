"""Read COCO annotation files and detection results."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boxloss.coco.records import CocoError, Records, Source, load_json


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """The annotations of a COCO file, in the order of the file.

    Attributes
    ----------
    name
        The file.
    images
        Ids of all images, those without annotations too.
    categories
        Names of all categories by id.
    image_id, category_id, annotation_id
        Ids of each annotation.
    box
        Its box, [x, y, width, height].
    crowd
        Whether it marks a crowd, a region in which detections do not count.
    """

    name: str
    images: NDArray[np.int64]
    categories: dict[int, str]
    image_id: NDArray[np.int64]
    category_id: NDArray[np.int64]
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
    image_id: NDArray[np.int64]
    category_id: NDArray[np.int64]
    box: NDArray[np.float64]
    score: NDArray[np.float64]


def read_ground_truth(source: Source) -> GroundTruth:
    """Read a COCO annotation file.

    Parameters
    ----------
    source
        The file: a JSON object with `images`, `categories` and `annotations`. An annotation without `iscrowd` marks no
        crowd.

    Returns
    -------
    GroundTruth
        Its annotations.

    Raises
    ------
    CocoError
        If the file cannot be read or anything in it is not as the format wants it.
    """
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


def read_detections(source: Source, truth: GroundTruth) -> Detections:
    """Read COCO detection results.

    Parameters
    ----------
    source
        The file: a JSON list of detections, or an object that holds the list as `annotations`.
    truth
        The ground truth, whose images and categories the detections must be of.

    Returns
    -------
    Detections
        The detections.

    Raises
    ------
    CocoError
        If the file cannot be read or anything in it is not as the format wants it.
    """
    content = load_json(source)
    if isinstance(content, dict):
        if "annotations" not in content:
            raise CocoError(f"{source}: neither a list of detections nor an object with 'annotations'")
        content = content["annotations"]
    records = Records(source, "record", "records", content)
    images = set(truth.images.tolist())
    return Detections(
        name=str(source),
        image_id=records.references("image_id", images, f"images of {truth.name}"),
        category_id=records.references("category_id", truth.categories, f"categories of {truth.name}"),
        box=records.boxes("bbox"),
        score=records.numbers("score"),
    )
