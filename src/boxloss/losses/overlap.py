"""The IoU family: losses that are functions of relations of the two boxes."""

from abc import abstractmethod
from typing import Any, ClassVar

from boxloss.losses.loss import Loss
from boxloss.shapes.shape import Gradient, Pair, Partials, Relation, plus


class OverlapLoss(Loss):
    """A loss stated over relations of the two boxes.

    A subclass names its `relations` and its `formula`: from their quantities to the value and, in the same order, the
    partial derivatives with respect to each. The fields of the dataclass are the formula's last arguments.
    """

    relations: ClassVar[tuple[str | Relation, ...]]

    @staticmethod
    @abstractmethod
    def formula(xp: Any, *quantities_and_fields: Any) -> tuple[Any, tuple[Any, ...]]:
        """The value and its partial derivatives with respect to the quantities of the relations."""

    def evaluate(self, xp: Any, pair: Pair) -> tuple[Any, Any]:
        """The formula over boxes: forward through the relations, and back through their pullbacks."""
        relations = [pair.shape.relation(which) for which in self.relations]
        value, partials = self.formula(xp, *map(pair.quantity, relations), *self.fields)

        def gradient(exchanged: bool) -> Gradient:
            seen = pair.exchanged() if exchanged else pair
            total = Partials()
            for relation, d in zip(relations, partials, strict=True):
                total = plus(total, relation.pullback(xp, seen, relation.exchange(d) if exchanged else d))
            return seen.gradient(total)

        return value, gradient
