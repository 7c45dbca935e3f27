"""The checks that the lab adds to those of `boxloss.check`."""

from typing import Any

import numpy as np

from boxloss.check import check_count, check_finite, check_not_negative
from boxloss.check_arrays import check_last_axis
from boxloss.losses.loss import Loss
from boxloss.shapes.formats import FORMATS
from boxloss.shapes.rotated.formats import FARTHEST_RADIANS


def check_loss(loss: object) -> None:
    """Check that an object is a loss."""
    if not isinstance(loss, Loss):
        raise TypeError(f"loss must be a loss such as boxloss.giou; got {type(loss).__name__}")


def check_numbers(name: str, numbers: Any, wanted: str) -> np.ndarray:
    """Check that there are as many finite numbers as `wanted` names in brackets."""
    count, values = wanted.count(",") + 1, _items(numbers)
    if values is None:
        raise TypeError(f"{name} must be {count} numbers {wanted}; got {type(numbers).__name__}")
    if len(values) != count:
        raise ValueError(f"{name} must be {count} numbers {wanted}; got {numbers!r}")
    return np.asarray([check_finite(name, value) for value in values])


def _items(value: Any) -> list[Any] | None:
    """Return the items of a sequence; None if it is none."""
    try:
        return None if isinstance(value, str) else list(value)
    except TypeError:
        return None


# --- Landscapes -----------------------------------------------------------------------------------------------------


def check_sides(name: str, width: float, height: float) -> None:
    """Check that no side is negative."""
    check_not_negative(f"width of {name}", width)
    check_not_negative(f"height of {name}", height)


def check_angle(name: str, value: object) -> float:
    """Check an angle that a loss reads: of one that is larger too few digits are left."""
    angle = check_finite(name, value)
    if abs(angle) > FARTHEST_RADIANS:
        raise ValueError(f"{name} must be at most {FARTHEST_RADIANS:.0f} radians either way; got {angle!r}")
    return angle


def check_target(target: Any, has_angle: bool) -> np.ndarray:
    """Check the numbers of a box, with an angle if it came with one or has to have one."""
    if len(_items(target) or ()) == 5:
        numbers = check_numbers("target", target, "(x, y, w, h, angle)")
        check_angle("angle of target", numbers[4])
        return numbers
    numbers = check_numbers("target", target, "(x, y, w, h)")
    return np.append(numbers, 0.0) if has_angle else numbers


def check_vary(vary: Any) -> tuple[str, str]:
    """Read two different parameters of a box."""
    names = vary.replace(",", "").replace(" ", "") if isinstance(vary, str) else ""
    if len(names) != 2 or len(set(names) & set("xywha")) != 2:
        raise ValueError(f"vary must name two of x, y, w, h, a, such as 'xy' or 'w,a'; got {vary!r}")
    return names[0], names[1]


def check_resolution(resolution: Any) -> tuple[int, int]:
    """Read the number of cells along each side."""
    pair = resolution if isinstance(resolution, tuple) else (resolution, resolution)
    if len(pair) != 2:
        raise ValueError(f"resolution must be one number of cells or two; got {len(pair)}")
    return check_count("resolution", pair[0]), check_count("resolution", pair[1])


Extent = tuple[tuple[float, float], tuple[float, float]]


def check_extent(extent: Any, vary: tuple[str, str], target: np.ndarray) -> Extent:
    """Find the edges of a plane along two parameters."""
    pairs = _items(extent)
    if pairs is None:
        reach = check_finite("extent", extent)
        pairs = [_reach(name, float(target["xywha".index(name)]), reach) for name in vary]
    if len(pairs) != 2:
        raise ValueError(f"extent must be a number or two pairs (low, high); got {extent!r}")
    (left, right), (bottom, top) = (check_numbers("extent", pair, "(low, high)").tolist() for pair in pairs)
    for low, high in ((left, right), (bottom, top)):
        if not low < high:
            raise ValueError(f"extent must go from a lower to a higher number; got {low!r} to {high!r}")
    for name, ends in zip(vary, ((left, right), (bottom, top)), strict=True):
        if name == "a":
            for end in ends:
                check_angle("extent of the angle", end)
    return (left, right), (bottom, top)


def _reach(name: str, middle: float, reach: float) -> tuple[float, float]:
    low = middle - reach
    return (max(low, 0.0) if name in "wh" else low, middle + reach)


# --- Descents -------------------------------------------------------------------------------------------------------


def check_states(start: Any, target: Any, format: str) -> tuple[np.ndarray, np.ndarray]:
    """Broadcast boxes to one shape, in float32 if both are and in float64 otherwise."""
    arrays = []
    for name, boxes in (("start", start), ("target", target)):
        try:
            array = np.asarray(boxes)
        except ValueError:
            size = FORMATS[format].size
            raise ValueError(f"{name} must have shape (..., {size}); got rows of several lengths") from None
        if array.dtype.kind not in "iuf":
            raise TypeError(f"{name} must be real numbers; got {array.dtype}")
        if format == "cxcywh" and array.ndim and array.shape[-1] == 5:
            raise ValueError(f"{name} holds boxes with an angle, shape {array.shape}: give parametrisation='cxcywha'")
        check_last_axis(name, array, format)
        arrays.append(array)
    dtype = np.float32 if all(a.dtype == np.float32 for a in arrays) else np.float64
    try:
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
    except ValueError:
        shapes = " and ".join(str(a.shape[:-1]) for a in arrays)
        raise ValueError(f"the leading shapes of start and target must broadcast; got {shapes}") from None
    first, second = (np.broadcast_to(a.astype(dtype, copy=False), shape) for a in arrays)
    return first, second


def check_positive_sizes(start: np.ndarray) -> None:
    """Check that sizes have a logarithm."""
    smallest = np.min(start[..., 2:], initial=np.inf)
    if smallest <= 0.0:
        raise ValueError(f"start must have sizes greater than 0 for 'log-size'; got {smallest:g}")


def check_schedule(lr: Any, steps: int) -> np.ndarray:
    """Find the learning rate of each step."""
    rates = [lr(step) for step in range(steps)] if callable(lr) else _items(lr)
    if rates is None:
        return np.full(steps, check_not_negative("lr", lr))
    if len(rates) != steps:
        raise ValueError(f"lr must be one number or one for each of {steps} steps; got {len(rates)}")
    return np.asarray([check_not_negative("lr", rate) for rate in rates])


def check_fraction(name: str, value: object) -> float:
    """Check that a number is from 0 to less than 1."""
    number = check_not_negative(name, value)
    if number >= 1.0:
        raise ValueError(f"{name} must be less than 1; got {number!r}")
    return number
