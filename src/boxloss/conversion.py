"""Boxes in another format, for any array library."""

from types import ModuleType

from boxloss.check import check_choice, check_image_size, check_square, relative_among
from boxloss.check_arrays import check_boxes, some_of
from boxloss.engines.array import quiet
from boxloss.libraries.arrays import has_numbers, is_compiling
from boxloss.shapes.box import Image, join, split
from boxloss.shapes.formats import ALL_FORMATS, converted
from boxloss.shapes.rotated.angles import RANGES, in_range
from boxloss.shapes.rotated.corners import CORNER_FORMATS, TOLERANCE
from boxloss.typing import Array, ArrayT


def convert(
    boxes: ArrayT, source: str, to: str, *, image_size: tuple[float, float] | None = None, angles: str | None = None
) -> ArrayT:
    """Convert boxes from one format to another.

    An axis-aligned box has the angle 0. Of a rotated box in a format of axis-aligned ones there is the axis-aligned
    box that encloses it; likewise of a box in space with a yaw in a format of boxes without.

    Parameters
    ----------
    boxes : array, shape (..., 4), (..., 5), (..., 6), (..., 7) or (..., 8), as the format says
        Boxes of a real float type, or integers, which become float64 or, below 32 bits, the library's default.
    source, to : str
        Axis-aligned: ``"xyxy"``, ``"xywh"`` (corner and size), ``"cxcywh"``, ``"yxyx"``.

        Rotated, about the centre: ``"cxcywha"`` (angle in radians from +x towards +y, which is clockwise on an image),
        ``"cxcywhd"`` (the same in degrees), ``"cxcywhr"`` (torchvision's: degrees, counter-clockwise) and ``"xywhr"``
        (the same with the corner that is top left before the box is turned).

        Corners: ``"xyxyxyxy"``, top left, top right, bottom right and bottom left of the box before it is turned.
        They are read gone round either way, from any of them.

        In space: ``"xyzxyz"``, two corners; ``"cxcyczwlh"``, centre and sides along x, y and z; ``"cxcyczwlha"``, the
        same with a yaw in radians from +x towards +y. They are converted into each other, not into boxes in a plane.

        Any of those in a plane with ``"rel_"`` before it: coordinates are fractions of the image. With an angle that
        is defined for a square image only; corners are right for any.
    image_size : (height, width), optional
        In pixels; a relative format needs it.
    angles : str, optional
        The range of the angle, as `to` has it: ``"le90"``, -90 degrees or more and less than 90, or ``"le135"``, -45 or
        more and less than 135, both with the longer side as the width; ``"oc"``, more than 0 and up to 90 degrees, as
        OpenCV has them since 4.5.1, or ``"old_oc"``, -90 or more and less than 0, as it had them before. By default
        the angle stays what it is, whole turns included.

    Returns
    -------
    array, shape (..., 4), (..., 5), (..., 6), (..., 7) or (..., 8), as the format says
        A new array of the same library, device and float type. Nothing is clamped: a negative side stays negative.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which. Corners are refused where one is further from those of
        the nearest rectangle than a thousandth of its longer side and what rounding takes from coordinates. Where
        numbers are not known yet (Dask, a function that JAX traces, torch.compile) such a box becomes NaN.

    Notes
    -----
    Degrees and radians are multiplied into each other, so quarter turns are exact. Angles of corners are from -180 to
    180 degrees. Only with `angles` is one of more than 1e6 radians or 2**18 quarter turns NaN, as it is in a loss.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> bl.convert(np.asarray([10.0, 20, 30, 40]), "xywh", "xyxy")
    array([10., 20., 40., 60.])
    >>> rotated = np.asarray([10.0, 20, 4, 2, 90])
    >>> bl.convert(rotated, "cxcywhd", "xyxy")
    array([ 9., 18., 11., 22.])
    >>> bl.convert(rotated, "cxcywhd", "xyxyxyxy")
    array([11., 18., 11., 22.,  9., 22.,  9., 18.])
    >>> bl.convert(rotated, "cxcywhd", "cxcywhd", angles="le90")
    array([ 10.,  20.,   4.,   2., -90.])
    """
    check_choice("source", source, ALL_FORMATS)
    check_choice("to", to, ALL_FORMATS)
    image = check_image_size(image_size, reader=relative_among(source, to))
    check_square(source, image)
    check_square(to, image)
    if angles is not None:
        check_choice("angles", angles, RANGES)
        if ALL_FORMATS[to].per_radian is None:
            told = f"angles must be None for format {to!r}, whose boxes have no angle in the plane"
            raise ValueError(f"{told}; got {angles!r}")
    xp, given = check_boxes(boxes, source)
    with quiet(xp):
        if source in CORNER_FORMATS:
            _check_rectangles(xp, given, source, image)
        if angles is None:
            numbers = converted(xp, split(given), (source, to), image)
        else:
            about_centre = to.replace("xywhr", "cxcywhr")
            numbers = converted(xp, split(given), (source, about_centre), image)
            numbers = in_range(xp, numbers, ALL_FORMATS[to].per_radian or 1.0, RANGES[angles])
            numbers = converted(xp, numbers, (about_centre, to), image)
    result: ArrayT = join(xp, numbers)
    return result


def _check_rectangles(xp: ModuleType, boxes: Array, format: str, image: Image) -> None:
    """Check that corners are those of rectangles, where their numbers are known."""
    if is_compiling() or not has_numbers(boxes):
        return
    read = ALL_FORMATS[format].decode(xp, split(boxes), image)
    found = some_of(xp, xp.isnan(read.x) & xp.all(xp.isfinite(boxes), axis=-1), boxes)
    if found is not None:
        raise ValueError(
            f"boxes of format {format!r} must be rectangles, with corners within {TOLERANCE:g} of the longer side; "
            f"got {found.number} that {'is' if found.number == 1 else 'are'} none of {found.told}. Fit a rectangle to "
            "each first: that of cv2.minAreaRect is of format 'cxcywhd'"
        )
