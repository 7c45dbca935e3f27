"""What helps to find mistakes in programs that call losses: boxes that are refused while a test or a debugger looks."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from boxloss.libraries.arrays import is_dask, is_jax, is_tensor
from boxloss.shapes.box import Image, split
from boxloss.shapes.formats import FORMATS

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
    Graphs of torch.compile look when they run. What Dask and a function that JAX traces will compute is not known when
    the loss is called, so these arrays are not looked at.

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


def look_at(xp: Any, pred: Any, target: Any, formats: tuple[str, str], image: Image) -> None:
    """Refuse what `strict` refuses, where it is on."""
    if _is_strict.get():
        for name, boxes, format in (("pred", pred, formats[0]), ("target", target, formats[1])):
            if _has_numbers(boxes):
                _look_at(xp, name, boxes, format, image)


def _has_numbers(boxes: Any) -> bool:
    """Whether the numbers of an array are known already."""
    if is_dask(boxes):
        return False
    if is_jax(boxes):
        import jax

        return not isinstance(boxes, jax.core.Tracer)
    # A tensor without memory is one of no numbers, or stands for another while torch looks at a graph.
    return not is_tensor(boxes) or (boxes.device.type != "meta" and getattr(boxes, "fake_mode", None) is None)


def _look_at(xp: Any, name: str, boxes: Any, format: str, image: Image) -> None:
    with np.errstate(all="ignore"):
        b = FORMATS[format].decode(xp, split(boxes), image)
        sides = b.x2 - b.x1, b.y2 - b.y1  # those of an infinite box are infinite or NaN
        bad = ~(xp.isfinite(sides[0]) & xp.isfinite(sides[1]) & (sides[0] >= 0.0) & (sides[1] >= 0.0))
    flat, count = xp.astype(xp.reshape(bad, (-1,)), xp.int32), math.prod(bad.shape)
    wrong = int(xp.sum(flat))
    if not wrong:
        return
    place = int(xp.argmax(flat))
    box = [float(number) for number in xp.reshape(boxes, (-1, boxes.shape[-1]))[place, ...]]
    index = [int(k) for k in np.unravel_index(place, tuple(bad.shape))]
    told = f"{wrong} inverted or not finite {'box' if wrong == 1 else 'boxes'} of {count}, the first at {index}: {box}"
    raise ValueError(f"{name} holds {told}{_advice(box, format, tuple(boxes.shape))}")


def _advice(box: list[float], format: str, shape: tuple[int, ...]) -> str:
    if not all(abs(number) < float("inf") for number in box):
        return ". boxloss.validate finds all"
    transposed = ", or the transpose of the array" if len(shape) == 2 and shape[0] == shape[1] else ""
    other = "xyxy" if format.endswith("wh") else "xywh"
    return (
        f", which has a negative side in format {format!r}. Give the format that it is in, as format={other!r}"
        f"{transposed}; boxloss.validate finds all"
    )
