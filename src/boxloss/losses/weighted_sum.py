"""Sums of losses, which are losses like any other."""

from dataclasses import dataclass

from boxloss.check import check_finite, check_pairs
from boxloss.formula import Formula, formula_of
from boxloss.loss import Loss


@dataclass(frozen=True)
class WeightedSum(Loss):
    """A weighted sum of losses, compiled into one kernel, gradient included.

    Write it as arithmetic: ``5.0 * bl.L1() + 2.0 * bl.GIoU()``. Weights are run-time arguments of the kernel: another
    weight compiles nothing.

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
    def structure(self) -> tuple[Loss, ...]:
        """The losses without their weights."""
        return tuple(loss for _, loss in self.terms)

    @property
    def weights(self) -> tuple[float, ...]:
        """The weights without their losses."""
        return tuple(weight for weight, _ in self.terms)

    def with_eps(self, eps: float) -> Loss:
        """The sum with this `eps` in every loss that has one."""
        if not any(hasattr(loss, "eps") for _, loss in self.terms):
            return super().with_eps(eps)
        terms = ((w, loss.with_eps(eps) if hasattr(loss, "eps") else loss) for w, loss in self.terms)
        return WeightedSum(tuple(terms))

    def compose(self) -> Formula:
        """The formulas of the terms as one."""
        return formula_of(self.structure)
