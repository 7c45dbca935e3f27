"""Boxes that are refused while a test or a debugger looks; see `boxloss.testing`."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any

import numpy as np

from boxloss.check_arrays import some_of
from boxloss.libraries.arrays import has_numbers
from boxloss.shapes.box import Image, split
from boxloss.shapes.coordinates import COORDINATES
from boxloss.shapes.formats import FORMATS, farthest
from boxloss.typing import Array

__all__ = ["strict"]

_is_strict: ContextVar[bool] = ContextVar("boxloss_strict", default=False)


@contextmanager
def strict(on: bool = True) -> Iterator[None]:
    """Refuse boxes that are inverted or not finite, in every loss called meanwhile.

    Losses take such boxes: a negative side counts as 0, so boxes in another format than `format` says, or a transposed
    array, give numbers and no error. To look at each number costs as much as a loss, and on a GPU waits for it, so it
    is for tests and for the first step of a training run. As a decorator it holds for each call of a function.

    Parameters
    ----------
    on : bool
        False lets such boxes pass within an outer ``strict()``.

    Yields
    ------
    None
        Within the block, in this thread or asynchronous task alone, a loss raises `ValueError`, with the argument, how
        many boxes are wrong, and the first of them.

    See Also
    --------
    boxloss.validate : says which boxes are inverted, empty or not finite.

    Notes
    -----
    Targets that a `target_mask` leaves out may be anything. Graphs of torch.compile look when they run. What Dask and a
    function that JAX traces will compute is not known when the loss is called, so these arrays are not looked at.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> from boxloss.testing import strict
    >>> corner_and_size = np.asarray([[100.0, 100, 20, 20]])
    >>> bl.iou(corner_and_size, corner_and_size)  # a match of two boxes without area
    array([0.])
    >>> with strict():  # doctest: +ELLIPSIS
    ...     bl.iou(corner_and_size, corner_and_size)
    Traceback (most recent call last):
        ...
    ValueError: pred holds 1 inverted or not finite box of 1, ...
    """
    token = _is_strict.set(on)
    try:
        yield
    finally:
        _is_strict.reset(token)


def look_at(
    xp: ModuleType, pred: Array, target: Array, formats: tuple[str, str], image: Image, target_mask: Array | None = None
) -> None:
    """Refuse what `strict` refuses, where it is on; of the targets those that count."""
    if _is_strict.get():
        for name, boxes, format, mask in (
            ("pred", pred, formats[0], None),
            ("target", target, formats[1], target_mask),
        ):
            if has_numbers(boxes) and (mask is None or has_numbers(mask)):
                _look_at(xp, name, boxes, format, image, mask)


def _look_at(xp: ModuleType, name: str, boxes: Array, format: str, image: Image, mask: Array | None) -> None:
    with np.errstate(all="ignore"):
        b = FORMATS[format].decode(xp, split(boxes), image)
        is_negative = _any(xp, [side < 0.0 for side in b.sides])
        bad = is_negative | _any(xp, [~xp.isfinite(number) for number in (*b, *b.sides)])
    if mask is not None:
        bad = bad & _counted(xp, mask, tuple(bad.shape))
    found = some_of(xp, bad, boxes)
    if found is not None:
        kind = f"inverted or not finite {'box' if found.number == 1 else 'boxes'}"
        advice = _advice(found.box, bool(is_negative[found.place]), format, tuple(boxes.shape))
        raise ValueError(f"{name} holds {found.number} {kind} of {found.told}{advice}")


def _counted(xp: ModuleType, mask: Array, shape: tuple[int, ...]) -> Any:
    """Say which boxes of this leading shape count in any of the batches that they are broadcast to."""
    more = max(mask.ndim - len(shape), 0)
    mask = xp.any(mask, axis=tuple(range(more))) if more else mask
    own = shape[len(shape) - mask.ndim :]
    axes = tuple(k for k, (count, size) in enumerate(zip(mask.shape, own, strict=True)) if size == 1 < count)
    return xp.any(mask, axis=axes, keepdims=True) if axes else mask


def _any(xp: ModuleType, masks: list[Any]) -> Any:
    return xp.any(xp.stack(masks, axis=-1), axis=-1)


def _advice(box: list[float], is_negative: bool, format: str, shape: tuple[int, ...]) -> str:
    if not all(abs(number) < float("inf") for number in box):
        return ". boxloss.validate finds all"
    if not is_negative:
        angle = f" or the angle is beyond {limit}" if (limit := farthest(format)) else ""
        return f", of which the sides are too long{angle}; boxloss.validate finds all"
    told = f", which has a negative side in format {format!r}"
    if format.removeprefix("rel_") not in COORDINATES:
        return f"{told}; boxloss.validate finds all"
    transposed = ", or the transpose of the array" if len(shape) == 2 and shape[0] == shape[1] else ""
    other = "xyxy" if format.endswith("wh") else "xywh"
    return f"{told}. Give the format that it is in, as format={other!r}{transposed}; boxloss.validate finds all"
