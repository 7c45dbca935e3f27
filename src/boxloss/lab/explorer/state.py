"""Losses as the page holds them: weighted parts, each a loss of a name with modifiers around it."""

from dataclasses import fields
from typing import Any

from boxloss.lab.explorer.catalogue import Catalogue, Entry
from boxloss.losses.loss import Loss, WeightedSum
from boxloss.losses.modifiers import MODIFIERS
from boxloss.losses.mpdiou import MPDIoU
from boxloss.losses.registry import get, losses

Part = dict[str, Any]


def parts_of(loss: Loss) -> list[tuple[float, Loss]]:
    """The weighted terms of a sum, or the loss alone."""
    return list(loss.terms) if isinstance(loss, WeightedSum) else [(1.0, loss)]


def innermost(loss: Loss) -> Loss:
    """What the modifiers of a loss are around.

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
    """The losses in a loss that the page does not have by a name, by what they are called."""
    found = {}
    for _, part in parts_of(loss):
        own = innermost(part)
        if _name_of(own) is None:
            found[str(own)] = own
    return found


def state_of(loss: Loss, catalogue: Catalogue) -> list[Part]:
    """The parts of a loss."""
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
    names = [p.name for p in (*entry.numbers, *entry.choices)]
    return {"name": entry.name, "values": {name: getattr(loss, name) for name in names}}


def _name_of(loss: Loss) -> str | None:
    """The registered name of a loss that differs from its default by what the page can set."""
    defaults = {type(get(name)): (name, get(name)) for name in losses()} | {MPDIoU: ("mpdiou", MPDIoU())}
    name, default = defaults.get(type(loss), (None, loss))
    fixed = [f.name for f in fields(loss) if not isinstance(getattr(default, f.name), float | bool | int | str)]
    same = all(getattr(loss, name) == getattr(default, name) for name in fixed)
    return name if same else None
