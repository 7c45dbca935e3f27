"""The bases of modifiers: losses that are made of another loss."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from boxloss.check import kind_of_object
from boxloss.formulas.evaluation import Evaluation, sum_of
from boxloss.formulas.names import is_of_package
from boxloss.losses.iou import IoUAndDistance, iou_and_distance
from boxloss.losses.loss import Loss
from boxloss.shapes.mapped import Mapped
from boxloss.shapes.shape import GradientOf, Pair, Relation
from boxloss.typing import Namespace, Number


@dataclass(frozen=True)
class Modifier(Loss):
    """A loss made of another, its first parameter."""

    summary: ClassVar[str]  # what becomes of a loss L
    loss: Loss

    def __post_init__(self) -> None:
        if not isinstance(self.loss, Loss):
            raise TypeError(f"loss of {type(self).__name__} must be a loss; got {kind_of_object(self.loss)}")
        super().__post_init__()

    @property
    def relations(self) -> tuple[str | Relation, ...]:  # type: ignore[override]
        """Those of the loss."""
        return self.loss.relations

    @property
    def value_range(self) -> str:  # type: ignore[override]
        """That of the loss."""
        return self.loss.value_range

    @property
    def is_score(self) -> bool:  # type: ignore[override]
        """What the loss is: what is made of a score is one."""
        return self.loss.is_score

    @property
    def has_powers(self) -> bool:
        """As the loss has."""
        return self.loss.has_powers


def of_mapped(mapped: Mapped, evaluate: Callable[[Namespace, Pair], tuple[Number, GradientOf]]) -> Evaluation:
    """Evaluate boxes that are made of a pair, with the gradient of the pair itself."""
    pair, back = mapped
    value, gradient = evaluate(pair.xp, pair)
    return Evaluation(value, back(gradient))


def iou_of(xp: Namespace, pair: Pair) -> IoUAndDistance:
    """Compute the IoU of the boxes themselves, which gains depend on."""
    return iou_and_distance(xp, pair.quantity(pair.shape.relation("areas")), 0.0)


@dataclass(frozen=True)
class OfIoUTerm(Modifier):
    """A modifier of the term 1 - IoU of a loss, whose penalties stay as they are."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.loss.has_iou_term:
            name, loss = type(self).__name__, type(self.loss).__name__
            how = "" if is_of_package(type(self.loss)) else ". If it is 1 - IoU and penalties, state its `terms`"
            raise ValueError(
                f"{name} changes the term 1 - IoU of a loss, which {loss} has none of: give it a loss such as bl.ciou, "
                f"and let sums, weights, Focal and Wise take the result{how}"
            )

    @property
    def has_iou_term(self) -> bool:
        """What has become of it."""
        return True

    @abstractmethod
    def iou_term(self, xp: Namespace, pair: Pair) -> Evaluation:
        """Compute what becomes of the term."""

    def evaluate(self, xp: Namespace, pair: Pair) -> Evaluation:
        """Compute what becomes of the term, and the penalties."""
        return sum_of(self.iou_term(xp, pair), self.penalty(xp, pair))

    def penalties(self, xp: Namespace, pair: Pair) -> tuple[Evaluation, ...]:
        """Compute the penalties of the loss."""
        return self.loss.penalties(xp, pair)

    def penalty(self, xp: Namespace, pair: Pair) -> Evaluation | None:
        """Compute the penalty of the loss."""
        return self.loss.penalty(xp, pair)


@dataclass(frozen=True)
class OfOtherBoxes(Modifier):
    """A loss of boxes that are made of the two."""

    @property
    def has_iou_term(self) -> bool:
        """If the loss has it."""
        return self.loss.has_iou_term

    @abstractmethod
    def mapped(self, pair: Pair) -> Mapped:
        """Make the boxes that the loss is of."""

    def evaluate(self, xp: Namespace, pair: Pair) -> Evaluation:
        """Compute the loss of these."""
        return of_mapped(self.mapped(pair), self.loss.evaluate)

    def iou_term(self, xp: Namespace, pair: Pair) -> Evaluation:
        """Compute 1 - IoU of these."""
        return of_mapped(self.mapped(pair), self.loss.iou_term)

    def penalties(self, xp: Namespace, pair: Pair) -> tuple[Evaluation, ...]:
        """Compute the penalties of these."""
        other, back = self.mapped(pair)
        return tuple(Evaluation(value, back(gradient)) for value, gradient in self.loss.penalties(other.xp, other))

    def penalty(self, xp: Namespace, pair: Pair) -> Evaluation | None:
        """Compute the penalty of these."""
        other, back = self.mapped(pair)
        found = self.loss.penalty(other.xp, other)
        return found and Evaluation(found.value, back(found.gradient))
