"""How a test of an error is written: a call, the type of its error, and the text as a whole."""

import re

import numpy as np
import pytest

BOXES = np.asarray([[0.0, 0, 1, 1], [1, 1, 2, 3]])


def check_error(call, kind, text):
    """The call fails with this text."""
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        call()


def table(*rows):
    """One test a row: a name, a call, the type of its error and its text."""
    parameters = [pytest.param(*row, id=name) for name, *row in rows]
    return pytest.mark.parametrize(("call", "kind", "text"), parameters)
