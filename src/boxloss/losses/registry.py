"""The losses by name: an instance of each, with default parameters."""

from typing import TypeVar

from boxloss.losses.loss import Loss

LossT = TypeVar("LossT", bound=Loss)

_BY_NAME: dict[str, Loss] = {}


def register(name: str, loss: LossT) -> LossT:
    """Enter an instance under its name."""
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
        If there is no loss of this name; the message lists the names.

    Examples
    --------
    >>> import boxloss as bl
    >>> bl.get("ciou")
    CIoU(full_gradient=False, eps=0.0)
    """
    try:
        return _BY_NAME[name]
    except (KeyError, TypeError):
        raise ValueError(f"name must be one of {', '.join(map(repr, _BY_NAME))}; got {name!r}") from None
