"""The IoU family: losses that are functions of geometry primitives of the pair."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from boxloss.box import Box
from boxloss.formula import Formula
from boxloss.geometry import (
    Pair,
    Primitive,
    add_partials,
    exchanged,
    pair_pullback,
    pair_up,
    upright_pullback,
)
from boxloss.guards import upright
from boxloss.loss import Loss


class OverlapLoss(Loss):
    """A loss stated over geometry primitives.

    A subclass names its `primitives` and its `formula`: from their quantities to the value and, in the same order,
    the partial derivatives with respect to each. The fields of the dataclass are the formula's last arguments.
    """

    primitives: ClassVar[tuple[Primitive, ...]]

    @staticmethod
    @abstractmethod
    def formula(xp: Any, *quantities_and_fields: Any) -> tuple[Any, tuple[Any, ...]]:
        """The value and its partial derivatives with respect to the quantities of the primitives."""

    def compose(self) -> Formula:
        """The formula over boxes: forward through the primitives, and back through their pullbacks."""
        formula, fields = type(self).formula, self.fields
        forward, forward_of_numbers, pullback, exchange = _chain(self.primitives)

        def evaluate(xp: Any, p: Box, t: Box, weights: Any) -> tuple[Any, Any]:
            pair = pair_up(xp, upright(xp, p), upright(xp, t))
            value, d = formula(xp, *(forward(xp, pair) + fields))
            return value, (pair, d)

        def evaluate_prepared(xp: Any, p: Box, t: Box, p_number: Any, t_number: Any, weights: Any) -> Any:
            pair = pair_up(xp, upright(xp, p), upright(xp, t))
            value, _ = formula(xp, *(forward_of_numbers(xp, pair, p_number, t_number) + fields))
            return value

        def pull_pred(xp: Any, p: Box, t: Box, residual: Any) -> Box:
            pair, d = residual
            return upright_pullback(xp, p, pair_pullback(xp, pair, pullback(xp, pair, d)))

        def pull_target(xp: Any, p: Box, t: Box, residual: Any) -> Box:
            pair, d = exchanged(residual[0]), exchange(residual[1])
            return upright_pullback(xp, t, pair_pullback(xp, pair, pullback(xp, pair, d)))

        prepare = next((p.of_one_box for p in self.primitives if p.of_one_box), None)
        return Formula(evaluate, pull_pred, pull_target, prepare, evaluate_prepared)


def _chain(primitives: tuple[Primitive, ...]) -> tuple[Callable[..., Any], ...]:
    """Forward, forward from prepared numbers, pullback and exchange of several primitives, as tuples of theirs."""
    (forward, pullback, exchange, _, of_two), *rest = primitives

    def forward_of_numbers(xp: Any, pair: Pair, p_number: Any, t_number: Any) -> Any:
        return forward(xp, pair)

    if of_two:

        def forward_of_numbers(xp: Any, pair: Pair, p_number: Any, t_number: Any) -> Any:
            return of_two(xp, pair, p_number, t_number)

    if not rest:
        return (
            lambda xp, pair: (forward(xp, pair),),
            lambda xp, pair, p_number, t_number: (forward_of_numbers(xp, pair, p_number, t_number),),
            lambda xp, pair, d: pullback(xp, pair, d[0]),
            lambda d: (exchange(d[0]),),
        )
    rest_forward, rest_of_numbers, rest_pullback, rest_exchange = _chain(tuple(rest))

    # Numba joins tuples of unlike types only by `+`, hence no (first, *rest).
    return (
        lambda xp, pair: (forward(xp, pair),) + rest_forward(xp, pair),
        lambda xp, pair, p_number, t_number: (
            (forward_of_numbers(xp, pair, p_number, t_number),) + rest_of_numbers(xp, pair, p_number, t_number)
        ),
        lambda xp, pair, d: add_partials(pullback(xp, pair, d[0]), rest_pullback(xp, pair, d[1:])),
        lambda d: (exchange(d[0]),) + rest_exchange(d[1:]),
    )
