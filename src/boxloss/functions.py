"""Boxes themselves: formats, areas, clipping and validation, for any array library."""

from typing import Any, NamedTuple

from boxloss.check import check_choice, check_image_size
from boxloss.check_arrays import check_boxes
from boxloss.shapes.box import Box, join, split
from boxloss.shapes.formats import FORMATS
from boxloss.typing import Array, ArrayT


class Validation(NamedTuple):
    """Which boxes are not fit for a loss; see `validate`.

    Attributes
    ----------
    valid : array of bool, shape (...)
        Boxes that are none of the others.
    inverted : array of bool, shape (...)
        Boxes with a negative side.
    empty : array of bool, shape (...)
        Boxes with a side of 0 and none that is negative.
    not_finite : array of bool, shape (...)
        Boxes with a NaN or an infinity. Such a box is neither inverted nor empty.
    """

    valid: Any
    inverted: Any
    empty: Any
    not_finite: Any


def convert(boxes: ArrayT, source: str, to: str, *, image_size: tuple[float, float] | None = None) -> ArrayT:
    """Convert boxes from one format to another.

    Parameters
    ----------
    boxes : array, shape (..., 4)
        Boxes of a real float type, or integers, which become float64 or, below 32 bits, the library's default.
    source, to : str
        ``"xyxy"``, ``"xywh"`` (corner and size), ``"cxcywh"``, ``"yxyx"``, or one of these with ``"rel_"`` before it
        for coordinates that are fractions of the image.
    image_size : (height, width), optional
        In pixels; a relative format needs it.

    Returns
    -------
    array, shape (..., 4)
        A new array of the same library, device and float type. Nothing is clamped: a negative side stays negative.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.convert(np.asarray([10.0, 20, 30, 40]), "xywh", "xyxy")
    array([10., 20., 40., 60.])
    """
    check_choice("source", source, FORMATS)
    check_choice("to", to, FORMATS)
    size = check_image_size(image_size, needed=FORMATS[source].relative or FORMATS[to].relative)
    xp, given = check_boxes(boxes, source)
    numbers = split(given)
    if source != to:  # there and back would not be the same to the last bit
        numbers = FORMATS[to].encode(xp, FORMATS[source].decode(xp, numbers, size), size)
    converted: ArrayT = join(xp, numbers)
    return converted


def area(boxes: ArrayT, *, format: str = "xyxy", image_size: tuple[float, float] | None = None) -> ArrayT:
    """The area of each box.

    Parameters
    ----------
    boxes : array, shape (..., 4)
        Boxes of a real float type, or integers, which become float64 or, below 32 bits, the library's default.
    format : str
        As in `convert`.
    image_size : (height, width), optional
        In pixels; a relative format needs it.

    Returns
    -------
    array, shape (...)
        Areas, 0 for an inverted box. NaN stays NaN.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.area(np.asarray([[0.0, 0, 2, 3], [1, 1, 0, 5]]))
    array([6., 0.])
    """
    xp, w, h = _sides(boxes, format, image_size)
    areas: ArrayT = xp.where(w < 0.0, 0.0, w) * xp.where(h < 0.0, 0.0, h)
    return areas


def clip_to_image(boxes: ArrayT, image_size: tuple[float, float], *, format: str = "xyxy") -> ArrayT:
    """Clip boxes to an image.

    Parameters
    ----------
    boxes : array, shape (..., 4)
        Boxes of a real float type, or integers, which become float64 or, below 32 bits, the library's default.
    image_size : (height, width)
        In pixels. Corners are clipped to [0, width] and [0, height].
    format : str
        As in `convert`.

    Returns
    -------
    array, shape (..., 4)
        A new array in the same format. A box outside the image becomes one without area on its border.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.clip_to_image(np.asarray([-5.0, 10, 50, 200]), (100, 40))
    array([  0.,  10.,  40., 100.])
    """
    check_choice("format", format, FORMATS)
    size = check_image_size(image_size, needed=True)
    xp, given = check_boxes(boxes, format)
    b = FORMATS[format].decode(xp, split(given), size)
    width, height = size
    inside = Box(*(xp.clip(c, 0.0, side) for c, side in zip(b, (width, height, width, height), strict=True)))
    clipped: ArrayT = join(xp, FORMATS[format].encode(xp, inside, size))
    return clipped


def validate(boxes: Array, *, format: str = "xyxy", image_size: tuple[float, float] | None = None) -> Validation:
    """Say which boxes are inverted, empty or not finite.

    No loss refuses such boxes: a side counts as max(x2 - x1, 0), and NaN or infinity stays in its own row.

    Parameters
    ----------
    boxes : array, shape (..., 4)
        Boxes of a real float type, or integers, which become float64 or, below 32 bits, the library's default.
    format : str
        As in `convert`.
    image_size : (height, width), optional
        In pixels; a relative format needs it.

    Returns
    -------
    Validation
        Boolean arrays of shape (...): `valid` (none of the others), `inverted` (a negative side), `empty` (a side of
        0 and none negative) and `not_finite` (a coordinate is NaN or infinite; such a box is neither of the others).

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> found = bl.validate(np.asarray([[0.0, 0, 2, 3], [1, 1, 0, 5], [1, 1, 1, 5]]))
    >>> found.inverted, found.empty
    (array([False,  True, False]), array([False, False,  True]))
    """
    xp, w, h = _sides(boxes, format, image_size)
    not_finite = ~xp.all(xp.isfinite(check_boxes(boxes, format)[1]), axis=-1)
    inverted = ~not_finite & ((w < 0.0) | (h < 0.0))
    empty = ~not_finite & ~inverted & ((w == 0.0) | (h == 0.0))
    return Validation(~(not_finite | inverted | empty), inverted, empty, not_finite)


def _sides(boxes: Any, format: str, image_size: tuple[float, float] | None) -> tuple[Any, Any, Any]:
    check_choice("format", format, FORMATS)
    size = check_image_size(image_size, needed=FORMATS[format].relative)
    xp, boxes = check_boxes(boxes, format)
    b = FORMATS[format].decode(xp, split(boxes), size)
    return xp, b.x2 - b.x1, b.y2 - b.y1
