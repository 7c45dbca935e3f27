"""Losses as the page holds them: weighted parts, each a loss of a name with modifiers around it."""

from dataclasses import fields
from typing import Any

from boxloss.lab.explorer.catalogue import REGISTERED, Catalogue, Entry
from boxloss.lab.explorer.parameters import of_class
from boxloss.losses.loss import Loss, WeightedSum
from boxloss.losses.modifiers import MODIFIERS

Part = dict[str, Any]


def parts_of(loss: Loss) -> list[tuple[float, Loss]]:
    """List the weighted terms of a sum, or the loss alone."""
    return list(loss.terms) if isinstance(loss, WeightedSum) else [(1.0, loss)]


def innermost(loss: Loss) -> Loss:
    """Find what the modifiers of a loss are around.

    Raises
    ------
    ValueError
        If it is a sum.
    """
    while isinstance(loss, MODIFIERS):
        loss = loss.loss
    if isinstance(loss, WeightedSum):
        raise ValueError("the explorer shows sums of losses, and modifiers of one loss, but not modifiers of a sum")
    return loss


def not_registered(loss: Loss) -> dict[str, Loss]:
    """Find the losses in a loss that the page does not have by a name, by what they are called."""
    found = {}
    for _, part in parts_of(loss):
        own = innermost(part)
        if _name_of(own) is None:
            found[str(own)] = own
    return found


def state_of(loss: Loss, catalogue: Catalogue) -> list[Part]:
    """List the parts of a loss."""
    known = {e.name: e for e in catalogue.losses}
    modifiers = {e.kind: e for e in catalogue.modifiers}
    parts = []
    for weight, part in parts_of(loss):
        around: list[Part] = []
        while isinstance(part, MODIFIERS):
            around.insert(0, _node(part, modifiers[type(part)]))
            part = part.loss
        own = known[_name_of(part) or str(part)]
        parts.append({"weight": weight, **_node(part, own), "modifiers": around})
    return parts


def _node(loss: Loss, entry: Entry) -> Part:
    names = [*(number.name for number in entry.numbers), *(choice.name for choice in entry.choices)]
    return {"name": entry.name, "values": {name: getattr(loss, name) for name in names}}


def _name_of(loss: Loss) -> str | None:
    """Find the name under which the page has a loss: that of a registered one with the same fixed fields."""
    for name, other in REGISTERED.items():
        if type(other) is type(loss) and _fixed(loss) == _fixed(other):
            return name
    return None


def _fixed(loss: Loss) -> list[Any]:
    """List the values that the page does not set."""
    given = {f.name: getattr(loss, f.name) for f in fields(loss) if f.init}
    numbers, choices = of_class(type(loss), type(loss), given)
    adjustable = {*(number.name for number in numbers), *(choice.name for choice in choices)}
    return [value for name, value in given.items() if name not in adjustable]
