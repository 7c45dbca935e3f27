"""Ground truth and detections as columns."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]


class OtherwiseError(Exception):
    """A file is not as the types of records want it; there may be nothing wrong with it."""


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """Annotations, in the order of their file.

    Attributes
    ----------
    name
        The file.
    images
        Ids of all images, those without annotations too; None if the file does not list them.
    categories
        Names of all categories by id; None if the file does not list them.
    image_id, category_id, annotation_id
        Ids of each annotation, integers or strings.
    box
        Its box, [x, y, width, height], or (cx, cy, width, height, angle in radians) of one that is rotated.
    crowd
        Whether it marks a crowd, a region in which detections do not count.
    area
        Its area, by which COCO's evaluation tells small from large: that of the object's outline where the file has it,
        else that of the box.
    format
        The format that the file was read in.
    left_out
        The number of records that were wrong and are not among these.
    """

    name: str
    images: NDArray[Any] | None
    categories: dict[Any, str] | None
    image_id: NDArray[Any]
    category_id: NDArray[Any]
    annotation_id: NDArray[Any]
    box: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    area: NDArray[np.float64]
    format: str = "xywh"
    left_out: int = 0

    @property
    def category_names(self) -> dict[Any, str]:
        """Names of the categories by id; if the file does not list them, the ids of those with annotations."""
        if self.categories is not None:
            return self.categories
        return {category: str(category) for category in np.unique(self.category_id).tolist()}


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
        Its box, as of `GroundTruth`.
    score
        Its score.
    position
        Its position in the file, counted from 0.
    format
        The format that the file was read in.
    left_out
        The number of records that were wrong and are not among these.
    """

    name: str
    image_id: NDArray[Any]
    category_id: NDArray[Any]
    box: NDArray[np.float64]
    score: NDArray[np.float64]
    position: NDArray[np.int64]
    format: str = "xywh"
    left_out: int = 0
