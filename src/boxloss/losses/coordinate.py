"""Losses that are a sum over the coordinates of a function of one coordinate difference."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from boxloss.check import check_choice
from boxloss.formulas.names import is_of_package
from boxloss.losses.loss import Loss
from boxloss.shapes.shape import Gradient, GradientOf, Pair, times
from boxloss.typing import Namespace, Number

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

    if TYPE_CHECKING:  # of any arguments, for type checkers that compare those of subclasses
        formula: ClassVar[Callable[..., tuple[Number, Number]]]
    else:

        @staticmethod
        @abstractmethod
        def formula(xp: Namespace, difference: Number, *fields: Any) -> tuple[Number, Number]:
            """Compute the value for one coordinate, and its slope."""

    def evaluate(self, xp: Namespace, pair: Pair) -> tuple[Number, GradientOf]:
        """Compute the formula over boxes as they were given: the sum over the coordinates."""
        own = dict(zip((field.name for field in fields(self)), self.fields, strict=True))
        own.pop("coordinates", None)  # none where a class fixes it
        differences, back = pair.shape.differences(xp, pair, self.coordinates)
        try:
            terms = [self.formula(xp, e, *own.values()) for e in differences]
        except TypeError:
            from boxloss.losses.own import check_takes_difference

            check_takes_difference(self, list(own))
            raise
        if not is_of_package(type(self)):
            from boxloss.losses.own import check_slope

            check_slope(self, terms[0])
        values, slopes = zip(*terms, strict=True)

        def gradient(exchanged: bool) -> Gradient:
            d = back(slopes)
            return Gradient(given=times(d, -1.0) if exchanged else d)

        v1, v2, v3, v4, *others = values
        return sum(others, start=(v1 + v2) + (v3 + v4)), gradient
