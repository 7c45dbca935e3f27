"""Losses as they are trained on."""

from collections.abc import Iterable
from dataclasses import dataclass

from boxloss.losses.coordinate import CoordinateLoss
from boxloss.losses.lookup import get, losses
from boxloss.losses.loss import Loss


@dataclass(frozen=True)
class Contender:
    """A loss, and what it is taken of.

    Attributes
    ----------
    loss : Loss
        The loss.
    of : {"boxes", "deltas"}
        Of boxes in pixels, or of the numbers that the model predicts: offsets in sides of the proposal, or in strides
        of the detector, and logarithms of sizes.
    """

    loss: Loss
    of: str = "boxes"

    @property
    def of_coordinates(self) -> bool:
        """Whether the loss is one of coordinates, which can be taken of either."""
        return isinstance(self.loss, CoordinateLoss)

    @property
    def name(self) -> str:
        """What tables call it, as ``"giou"``, ``"l1 in pixels"`` or ``"l1 on deltas"``."""
        if not self.of_coordinates:
            return loss_name(self.loss)
        return f"{loss_name(self.loss)} {'on deltas' if self.of == 'deltas' else 'in pixels'}"

    @property
    def coordinates(self) -> str:
        """The format in which deltas are compared as they are: that of the coordinates of the loss."""
        return self.loss.coordinates if isinstance(self.loss, CoordinateLoss) else "xyxy"


def loss_name(loss: Loss) -> str:
    """Find the name under which `boxloss.get` finds a loss, or how it is made."""
    return next((name for name in losses() if get(name) == loss), repr(loss))


def contenders(given: Iterable[Loss]) -> tuple[Contender, ...]:
    """List each loss once, and a loss of coordinates twice: on deltas, and on boxes in pixels."""
    found = []
    for loss in given:
        found += [Contender(loss, "deltas")] * isinstance(loss, CoordinateLoss) + [Contender(loss)]
    return tuple(dict.fromkeys(found))
