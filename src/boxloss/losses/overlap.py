"""The IoU family: losses that are functions of relations of the two boxes."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from boxloss.formulas.evaluation import Evaluation
from boxloss.formulas.names import is_of_package
from boxloss.losses.loss import Loss
from boxloss.shapes.shape import Derivatives, Gradient, Pair, Relation, plus
from boxloss.typing import Namespace, Number

# A value and its partial derivatives with respect to the quantities of relations.
Term = tuple[Number, tuple[Derivatives, ...]]


class OverlapLoss(Loss):
    """A loss stated over relations of the two boxes.

    A subclass names its `relations` and its `formula`: from their quantities to the value and, in the same order, the
    partial derivatives with respect to each. The fields of the dataclass are the formula's last arguments. One that is
    the distance 1 - IoU and penalties states these `terms` instead, so that modifiers can change them one by one.
    """

    relations: ClassVar[tuple[str | Relation, ...]] = ()
    _is_sum_of_terms: ClassVar[bool] = False
    if TYPE_CHECKING:  # of any arguments, for type checkers that compare those of subclasses
        formula: ClassVar[Callable[..., Term]]
        terms: ClassVar[Callable[..., tuple[Term, ...]]]
    else:

        @classmethod
        def formula(cls, xp: Namespace, *quantities_and_fields: Any) -> Term:
            """Compute the value and its partial derivatives with respect to the quantities of the relations."""
            return _total(cls.terms(xp, *quantities_and_fields))

        @classmethod
        def terms(cls, xp: Namespace, *quantities_and_fields: Any) -> tuple[Term, ...]:
            """Compute the terms that the loss is the sum of: the distance 1 - IoU and the penalties."""
            raise NotImplementedError(f"{cls.__name__} has neither a formula nor terms")

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        before = cls.__mro__[: cls.__mro__.index(OverlapLoss)]
        states = [{"formula", "terms"} & vars(kind).keys() for kind in before]
        cls._is_sum_of_terms = next(filter(None, states), None) == {"terms"}

    @property
    def has_iou_term(self) -> bool:
        """Whether the loss is the distance 1 - IoU and penalties."""
        return self._is_sum_of_terms

    def evaluate(self, xp: Namespace, pair: Pair) -> Evaluation:
        """Compute the formula over boxes: forward through the relations, and back through their pullbacks."""
        if self._is_sum_of_terms:
            return over_relations(xp, pair, self.relations, _total(self._terms(xp, pair)))
        return over_relations(xp, pair, self.relations, self._called("formula", xp, pair))

    def iou_term(self, xp: Namespace, pair: Pair) -> Evaluation:
        """Compute the distance 1 - IoU of the loss."""
        return over_relations(xp, pair, self.relations, self._terms(xp, pair)[0])

    def penalties(self, xp: Namespace, pair: Pair) -> tuple[Evaluation, ...]:
        """Compute the other terms, each by itself."""
        return tuple(over_relations(xp, pair, self.relations, term) for term in self._terms(xp, pair)[1:])

    def penalty(self, xp: Namespace, pair: Pair) -> Evaluation | None:
        """Compute the sum of the other terms; None if there is none."""
        penalties = self._terms(xp, pair)[1:]
        return over_relations(xp, pair, self.relations, _total(penalties)) if penalties else None

    def _terms(self, xp: Namespace, pair: Pair) -> tuple[Term, ...]:
        terms: tuple[Term, ...] = self._called("terms", xp, pair)
        return terms

    def _called(self, which: str, xp: Namespace, pair: Pair) -> Any:
        """Call the formula or the terms; what is wrong with those of somebody's own is said by name."""
        quantities = [pair.quantity(pair.shape.relation(relation)) for relation in self.relations]
        if is_of_package(type(self)):
            return getattr(self, which)(xp, *quantities, *self.fields)
        from boxloss.losses import own

        return own.called(self, which, xp, quantities)


def _total(terms: Sequence[Term]) -> Term:
    value, partials = terms[0]
    for other, others in terms[1:]:
        value, partials = value + other, plus(partials, others)
    return value, partials


def over_relations(xp: Namespace, pair: Pair, which: Sequence[str | Relation], term: Term) -> Evaluation:
    """Make a function of the quantities of relations one of the boxes: back through the pullbacks."""
    value, partials = term
    relations = [pair.shape.relation(name) for name in which]

    def gradient(exchanged: bool) -> Gradient:
        seen = pair.exchanged() if exchanged else pair
        total: Any = None
        for relation, d in zip(relations, partials, strict=True):
            if d is not None:
                found = relation.pullback(xp, seen, relation.exchange(d) if exchanged else d)
                if found is None:
                    raise TypeError(f"pullback of the relation {relation.name!r} must return Partials; got nothing")
                total = plus(total, found)
        return seen.gradient(total)

    return Evaluation(value, gradient)
