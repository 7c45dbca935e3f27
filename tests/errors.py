"""How a test of an error is written: a call, the type of its error, and the text as a whole."""

import re

import numpy as np
import pytest

BOXES = np.asarray([[0.0, 0, 1, 1], [1, 1, 2, 3]])

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


def check_error(call, kind, text):
    """The call fails with this text."""
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        call()


def table(*rows):
    """One test a row: a name, a call, the type of its error and its text."""
    parameters = [pytest.param(*row, id=name) for name, *row in rows]
    return pytest.mark.parametrize(("call", "kind", "text"), parameters)
