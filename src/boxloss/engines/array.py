"""What the array library needs to run formulas itself."""

from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any

import numpy as np


def quiet(xp: ModuleType) -> AbstractContextManager[Any]:
    """Let NumPy not warn of what `where` discards, nor of a NaN or an infinity that came in."""
    return np.errstate(all="ignore") if xp.__name__.endswith("numpy") else nullcontext()
