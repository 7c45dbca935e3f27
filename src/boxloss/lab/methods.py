"""What `descend` descends on, and how: parametrisations of a box, and optimisers.

Plain functions over a namespace `xp`, like those of a loss: they run on arrays and, compiled, on single numbers.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from boxloss.box import Box
from boxloss.formats import FORMATS

centre_and_size = FORMATS["cxcywh"]


class Parametrisation(NamedTuple):
    """The four numbers that are descended on.

    Attributes
    ----------
    encode, decode
        ``encode(xp, box)``: the numbers of a box (x, y, w, h). ``decode(xp, numbers)``: back again.
    corners
        ``corners(xp, numbers)``: the box as a loss takes it.
    pullback
        ``pullback(xp, numbers, d)``: from the gradient with respect to the corners to that with respect to the numbers.
    """

    encode: Callable[..., Box]
    decode: Callable[..., Box]
    corners: Callable[..., Box]
    pullback: Callable[..., Box]


def _same(xp: Any, b: Box) -> Box:
    return b


def _to_corners(xp: Any, b: Box) -> Box:
    return centre_and_size.decode(b, 1.0, 1.0)


def _to_corners_pullback(xp: Any, b: Box, d: Box) -> Box:
    return centre_and_size.decode_pullback(d, 1.0, 1.0)


def _from_corners(xp: Any, b: Box) -> Box:
    return centre_and_size.encode(b, 1.0, 1.0)


def _same_pullback(xp: Any, b: Box, d: Box) -> Box:
    return d


def _centre_pullback(xp: Any, b: Box, d: Box) -> Box:
    """Of the centre alone: the size stays."""
    d = _to_corners_pullback(xp, b, d)
    return Box(d.x1, d.y1, 0.0, 0.0)


def _log_size(xp: Any, b: Box) -> Box:
    return Box(b.x1, b.y1, xp.log(b.x2), xp.log(b.y2))


def _exp_size(xp: Any, b: Box) -> Box:
    return Box(b.x1, b.y1, xp.exp(b.x2), xp.exp(b.y2))


def _exp_size_to_corners(xp: Any, b: Box) -> Box:
    return _to_corners(xp, _exp_size(xp, b))


def _exp_size_pullback(xp: Any, b: Box, d: Box) -> Box:
    """The derivative with respect to ln w is w times that with respect to w."""
    b, d = _exp_size(xp, b), _to_corners_pullback(xp, b, d)
    return Box(d.x1, d.y1, b.x2 * d.x2, b.y2 * d.y2)


PARAMETRISATIONS = {
    "cxcywh": Parametrisation(_same, _same, _to_corners, _to_corners_pullback),
    "xyxy": Parametrisation(_to_corners, _from_corners, _same, _same_pullback),
    "xy": Parametrisation(_same, _same, _to_corners, _centre_pullback),
    "log-size": Parametrisation(_log_size, _exp_size, _exp_size_to_corners, _exp_size_pullback),
}


class Optimizer(NamedTuple):
    """How a step follows from gradients.

    Attributes
    ----------
    step
        ``step(xp, d, m, v, rate, per_root, decay) -> (change, m, v)``, for the gradient `d` of a box. `m` and `v` are
        what is remembered of the gradients before, from 0 on. `rate` is the learning rate; for Adam, over
        1 - beta1^t. `per_root` is 1 / sqrt(1 - beta2^t) for Adam. `decay` holds how much of `m` is kept and how much
        of `d` is added to it, likewise for `v`, and Adam's eps.
    memories
        How many of `m` and `v` are used.
    """

    step: Callable[..., tuple[Box, Box, Box]]
    memories: int


def _of_a_box(step: Callable[..., tuple[Any, Any, Any]]) -> Callable[..., tuple[Box, Box, Box]]:
    """The step of each of the four numbers."""

    def steps(
        xp: Any, d: Box, m: Box, v: Box, rate: Any, per_root: Any, decay: tuple[Any, ...]
    ) -> tuple[Box, Box, Box]:
        x1, m1, v1 = step(xp, d.x1, m.x1, v.x1, rate, per_root, decay)
        y1, m2, v2 = step(xp, d.y1, m.y1, v.y1, rate, per_root, decay)
        x2, m3, v3 = step(xp, d.x2, m.x2, v.x2, rate, per_root, decay)
        y2, m4, v4 = step(xp, d.y2, m.y2, v.y2, rate, per_root, decay)
        return Box(x1, y1, x2, y2), Box(m1, m2, m3, m4), Box(v1, v2, v3, v4)

    return steps


def _sgd(xp: Any, d: Any, m: Any, v: Any, rate: Any, per_root: Any, decay: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    return rate * d, m, v


def _momentum(
    xp: Any, d: Any, m: Any, v: Any, rate: Any, per_root: Any, decay: tuple[Any, ...]
) -> tuple[Any, Any, Any]:
    m = decay[0] * m + decay[1] * d
    return rate * m, m, v


def _adam(xp: Any, d: Any, m: Any, v: Any, rate: Any, per_root: Any, decay: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    m = decay[0] * m + decay[1] * d
    v = decay[2] * v + decay[3] * (d * d)
    return rate * m / (xp.sqrt(v) * per_root + decay[4]), m, v


OPTIMIZERS = {
    "sgd": Optimizer(_of_a_box(_sgd), 0),
    "momentum": Optimizer(_of_a_box(_momentum), 1),
    "adam": Optimizer(_of_a_box(_adam), 2),
}
