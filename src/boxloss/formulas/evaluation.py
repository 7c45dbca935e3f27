"""What a loss is for one pair of boxes, a value and a way to its gradient, and what modifiers make of it."""

from collections.abc import Iterable
from typing import NamedTuple

from boxloss.shapes.shape import Gradient, GradientOf, plus, times
from boxloss.typing import Number


class Evaluation(NamedTuple):
    """A value for a pair of boxes, and ``gradient(exchanged)``: with respect to the first box, or to the other."""

    value: Number
    gradient: GradientOf


def weighted_sum(terms: Iterable[tuple[Number | None, tuple[Number, GradientOf]]]) -> Evaluation:
    """Add evaluations up, each times its weight; a weight of None counts as 1.

    Each gradient is 0 at a match before it is added: the partial derivatives of all terms, added up before the
    pullback, would leave a residue.
    """
    weights, evaluations = zip(*terms, strict=True)
    values = [
        value if weight is None else weight * value for weight, (value, _) in zip(weights, evaluations, strict=True)
    ]

    def gradient(exchanged: bool) -> Gradient:
        total = Gradient()
        for weight, (_, of_term) in zip(weights, evaluations, strict=True):
            found = of_term(exchanged)
            total = plus(total, found if weight is None else times(found, weight))
        return total

    return Evaluation(sum(values[1:], start=values[0]), gradient)


def sum_of(*evaluations: tuple[Number, GradientOf] | None) -> Evaluation:
    """Add evaluations up; None is left out."""
    return weighted_sum((None, evaluation) for evaluation in evaluations if evaluation is not None)


def curve(evaluation: tuple[Number, GradientOf], value: Number, slope: Number) -> Evaluation:
    """Make the evaluation of a function of the value, from what it is there and its slope."""
    _, gradient = evaluation
    return Evaluation(value, lambda exchanged: times(gradient(exchanged), slope))


def gained(evaluation: tuple[Number, GradientOf], gain: Number) -> Evaluation:
    """Multiply an evaluation by a number of the pair that counts as constant in its gradient."""
    value, _ = evaluation
    return curve(evaluation, value * gain, gain)
