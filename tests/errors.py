"""How a test of an error is written: a call, the type of its error, and the text as a whole."""

import re

import numpy as np
import pytest

BOXES = np.asarray([[0.0, 0, 1, 1], [1, 1, 2, 3]])
FLOAT32 = BOXES.astype("float32")
OUT = np.zeros((2, 2))
NOT_A_BUFFER = "out must be writeable, C-contiguous and aligned for engine='numba'; got one that is not"

# What is said of boxes with so many numbers where they are taken for others.
OF_SIZE = {
    4: "'xyxy', 'xywh', 'cxcywh' or 'yxyx'",
    5: "'cxcywha', 'cxcywhd', 'cxcywhr' or 'xywhr'",
    6: "'xyzxyz' or 'cxcyczwlh'",
    7: "'cxcyczwlha'",
    8: "'xyxyxyxy'",
}


def of_shape(name, size, came):
    """The error of boxes with as many numbers as those of other formats have."""
    told = f"Boxes of {came[-1]} numbers are of format {OF_SIZE[came[-1]]}"
    return f"{name} must have shape (..., {size}); got {came}. {told}"


def no_array(name, got):
    return (
        f"{name} must be an array of a library that follows the array API standard; got {got}. "
        f"Convert it first, for example with numpy.asarray({name})"
    )


def no_float(name, got):
    return f"{name} must be of float16, bfloat16, float32, float64 or an integer type; got {got}"


def check_error(call, kind, text):
    """The call fails with this text."""
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        call()


def table(*rows):
    """One test a row: a name, a call, the type of its error and its text."""
    parameters = [pytest.param(*row, id=name) for name, *row in rows]
    return pytest.mark.parametrize(("call", "kind", "text"), parameters)
