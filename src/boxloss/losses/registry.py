"""The losses that are defined, by name: an instance of each, with default parameters."""

from typing import TypeVar

from boxloss.losses.loss import Loss

LossT = TypeVar("LossT", bound=Loss)

BY_NAME: dict[str, Loss] = {}


def register(name: str, loss: LossT) -> LossT:
    """Enter an instance under its name."""
    BY_NAME[name] = loss
    return loss
