"""What `descend` descends on, and how: parametrisations of a box, and optimisers.

Plain functions over a namespace `xp`, like those of a loss: they run on arrays and, compiled, on single numbers.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from boxloss.shapes.box import Box, Image
from boxloss.shapes.formats import FORMATS
from boxloss.shapes.rotated.box import RotatedBox
from boxloss.shapes.rotated.differences import angle_between
from boxloss.shapes.shape import Format, Numbers
from boxloss.typing import Namespace, Number

centre_and_size, with_angle = FORMATS["cxcywh"], FORMATS["cxcywha"]


class Parametrisation(NamedTuple):
    """The numbers that are descended on.

    Attributes
    ----------
    encode, decode
        ``encode(xp, box)``: the numbers of a box (x, y, w, h), or (x, y, w, h, angle). ``decode(xp, numbers)``: back
        again.
    box
        ``box(xp, numbers)``: the box as a loss takes it.
    pullback
        ``pullback(xp, numbers, d)``: from the gradient with respect to the box to that with respect to the numbers.
    format
        The format of boxes.
    """

    encode: Callable[[Namespace, Numbers], Numbers]
    decode: Callable[[Namespace, Numbers], Numbers]
    box: Callable[[Namespace, Numbers], Any]
    pullback: Callable[[Namespace, Numbers, Any], Numbers]
    format: Format = centre_and_size


def _same(xp: Namespace, numbers: Numbers) -> Numbers:
    return numbers


def _to_corners(xp: Namespace, numbers: Numbers) -> Box:
    corners: Box = centre_and_size.decode(xp, numbers, Image())
    return corners


def _to_corners_pullback(xp: Namespace, numbers: Numbers, d: Box) -> Numbers:
    return centre_and_size.pullback(xp, numbers, d, Image())


def _from_corners(xp: Namespace, numbers: Numbers) -> Numbers:
    return centre_and_size.encode(xp, Box(*numbers), Image())


def _as_corners(xp: Namespace, numbers: Numbers) -> Box:
    return Box(*numbers)


def _same_pullback(xp: Namespace, numbers: Numbers, d: Box) -> Numbers:
    return d


def _centre_pullback(xp: Namespace, numbers: Numbers, d: Box) -> Numbers:
    """Pull back to the centre alone: the size stays."""
    d_x, d_y, _, _ = _to_corners_pullback(xp, numbers, d)
    return d_x, d_y, 0.0, 0.0


def _log_size(xp: Namespace, numbers: Numbers) -> Numbers:
    x, y, w, h = numbers
    return x, y, xp.log(w), xp.log(h)


def _exp_size(xp: Namespace, numbers: Numbers) -> Numbers:
    x, y, log_w, log_h = numbers
    return x, y, xp.exp(log_w), xp.exp(log_h)


def _exp_size_to_corners(xp: Namespace, numbers: Numbers) -> Box:
    return _to_corners(xp, _exp_size(xp, numbers))


def _exp_size_pullback(xp: Namespace, numbers: Numbers, d: Box) -> Numbers:
    """Pull back: the derivative with respect to ln w is w times that with respect to w."""
    _, _, w, h = numbers = _exp_size(xp, numbers)
    d_x, d_y, d_w, d_h = _to_corners_pullback(xp, numbers, d)
    return d_x, d_y, w * d_w, h * d_h


def _to_rotated(xp: Namespace, numbers: Numbers) -> RotatedBox:
    box: RotatedBox = with_angle.decode(xp, numbers, Image())
    return box


def error(xp: Namespace, pair: Any, box: Numbers, target: Numbers) -> Number:
    """Compute the absolute differences of two boxes (x, y, w, h), added up, and that of the angles if they have any."""
    total = sum(xp.abs(a - b) for a, b in zip(box[:4], target[:4], strict=True))
    return total + xp.abs(angle_between(xp, pair.relative)) if pair.shape is with_angle.shape else total


PARAMETRISATIONS = {
    "cxcywh": Parametrisation(_same, _same, _to_corners, _to_corners_pullback),
    "xyxy": Parametrisation(_to_corners, _from_corners, _as_corners, _same_pullback),
    "xy": Parametrisation(_same, _same, _to_corners, _centre_pullback),
    "log-size": Parametrisation(_log_size, _exp_size, _exp_size_to_corners, _exp_size_pullback),
    "cxcywha": Parametrisation(_same, _same, _to_rotated, _same_pullback, with_angle),
}


WITHOUT_ANGLE = tuple(name for name, own in PARAMETRISATIONS.items() if own.format is centre_and_size)


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

    step: Callable[..., tuple[Numbers, Numbers, Numbers]]
    memories: int


def _of_a_box(step: Callable[..., tuple[Number, Number, Number]]) -> Callable[..., tuple[Numbers, Numbers, Numbers]]:
    """Make the step of each of the numbers."""

    def steps(
        xp: Namespace, d: Numbers, m: Numbers, v: Numbers, rate: Number, per_root: Number, decay: Numbers
    ) -> tuple[Numbers, Numbers, Numbers]:
        each = [step(xp, *one, rate, per_root, decay) for one in zip(d, m, v, strict=True)]
        changes, ms, vs = zip(*each, strict=True)
        return changes, ms, vs

    return steps


def _sgd(
    xp: Namespace, d: Number, m: Number, v: Number, rate: Number, per_root: Number, decay: tuple[Number, ...]
) -> tuple[Number, Number, Number]:
    return rate * d, m, v


def _momentum(
    xp: Namespace, d: Number, m: Number, v: Number, rate: Number, per_root: Number, decay: tuple[Number, ...]
) -> tuple[Number, Number, Number]:
    m = decay[0] * m + decay[1] * d
    return rate * m, m, v


def _adam(
    xp: Namespace, d: Number, m: Number, v: Number, rate: Number, per_root: Number, decay: tuple[Number, ...]
) -> tuple[Number, Number, Number]:
    m = decay[0] * m + decay[1] * d
    v = decay[2] * v + decay[3] * (d * d)
    return rate * m / (xp.sqrt(v) * per_root + decay[4]), m, v


OPTIMIZERS = {
    "sgd": Optimizer(_of_a_box(_sgd), 0),
    "momentum": Optimizer(_of_a_box(_momentum), 1),
    "adam": Optimizer(_of_a_box(_adam), 2),
}
