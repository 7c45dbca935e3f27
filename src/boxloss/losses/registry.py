"""The losses by name: an instance of each, with default parameters."""

import re
from collections.abc import Iterator
from typing import Any, TypeVar

from boxloss.check import did_you_mean
from boxloss.losses.loss import Loss

LossT = TypeVar("LossT", bound=Loss)

_BY_NAME: dict[str, Loss] = {}


def register(name: str, loss: LossT) -> LossT:
    """Enter an instance under its name.

    Parameters
    ----------
    name : str
        What `get` and the command line call it: an identifier.
    loss : Loss
        The instance. It may take the place of one whose class is of the same module: so a cell of a notebook may run
        again, and a module may be loaded again.

    Returns
    -------
    Loss
        The instance.

    Raises
    ------
    TypeError, ValueError
        If `name` is no identifier or `loss` no loss, or if the name is that of a loss of another module.
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"name must be an identifier, as 'my_iou'; got {name!r}")
    if not isinstance(loss, Loss):
        came = f"the class {loss.__name__}" if isinstance(loss, type) else type(loss).__name__
        raise TypeError(f"loss must be an instance of a loss; got {came}")
    before, kind = type(_BY_NAME.get(name, loss)), type(loss)
    if before.__module__ != kind.__module__:
        raise ValueError(
            f"name must not be that of another loss: {name!r} is {before.__module__}.{before.__qualname__}; "
            f"got it for {kind.__module__}.{kind.__qualname__}"
        )
    _BY_NAME[name] = loss
    return loss


def losses() -> tuple[str, ...]:
    """Return the names of the losses.

    Returns
    -------
    tuple of str
        Coordinate losses, those of the IoU family in the order of their years, and those without an IoU.

    Examples
    --------
    >>> import boxloss as bl
    >>> bl.losses()[:4]
    ('l1', 'smooth_l1', 'huber', 'l2')
    """
    return tuple(_BY_NAME)


def get(name: str) -> Loss:
    """Return the loss of a name, with default parameters.

    Parameters
    ----------
    name : str
        One of `losses`.

    Returns
    -------
    Loss

    Raises
    ------
    ValueError
        If there is no loss of this name; the message lists the names, and says which may have been meant.

    Examples
    --------
    >>> import boxloss as bl
    >>> bl.get("ciou")
    CIoU(full_gradient=False, eps=0.0)
    """
    try:
        return _BY_NAME[name]
    except (KeyError, TypeError):
        told = f"name must be one of {', '.join(map(repr, _BY_NAME))}; got {name!r}"
        raise ValueError(f"{told}{_meant(name)}") from None


def _meant(name: Any) -> str:
    """Say what may have been meant: a name, or a class, which makes a loss with parameters or of another loss."""
    word = re.search(r"\w+", name) if isinstance(name, str) else None
    if word is None:
        return ""
    kinds = {kind.__name__.lower(): kind.__name__ for kind in _classes(Loss)}
    kind = kinds.get(word[0].replace("_", "").lower())
    if kind is not None and (word[0] != name or all(type(loss).__name__ != kind for loss in _BY_NAME.values())):
        return f". A name alone is of a loss with default parameters: make others by their class, boxloss.{kind}"
    if re.search(r"[*+(]", name):
        return ". A name alone is of a loss: sums of losses are written in Python, as 5.0 * boxloss.l1 + boxloss.giou"
    return f".{near}" if (near := did_you_mean(name, _BY_NAME)) else ""


def _classes(kind: Any) -> Iterator[type[Loss]]:
    """The losses of the package that are made by a class."""
    for each in kind.__subclasses__():
        if each.__module__.startswith("boxloss.losses."):
            yield each
            yield from _classes(each)
