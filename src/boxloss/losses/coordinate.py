"""Losses that are a sum over the coordinates of a function of one coordinate difference."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any

from boxloss.check import check_choice
from boxloss.losses.loss import Loss
from boxloss.shapes.box import Box, Image
from boxloss.shapes.formats import FORMATS
from boxloss.shapes.shape import Gradient, Pair, times

COORDINATES = ("xyxy", "xywh", "cxcywh")


@dataclass(frozen=True)
class CoordinateLoss(Loss):
    """A loss stated for one coordinate difference.

    A subclass states `formula`: from the difference of one coordinate to the value and the slope. The fields of the
    dataclass, except for `coordinates`, are the formula's last arguments.
    """

    coordinates: str = field(default="xyxy", kw_only=True)
    relations = ()

    def __post_init__(self) -> None:
        check_choice("coordinates", self.coordinates, COORDINATES)
        super().__post_init__()

    @staticmethod
    @abstractmethod
    def formula(xp: Any, difference: Any, *fields: Any) -> tuple[Any, Any]:
        """The value for one coordinate, and its slope."""

    def evaluate(self, xp: Any, pair: Pair) -> tuple[Any, Any]:
        """The formula over boxes as they were given: the sum over the coordinates."""
        fields = self.fields[1:]  # `coordinates` is the first
        coordinates, (p, t) = FORMATS[self.coordinates], (pair.given, pair.given_other)
        # The difference comes first: coordinates are linear in the corners, and this way a match is exactly 0.
        difference = Box(p.x1 - t.x1, p.y1 - t.y1, p.x2 - t.x2, p.y2 - t.y2)
        found = [self.formula(xp, e, *fields) for e in coordinates.encode(xp, difference, Image())]
        (v1, d1), (v2, d2), (v3, d3), (v4, d4) = found

        def gradient(exchanged: bool) -> Gradient:
            d = coordinates.encode_pullback(xp, (d1, d2, d3, d4), Image())
            return Gradient(given=times(d, -1.0) if exchanged else d)

        return (v1 + v2) + (v3 + v4), gradient
