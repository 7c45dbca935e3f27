"""Sums of losses, which are losses like any other."""

from dataclasses import dataclass
from typing import Any

from boxloss.check import check_finite, check_pairs
from boxloss.losses.loss import Loss
from boxloss.shapes.shape import Gradient, Pair, Relation, plus, times


@dataclass(frozen=True)
class WeightedSum(Loss):
    """A weighted sum of losses, compiled into one kernel, gradient included.

    Write it as arithmetic: ``5.0 * bl.L1() + 2.0 * bl.GIoU()``. Weights are run-time arguments of the kernel, as the
    numbers of every loss are: another weight compiles nothing.

    Attributes
    ----------
    terms : tuple of (float, Loss)
        Each weight with its loss. A sum of sums is one flat sum.

    Raises
    ------
    TypeError, ValueError
        If there is no term, a weight is not a finite number, or a term is not a loss.

    Examples
    --------
    The matching cost of DETR:

    >>> import numpy as np
    >>> import boxloss as bl
    >>> cost = 5.0 * bl.L1(coordinates="cxcywh") + 2.0 * bl.GIoU()
    >>> pred = np.asarray([[0.5, 0.5, 0.2, 0.2], [0.3, 0.3, 0.2, 0.4]])
    >>> cost.pairwise(pred, pred[:1], format="cxcywh").round(3)
    array([[0. ],
           [5.8]])
    """

    terms: tuple[tuple[float, Loss], ...]

    def __post_init__(self) -> None:
        flat: list[tuple[float, Loss]] = []
        for weight, loss in check_pairs(self.terms):
            weight = check_finite("weight of a sum", weight)
            if not isinstance(loss, Loss):
                raise TypeError(f"terms must be pairs (weight, loss); got {type(loss).__name__} for a loss")
            if isinstance(loss, WeightedSum):
                flat += [(weight * inner, term) for inner, term in loss.terms]
            else:
                flat.append((weight, loss))
        object.__setattr__(self, "terms", tuple(flat))
        super().__post_init__()

    def __repr__(self) -> str:
        return " + ".join(f"{weight!r} * {loss!r}" for weight, loss in self.terms)

    @property
    def expression(self) -> str:  # type: ignore[override]
        """The formula, from those of the terms."""
        return " + ".join(f"{weight:g} ({loss.expression})" for weight, loss in self.terms)

    @property
    def value_range(self) -> str:  # type: ignore[override]
        """The range, from those of the terms."""
        return " + ".join(f"{weight:g} {loss.value_range}" for weight, loss in self.terms)

    @property
    def relations(self) -> tuple[str | Relation, ...]:  # type: ignore[override]
        """Those of the terms; what several read is computed once."""
        return tuple(relation for _, loss in self.terms for relation in loss.relations)

    def evaluate(self, xp: Any, pair: Pair) -> tuple[Any, Any]:
        """The terms, each times its weight.

        Each gradient is 0 at a match before it is added: the partial derivatives of all terms, added up before the
        pullback, would leave a residue.
        """
        values, gradients = [], []
        for weight, loss in self.terms:
            value, gradient = loss.evaluate(xp, pair)
            values.append(weight * value)
            gradients.append((weight, gradient))

        def gradient_of_sum(exchanged: bool) -> Gradient:
            total = Gradient()
            for weight, gradient in gradients:
                total = plus(total, times(gradient(exchanged), weight))
            return total

        return sum(values[1:], start=values[0]), gradient_of_sum


Loss.sum_of = WeightedSum
