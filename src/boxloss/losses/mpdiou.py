"""MPDIoU."""

from dataclasses import dataclass
from typing import Any

from boxloss.check import check_at_least, check_image_size
from boxloss.losses.iou import iou_and_distance
from boxloss.losses.overlap import OverlapLoss, Term
from boxloss.shapes.box import Box
from boxloss.shapes.relations import Areas
from boxloss.typing import Namespace

SMALLEST_IMAGE = 1e-9  # its square is a number of float32


@dataclass(frozen=True)
class MPDIoU(OverlapLoss):
    r"""The IoU loss plus the squared distances of the corners over the squared diagonal of the image.

    .. math:: L = 1 - \frac{I}{U} + \frac{d_1^2 + d_2^2}{W_i^2 + H_i^2}

    Ma and Xu, "MPDIoU: A Loss for Efficient and Accurate Bounding Box Regression", 2023 (arXiv:2307.07662). Range
    [0, 3) for boxes within the image, whose size is that of the field or else that of the call. The gradient is not 0
    where the boxes do not overlap. The value depends on the scale: of two pairs of one IoU, the larger one counts
    more. Kinks: equal edges, and contact of the boxes.

    Parameters
    ----------
    image_size : (float, float), optional
        (height, width) of the image in the units of the boxes, such as that of the input of the network. Without it
        each call has to give its `image_size`.

    Raises
    ------
    TypeError, ValueError
        If `image_size` is no pair of finite numbers above 0; in a call, if neither has it.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> pred, target = np.asarray([[0.0, 0, 20, 20]]), np.asarray([[10.0, 10, 30, 30]])
    >>> bl.MPDIoU(image_size=(480, 640))(pred, target).round(5)
    array([0.85777])
    >>> bl.MPDIoU()(pred, target, image_size=(480, 640)).round(5)
    array([0.85777])
    """

    image_size: tuple[float, float] | None = None
    expression = "1 - I / U + (d1^2 + d2^2) / (W_i^2 + H_i^2)"
    value_range = "[0, 3)"
    per_distance = 1.0
    paper = "Ma and Xu 2023"

    def __post_init__(self) -> None:
        if self.image_size is not None:
            width, height = check_image_size(self.image_size)
            check_at_least("width of image_size", width, SMALLEST_IMAGE)
            check_at_least("height of image_size", height, SMALLEST_IMAGE)
            object.__setattr__(self, "image_size", (height, width))
        super().__post_init__()

    @property
    def relations(self) -> tuple[str, ...]:  # type: ignore[override]
        """The size of the image is that of the call where the loss has none."""
        return ("areas", "corners", "image_diagonal") if self.image_size is None else ("areas", "corners")

    @staticmethod
    def terms(xp: Namespace, areas: Areas, corners: Box, *diagonal_and_size: Any) -> tuple[Term, ...]:
        """Compute 1 - IoU, and the squared distance of each corner over the squared diagonal."""
        *diagonal, size = diagonal_and_size
        squared = diagonal[0] if diagonal else size[0] * size[0] + size[1] * size[1]
        _, distance, d_areas = iou_and_distance(xp, areas, 0.0)
        per_diagonal = 1.0 / squared
        no_partials: list[None] = [None] * len(diagonal)  # no box moves the image
        x1, y1, x2, y2 = (2.0 * per_diagonal * difference for difference in corners)
        first = (corners.x1 * corners.x1 + corners.y1 * corners.y1) * per_diagonal
        second = (corners.x2 * corners.x2 + corners.y2 * corners.y2) * per_diagonal
        return (
            (distance, (d_areas, None, *no_partials)),
            (first, (None, Box(x1, y1, 0.0, 0.0), *no_partials)),
            (second, (None, Box(0.0, 0.0, x2, y2), *no_partials)),
        )
