"""Losses by name."""

from boxloss.losses import registry
from boxloss.losses.loss import Loss
from boxloss.losses.names import NAMES


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
    return tuple(_all())


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
    known = _all()
    try:
        return known[name]
    except (KeyError, TypeError):
        raise ValueError(f"name must be one of {', '.join(map(repr, known))}; got {name!r}") from None


def _all() -> dict[str, Loss]:
    """Every loss, those of the package first and in their order; the first call imports them."""
    import boxloss.losses.named  # noqa: F401

    ours = {name: registry.BY_NAME[name] for name in NAMES if name in registry.BY_NAME}
    return ours | registry.BY_NAME
