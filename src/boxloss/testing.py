"""What helps to find mistakes: in programs that call losses, and in losses of one's own."""

from typing import Any, Literal

import numpy as np

from boxloss.check import check_choice, check_formats, kind_of_object, relative_among
from boxloss.conversion import convert
from boxloss.losses.iou import iou
from boxloss.losses.loss import Loss
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.shapes.formats import FORMATS
from boxloss.shapes.rotated.shape import ROTATED
from boxloss.shapes.solid.shape import SOLID, TURNED_SOLID
from boxloss.strictness import strict
from boxloss.suppression.call import ends_of
from boxloss.typing import Format

__all__ = ["check_gradients", "strict"]

# For each kind of box the format of centre, sides and maybe angle.
PLAIN = {AXIS_ALIGNED: "cxcywh", ROTATED: "cxcywha", SOLID: "cxcyczwlh", TURNED_SOLID: "cxcyczwlha"}
IMAGE = (100.0, 100.0)
ENGINES = ("auto", "array", "numba")  # of NumPy arrays
PAIRS = 64  # that overlap, and as many of which one lies in the other, or that are apart
SORTS = 8  # of special pairs
STEP = 2.0**-20  # of how far a number is from its mean: a quotient keeps more than half of the digits
TOLERANCE, ROUNDING = 1e-6, 64.0


def check_gradients(
    loss: Loss,
    *,
    format: Format = "xyxy",
    image_size: tuple[float, float] | None = None,
    engine: Literal["auto", "array", "numba"] = "auto",
    seed: int = 0,
) -> None:
    """Compare the gradients of a loss with difference quotients of its value, and find what is not finite.

    For losses of your own: it finds a partial derivative that is wrong, was left out or has the wrong sign, of pred and
    of target. Pairs of float64 boxes are drawn that overlap, lie one in the other or apart; and equal boxes, boxes that
    touch, lie far apart or have no area, whose values and gradients have to be finite. Values have to be in the
    `value_range` that the loss states, and as large as its `per_distance` says. It does not look at whether the loss is
    0 at a match.

    Parameters
    ----------
    loss : Loss
        A loss whose gradient is the derivative of its value. Those that hold a part of it constant, as ``CIoU()``,
        ``WIoU``, ``PIoU2``, ``Focal`` and ``Wise`` do, have another one.
    format : str or pair of str
        As in the call of a loss.
    image_size : (height, width), optional
        Where a format or the loss reads it; 100 by 100 pixels by default.
    engine : {"auto", "array", "numba"}
        As in the call of a loss: ``"auto"`` is the compiled kernel.
    seed : int
        Of the boxes.

    Raises
    ------
    AssertionError
        If a gradient is not the derivative, or something is not finite; the message has the number of the box, both
        values and the pair.
    TypeError, ValueError
        As the call of the loss does.

    Examples
    --------
    >>> import boxloss as bl
    >>> from boxloss.testing import check_gradients
    >>> check_gradients(bl.giou)
    >>> class HalfL1(bl.L1):
    ...     @staticmethod
    ...     def formula(xp, e):
    ...         return 0.5 * xp.abs(e), xp.sign(e)
    >>> check_gradients(HalfL1())  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: the gradient of HalfL1(coordinates='xyxy') by number 0 of pred is 1 where ...
    """
    if not isinstance(loss, Loss):
        raise TypeError(f"loss must be a loss of boxloss; got {kind_of_object(loss)}")
    needed = loss.program.structure.reads_image
    image = IMAGE if image_size is None else image_size
    formats, _ = check_formats(format, image, reader="check_gradients")
    options: dict[str, Any] = {"format": formats, "engine": check_choice("engine", engine, ENGINES)}
    if needed or image_size is not None or relative_among(*formats):
        options["image_size"] = image
    rng = np.random.default_rng(seed)

    def in_formats(pred: Any, target: Any) -> tuple[Any, Any]:
        of_pred, of_target = formats
        return _converted(pred, of_pred, image), _converted(target, of_target, image)

    _check_finite(loss, *in_formats(*_special(rng)), options)
    pred, target = in_formats(*_ordinary(rng))
    _check_stated(loss, pred, target, options)
    _check_derivatives(loss, pred, target, options)


def _converted(boxes: Any, name: str, image: tuple[float, float]) -> Any:
    """Convert boxes (cx, cy, cz, w, l, h, angle) to a format, without what it does not have."""
    own = FORMATS[name]
    plain = PLAIN[own.shape]
    columns = [0, 1, 2, 3, 4, 5, 6] if plain.startswith("cxcycz") else [0, 1, 3, 4, 6]
    given = boxes[:, columns[: FORMATS[plain].size]]
    return convert(given, plain, name, image_size=image if own.relative else None)


def _ordinary(rng: Any) -> tuple[Any, Any]:
    """Draw pairs of boxes of which no two edges coincide: some overlap, some lie one in the other, some are apart."""

    def some() -> Any:
        centre, sides = rng.uniform(40.0, 60.0, (3 * PAIRS, 3)), rng.uniform(8.0, 24.0, (3 * PAIRS, 3))
        return np.concatenate([centre, sides, rng.uniform(-1.5, 1.5, (3 * PAIRS, 1))], axis=1)

    pred, target = some(), some()
    overlapping, inside, apart = (slice(k * PAIRS, (k + 1) * PAIRS) for k in range(3))
    pred[overlapping, :3] = target[overlapping, :3] + rng.uniform(-4.0, 4.0, (PAIRS, 3))
    pred[inside, :3] = target[inside, :3] + rng.uniform(-0.5, 0.5, (PAIRS, 3))
    pred[inside, 3:6] = target[inside, 3:6] * rng.uniform(0.3, 0.6, (PAIRS, 3))
    pred[apart, :3] = target[apart, :3] + rng.uniform(24.0, 36.0, (PAIRS, 3)) * rng.choice([-1, 1], (PAIRS, 3))
    return pred, target


def _special(rng: Any) -> tuple[Any, Any]:
    """Draw boxes that are equal, touch or lie far apart, and equal or other ones of which a side or all are 0."""
    pred, target = (np.round(8.0 * boxes[:PAIRS]) / 8.0 for boxes in _ordinary(rng))
    sort = np.arange(PAIRS) % SORTS
    is_touching = sort == 1
    pred[is_touching, 6] = target[is_touching, 6] = 0.0
    is_equal = np.isin(sort, [0, 1, 3, 4])
    pred[is_equal] = target[is_equal]
    pred[is_touching, 0] += target[is_touching, 3]
    pred[sort == 2, :3] += 1e4
    pred[sort == 3, 3], target[sort == 3, 3] = 0.0, 0.0
    pred[sort == 4, 3:6], target[sort == 4, 3:6] = 0.0, 0.0
    pred[sort == 5, 3:6], target[sort == 5, 3:6] = 0.0, 0.0
    pred[sort == 6, 3] = 0.0
    target[sort == 7, 3:6] = 0.0
    return pred, target


def _check_finite(loss: Loss, pred: Any, target: Any, options: dict[str, Any]) -> None:
    value, grads = loss.value_and_grad(pred, target, wrt="both", **options)
    for what, found in (("value", value[:, None]), ("gradient", grads[0]), ("gradient", grads[1])):
        rows = np.nonzero(~np.isfinite(found).all(axis=1))[0]
        if len(rows):
            raise AssertionError(
                f"the {what} of {loss!r} is {found[rows[0]].tolist()}, {_told(pred, target, rows[0], options)}: a "
                f"formula divides by what can be 0, or takes its root; {len(rows)} of {PAIRS} special pairs. Quotients "
                "without that are in boxloss.shapes.guards, as inverse(xp, denominator)"
            )


def _check_stated(loss: Loss, pred: Any, target: Any, options: dict[str, Any]) -> None:
    """Check that values are in the range of the loss, and no less than its `per_distance` times 1 - IoU."""
    value = loss(pred, target, **options)
    low, high = ends_of(loss.value_range)
    far = ROUNDING * np.finfo(np.float64).eps * np.abs(value).max()
    for row in np.nonzero((value < low - far) | (value > high + far))[0][:1]:
        raise AssertionError(
            f"the value of {loss!r} is {value[row]:.6g} and its value_range {loss.value_range!r}, "
            f"{_told(pred, target, row, options)}"
        )
    if loss.is_score or not loss.per_distance:
        return
    formats = options["format"]
    distance = iou(pred, target, format=formats, image_size=options["image_size"] if relative_among(*formats) else None)
    for row in np.nonzero(value < loss.per_distance * distance - far)[0][:1]:
        raise AssertionError(
            f"the value of {loss!r} is {value[row]:.6g} where 1 - IoU is {distance[row]:.6g}, and per_distance, which "
            f"says that it is this times 1 - IoU at least, {loss.per_distance:g}, {_told(pred, target, row, options)}: "
            "below and nms would leave pairs out"
        )


def _check_derivatives(loss: Loss, pred: Any, target: Any, options: dict[str, Any]) -> None:
    value, grads = loss.value_and_grad(pred, target, wrt="both", **options)
    for which, (name, boxes) in enumerate((("pred", pred), ("target", target))):
        for k in range(boxes.shape[1]):
            step = STEP * float(np.std(boxes[:, k]))
            ahead, behind = boxes.copy(), boxes.copy()
            ahead[:, k] += step
            behind[:, k] -= step
            one, other = (
                loss(*((moved, target) if which == 0 else (pred, moved)), **options) for moved in (ahead, behind)
            )
            expected, found = (one - other) / (ahead[:, k] - behind[:, k]), grads[which][:, k]
            # What rounding makes of two values that lie so near each other.
            rounding = ROUNDING * np.finfo(np.float64).eps * np.abs(value).max() / step
            bound = TOLERANCE * np.maximum(np.abs(expected), np.abs(expected).mean()) + rounding
            rows = np.nonzero(~(np.abs(found - expected) <= bound))[0]
            if len(rows):
                row = rows[0]
                raise AssertionError(
                    f"the gradient of {loss!r} by number {k} of {name} is {found[row]:.6g} where the difference "
                    f"quotient is {expected[row]:.6g}, {_told(pred, target, row, options)}; {len(rows)} of "
                    f"{len(boxes)} pairs. A partial derivative is wrong, or a part of the value is held constant"
                )


def _told(pred: Any, target: Any, row: Any, options: dict[str, Any]) -> str:
    of = " and ".join(dict.fromkeys(options["format"]))
    return f"of pred {pred[row].round(4).tolist()} and target {target[row].round(4).tolist()} of format {of}"
