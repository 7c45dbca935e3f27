"""Losses that are a sum over the four coordinates of a function of one coordinate difference."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any

from boxloss.box import Box, scale
from boxloss.check import check_choice
from boxloss.formats import FORMATS
from boxloss.formula import Formula
from boxloss.loss import Loss

COORDINATES = ("xyxy", "xywh", "cxcywh")


@dataclass(frozen=True)
class CoordinateLoss(Loss):
    """A loss stated for one coordinate difference.

    A subclass states `formula`: from the difference of one coordinate to the value and the slope. The fields of the
    dataclass, except for `coordinates`, are the formula's last arguments.
    """

    coordinates: str = field(default="xyxy", kw_only=True)

    def __post_init__(self) -> None:
        check_choice("coordinates", self.coordinates, COORDINATES)
        super().__post_init__()

    @staticmethod
    @abstractmethod
    def formula(xp: Any, difference: Any, *fields: Any) -> tuple[Any, Any]:
        """The value for one coordinate, and its slope."""

    def compose(self) -> Formula:
        """The formula over boxes: the sum over the four coordinates."""
        formula = type(self).formula
        fields = self.fields[1:]  # `coordinates` is the first
        _, _, encode, encode_pullback, _ = FORMATS[self.coordinates]

        def evaluate(xp: Any, p: Box, t: Box, weights: Any) -> tuple[Any, Box]:
            # The difference comes first: coordinates are linear in the corners, and this way a match is exactly 0.
            e = encode(Box(p.x1 - t.x1, p.y1 - t.y1, p.x2 - t.x2, p.y2 - t.y2), 1.0, 1.0)
            v1, d1 = formula(xp, e.x1, *fields)
            v2, d2 = formula(xp, e.y1, *fields)
            v3, d3 = formula(xp, e.x2, *fields)
            v4, d4 = formula(xp, e.y2, *fields)
            return (v1 + v2) + (v3 + v4), encode_pullback(Box(d1, d2, d3, d4), 1.0, 1.0)

        def evaluate_prepared(xp: Any, p: Box, t: Box, p_number: Any, t_number: Any, weights: Any) -> Any:
            return evaluate(xp, p, t, weights)[0]

        def pull_pred(xp: Any, p: Box, t: Box, residual: Box) -> Box:
            return residual

        def pull_target(xp: Any, p: Box, t: Box, residual: Box) -> Box:
            return scale(residual, -1.0)

        return Formula(evaluate, pull_pred, pull_target, None, evaluate_prepared)
