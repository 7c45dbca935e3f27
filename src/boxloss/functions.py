"""Boxes themselves: areas, clipping and validation, for any array library."""

from types import ModuleType
from typing import Any, NamedTuple

from boxloss.check import check_choice, check_image_size, check_square, relative_among
from boxloss.check_arrays import check_boxes
from boxloss.engines.array import quiet
from boxloss.shapes.axis_aligned_formats import AXIS_ALIGNED_FORMATS
from boxloss.shapes.box import Box, join, split
from boxloss.shapes.formats import ALL_FORMATS
from boxloss.shapes.rotated.shape import ROTATED
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
    unreadable : array of bool, shape (...)
        Boxes of finite numbers that are none of the format: an angle of more than 1e6 radians or 2**18 quarter turns,
        whose losses are NaN, or corners that are no rectangle. Such a box is none of the others.
    """

    valid: Any
    inverted: Any
    empty: Any
    not_finite: Any
    unreadable: Any


def area(boxes: ArrayT, *, format: str = "xyxy", image_size: tuple[float, float] | None = None) -> ArrayT:
    """Compute the area of each box.

    Parameters
    ----------
    boxes : array, shape (..., 4), or as many as numbers of the format
        Boxes of a real float type, or integers, which become float64 or, below 32 bits, the library's default.
    format : str
        As in `convert`.
    image_size : (height, width), optional
        In pixels; a relative format needs it.

    Returns
    -------
    array, shape (...)
        Areas, of rotated boxes their own, 0 for an inverted box. NaN stays NaN; corners of no rectangle have NaN too.

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
    xp, _, box = _read(boxes, format, image_size)
    with quiet(xp):
        first, *others = [xp.where(side < 0.0, 0.0, side) for side in box.sides]
        areas: ArrayT = first
        for side in others:
            areas = areas * side
    return areas


def clip_to_image(boxes: ArrayT, image_size: tuple[float, float], *, format: str = "xyxy") -> ArrayT:
    """Clip boxes to an image.

    Parameters
    ----------
    boxes : array, shape (..., 4), or as many as numbers of the format
        Boxes of a real float type, or integers, which become float64 or, below 32 bits, the library's default.
    image_size : (height, width)
        In pixels. Corners are clipped to [0, width] and [0, height].
    format : str
        As in `convert`; not one of rotated boxes, of which an image may leave a polygon.

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
    if isinstance(format, str) and format in ALL_FORMATS and ALL_FORMATS[format].shape is ROTATED:
        raise ValueError(
            f"format must be one of axis-aligned boxes, not {format!r}: what an image leaves of a box with an angle is "
            f"a polygon. Clip the box around each, boxloss.convert(boxes, {format!r}, 'xyxy'), or leave boxes whole "
            "and drop those whose centres are outside"
        )
    check_choice("format", format, AXIS_ALIGNED_FORMATS)
    size, own = check_image_size(image_size, reader="clip_to_image"), AXIS_ALIGNED_FORMATS[format]
    xp, given = check_boxes(boxes, format)
    b = own.decode(xp, split(given), size)
    width, height = size
    inside = Box(*(xp.clip(c, 0.0, side) for c, side in zip(b, (width, height, width, height), strict=True)))
    clipped: ArrayT = join(xp, own.encode(xp, inside, size))
    return clipped


def validate(boxes: Array, *, format: str = "xyxy", image_size: tuple[float, float] | None = None) -> Validation:
    """Say which boxes are inverted, empty, not finite or unreadable.

    No loss refuses such boxes: a negative side counts as 0, and NaN or infinity stays in its own row.

    Parameters
    ----------
    boxes : array, shape (..., 4), or as many as numbers of the format
        Boxes of a real float type, or integers, which become float64 or, below 32 bits, the library's default.
    format : str
        As in `convert`.
    image_size : (height, width), optional
        In pixels; a relative format needs it.

    Returns
    -------
    Validation
        Boolean arrays of shape (...): `valid` (none of the others), `inverted` (a negative side), `empty` (a side of
        0 and none negative), `not_finite` (a number is NaN or infinite) and `unreadable` (an angle is too large for its
        digits, or corners are no rectangle); the last two are none of the others.

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
    xp, given, box = _read(boxes, format, image_size)
    not_finite = ~xp.all(xp.isfinite(given), axis=-1)
    unreadable = ~not_finite & xp.any(xp.isnan(xp.stack(list(box), axis=-1)), axis=-1)
    with quiet(xp):
        shortest, *others = box.sides
        for side in others:  # Dask has no minimum of nothing
            shortest = xp.minimum(shortest, side)
    is_known = ~(not_finite | unreadable)
    inverted, empty = is_known & (shortest < 0.0), is_known & (shortest == 0.0)
    return Validation(is_known & ~(inverted | empty), inverted, empty, not_finite, unreadable)


def _read(boxes: Array, format: str, image_size: tuple[float, float] | None) -> tuple[ModuleType, Any, Any]:
    """Find the library and the array, and read the boxes in the numbers of their kind."""
    check_choice("format", format, ALL_FORMATS)
    image = check_image_size(image_size, reader=relative_among(format))
    check_square(format, image)
    xp, given = check_boxes(boxes, format)
    with quiet(xp):
        return xp, given, ALL_FORMATS[format].decode(xp, split(given), image)
