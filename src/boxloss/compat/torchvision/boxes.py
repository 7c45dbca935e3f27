"""The functions of boxes themselves of ``torchvision.ops``: the same numbers, integers included."""

from typing import Any

from boxloss.check import check_choice, check_finite, check_image_size
from boxloss.check_arrays import array_namespace, as_boxes, check_boxes, default_float
from boxloss.compat.torchvision import rotated
from boxloss.compat.torchvision.conventions import FORMATS, upcast
from boxloss.compat.torchvision.rotated import FORMATS as ROTATED_FORMATS
from boxloss.functions import clip_to_image
from boxloss.shapes.box import Box, Image, join, split
from boxloss.shapes.formats import FORMATS as CODECS
from boxloss.shapes.relations import height, width
from boxloss.typing import ArrayT


def box_area(boxes: ArrayT, fmt: str = "xyxy") -> ArrayT:
    """Compute the area of each box, as ``torchvision.ops.box_area`` has it.

    Parameters
    ----------
    boxes : array, shape (..., 4)
        Boxes of a real type. Half precision counts as float32, and integers stay integers.
    fmt : {"xyxy", "xywh", "cxcywh"}
        Their format; `boxloss.area` takes rotated ones too.

    Returns
    -------
    array, shape (...)
        Width times height, with their signs: a box with one inverted side has a negative area. (`boxloss.area` says
        0.)

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.torchvision import box_area
    >>> box_area(np.asarray([[0, 0, 2, 3], [1, 1, 0, 5]]))
    array([ 6, -4])
    """
    check_choice("fmt", fmt, FORMATS)
    xp, _ = check_boxes(boxes, fmt)
    b = Box(*split(upcast(xp, as_boxes(xp, "boxes", boxes))))
    _, _, w, h = (*b[:2], width(b), height(b)) if fmt == "xyxy" else b
    area: Any = w * h
    return area  # type: ignore[no-any-return]


def box_convert(boxes: ArrayT, in_fmt: str, out_fmt: str) -> ArrayT:
    """Convert boxes to another format, as ``torchvision.ops.box_convert`` has it.

    Parameters
    ----------
    boxes : array, shape (..., 4), (..., 5) or (..., 8), as the format says
        Boxes of a real type.
    in_fmt, out_fmt : {"xyxy", "xywh", "cxcywh"} or {"cxcywhr", "xywhr", "xyxyxyxy"}
        The format that they are in, and the one to convert to: of axis-aligned boxes or of rotated ones.

    Returns
    -------
    array, shape (..., 4), (..., 5) or (..., 8), as the format says
        A new array of the same type. Integers become the default float type only on the way to or from a centre;
        those of rotated boxes are rounded.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.
    NotImplementedError
        For an axis-aligned format and a rotated one; `boxloss.convert` has these.

    Notes
    -----
    Of corners the first three are read, and nobody asks whether they are those of a rectangle; `boxloss.convert` does.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.torchvision import box_convert
    >>> box_convert(np.asarray([10, 20, 30, 40]), "xywh", "xyxy")
    array([10, 20, 40, 60])
    """
    check_choice("in_fmt", in_fmt, (*FORMATS, *ROTATED_FORMATS))
    check_choice("out_fmt", out_fmt, (*FORMATS, *ROTATED_FORMATS))
    xp, floats = check_boxes(boxes, in_fmt)
    boxes = as_boxes(xp, "boxes", boxes, in_fmt)
    if in_fmt == out_fmt:
        b = split(boxes)
    elif in_fmt in ROTATED_FORMATS or out_fmt in ROTATED_FORMATS:
        if in_fmt in FORMATS or out_fmt in FORMATS:
            raise NotImplementedError(
                f"torchvision converts no boxes from {in_fmt!r} to {out_fmt!r}; "
                f"boxloss.convert(boxes, {in_fmt!r}, {out_fmt!r}) does"
            )
        b = split(rotated.convert(xp, boxes, in_fmt, out_fmt))
    else:
        is_float = xp.isdtype(boxes.dtype, "real floating")
        centred = floats if is_float else xp.astype(floats, default_float(xp), copy=False)
        numbers = split(centred if "cxcywh" in (in_fmt, out_fmt) else boxes)
        b = CODECS[out_fmt].encode(xp, CODECS[in_fmt].decode(xp, numbers, Image()), Image())
    converted: ArrayT = join(xp, b)
    return converted


def clip_boxes_to_image(boxes: ArrayT, size: tuple[int, int]) -> ArrayT:
    """Clip boxes to an image, as ``torchvision.ops.clip_boxes_to_image`` has it.

    Parameters
    ----------
    boxes : array, shape (..., 4)
        Corners (x1, y1, x2, y2) of a real type.
    size : (height, width)
        The size of the image in pixels.

    Returns
    -------
    array, shape (..., 4)
        A new array of the same type.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.torchvision import clip_boxes_to_image
    >>> clip_boxes_to_image(np.asarray([-5, 10, 50, 200]), (100, 40))
    array([  0,  10,  40, 100])
    """
    check_image_size(size, reader="clip_boxes_to_image", name="size")
    xp = array_namespace(boxes=boxes)
    clipped: ArrayT = xp.astype(clip_to_image(boxes, size), boxes.dtype, copy=False)
    return clipped


def remove_small_boxes(boxes: ArrayT, min_size: float) -> ArrayT:
    """Find the indices of the boxes that are large enough, as ``torchvision.ops.remove_small_boxes`` has it.

    Parameters
    ----------
    boxes : array, shape (N, 4)
        Corners (x1, y1, x2, y2) of a real type.
    min_size : float
        The least length of both sides.

    Returns
    -------
    array, shape (K,)
        Indices, in order. Their number depends on the boxes, so ``jax.jit`` cannot trace it.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.torchvision import remove_small_boxes
    >>> remove_small_boxes(np.asarray([[0, 0, 2, 3], [1, 1, 2, 5], [1, 1, 9, 9]]), 2)
    array([0, 2])
    """
    xp, floats = check_boxes(boxes)
    min_size = check_finite("min_size", min_size)
    b = Box(*split(floats))
    indices: ArrayT = xp.nonzero((width(b) >= min_size) & (height(b) >= min_size))[0]
    return indices
