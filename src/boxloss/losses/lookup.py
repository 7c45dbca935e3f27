"""Losses by name."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from boxloss.check import did_you_mean
from boxloss.formulas.defined import find_others_by
from boxloss.losses import registry
from boxloss.losses.loss import Loss
from boxloss.losses.names import NAMES
from boxloss.shapes.shape import Relation, Shape


def losses() -> tuple[str, ...]:
    """Return the names of the losses.

    Returns
    -------
    tuple of str
        Coordinate losses, those of the IoU family in the order of their years, those without an IoU, and what was
        registered beside them. The first call imports all of the package.

    Examples
    --------
    >>> import boxloss as bl
    >>> bl.losses()[:4]
    ('l1', 'smooth_l1', 'huber', 'l2')
    """
    return tuple(_all())


def get(name: str) -> Loss:
    """Return a loss by its name, with default parameters.

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
    known = _all()
    try:
        return known[name]
    except (KeyError, TypeError):
        told = f"name must be one of {', '.join(map(repr, known))}; got {name!r}"
        raise ValueError(f"{told}{_meant(name, known)}") from None


def _all() -> dict[str, Loss]:
    """Return every loss, those of the package first and in their order; the first call imports them."""
    import boxloss.losses.named  # noqa: F401

    ours = {name: registry.BY_NAME[name] for name in NAMES if name in registry.BY_NAME}
    return ours | registry.BY_NAME


def _meant(name: Any, known: Mapping[str, Loss]) -> str:
    """Say what may have been meant: a name, or a class, which makes a loss with parameters or of another loss."""
    from boxloss.losses.modifiers import MODIFIERS

    word = re.search(r"\w+", name) if isinstance(name, str) else None
    if word is None:
        return ""
    kinds = {kind.lower(): kind for kind in [*NAMES.values(), *(kind.__name__ for kind in MODIFIERS), "MPDIoU"]}
    if name in NAMES:
        return f". It is no loss but boxloss.{name}"
    kind = kinds.get(word[0].replace("_", "").lower())
    if kind is not None and (word[0] != name or all(type(loss).__name__ != kind for loss in known.values())):
        return f". A name alone is of a loss with default parameters: make others by their class, boxloss.{kind}"
    if re.search(r"[*+(]", name):
        return ". A name alone is of a loss: sums of losses are written in Python, as 5.0 * boxloss.l1 + boxloss.giou"
    return f".{near}" if (near := did_you_mean(name, {**known, **NAMES})) else ""


def defined_for(shape: Shape, relations: Sequence[str | Relation]) -> list[str]:
    """List the losses that are defined for a kind of box by name: those first that share most of some relations."""
    known = {name: loss.program.structure for name, loss in _all().items()}
    names = [name for name, structure in known.items() if not structure.refusal(shape)]
    return sorted(names, key=lambda name: -len({*known[name].relations} & {*relations}))


find_others_by(defined_for)  # of errors, which are raised below, where no loss is known
