"""The checks that the lab adds to those of `boxloss.check`."""

from typing import Any

import numpy as np

from boxloss.check import check_count, check_finite
from boxloss.loss import Loss


def check_loss(loss: Any) -> None:
    """A loss object."""
    if not isinstance(loss, Loss):
        raise TypeError(f"loss must be a Loss, such as boxloss.giou; got {type(loss).__name__}")


def check_box(name: str, box: Any) -> np.ndarray:
    """One box of finite numbers."""
    return np.asarray(_check_numbers(name, box, 4, "(x, y, w, h)"))


def check_size(name: str, pair: Any) -> np.ndarray:
    """Two finite numbers."""
    wanted = "(width, height)" if name.endswith("size") else "(x, y)"
    return np.asarray(_check_numbers(name, pair, 2, wanted))


def check_vary(vary: Any) -> tuple[str, str]:
    """Two different parameters of a box."""
    names = tuple(vary.replace(",", "").replace(" ", "")) if isinstance(vary, str) else ()
    if len(names) != 2 or names[0] == names[1] or not set(names) <= set("xywh"):
        raise ValueError(f"vary must name two of x, y, w, h, such as 'xy' or 'x,w'; got {vary!r}")
    return names


def check_resolution(resolution: Any) -> tuple[int, int]:
    """The number of cells along each side."""
    first, second = resolution if isinstance(resolution, tuple) and len(resolution) == 2 else (resolution, resolution)
    return check_count("resolution", first), check_count("resolution", second)


def check_extent(extent: Any, vary: tuple[str, str], target: np.ndarray) -> tuple[tuple[float, float], ...]:
    """The edges of a plane along two parameters."""
    raise NotImplementedError


def _check_numbers(name: str, numbers: Any, count: int, wanted: str) -> list[float]:
    try:
        values = list(numbers)
    except TypeError:
        raise TypeError(f"{name} must be {count} numbers {wanted}; got {type(numbers).__name__}") from None
    if len(values) != count:
        raise ValueError(f"{name} must be {count} numbers {wanted}; got {len(values)}")
    return [check_finite(name, value) for value in values]
