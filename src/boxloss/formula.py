"""What an engine runs: the composed functions of a loss, and sums of them."""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from boxloss.box import Box, add, scale

if TYPE_CHECKING:
    from boxloss.loss import Loss


class Formula(NamedTuple):
    """Plain functions over a namespace `xp` that compute a loss and its gradient for boxes in corner coordinates.

    The same functions run on arrays, in the array engine, and on single numbers, compiled.

    Attributes
    ----------
    evaluate
        ``evaluate(xp, pred, target, weights) -> value, residual``.
    pull_pred, pull_target
        ``pull(xp, pred, target, residual) -> Box``: the gradient with respect to one of the boxes.
    prepare
        ``prepare(xp, box)``: a number that the loss needs of each box alone, or None.
    evaluate_prepared
        ``evaluate_prepared(xp, pred, target, pred_number, target_number, weights) -> value`` from those numbers.
    """

    evaluate: Callable[..., tuple[Any, Any]]
    pull_pred: Callable[..., Box]
    pull_target: Callable[..., Box]
    prepare: Callable[..., Any] | None
    evaluate_prepared: Callable[..., Any]


@lru_cache(maxsize=1024)
def formula_of(structure: "Loss | tuple[Loss, ...]") -> Formula:
    """The one formula of a loss, or of the terms of a weighted sum whatever their weights."""
    if isinstance(structure, tuple):
        return _add_up(tuple(map(formula_of, structure)))
    return structure.compose()


def _weigh(formula: Formula) -> Formula:
    """A formula times the first weight."""
    evaluate, pull_pred, pull_target, prepare, evaluate_prepared = formula

    def weigh(xp: Any, p: Box, t: Box, weights: Any) -> tuple[Any, Any]:
        value, residual = evaluate(xp, p, t, weights)
        return weights[0] * value, (weights[0], residual)

    return Formula(
        weigh,
        lambda xp, p, t, residual: scale(pull_pred(xp, p, t, residual[1]), residual[0]),
        lambda xp, p, t, residual: scale(pull_target(xp, p, t, residual[1]), residual[0]),
        prepare,
        lambda xp, p, t, p_number, t_number, w: w[0] * evaluate_prepared(xp, p, t, p_number, t_number, w),
    )


def _add_up(formulas: tuple[Formula, ...]) -> Formula:
    """The sum of formulas, each times its weight."""
    if len(formulas) == 1:
        return _weigh(formulas[0])
    evaluate, pull_pred, pull_target, prepare, evaluate_prepared = _weigh(formulas[0])
    rest = _add_up(formulas[1:])
    rest_evaluate, rest_pull_pred, rest_pull_target, rest_prepare, rest_evaluate_prepared = rest

    def evaluate_all(xp: Any, p: Box, t: Box, weights: Any) -> tuple[Any, Any]:
        value, residual = evaluate(xp, p, t, weights)
        rest_value, rest_residual = rest_evaluate(xp, p, t, weights[1:])
        return value + rest_value, (residual, rest_residual)

    def evaluate_all_prepared(xp: Any, p: Box, t: Box, p_number: Any, t_number: Any, weights: Any) -> Any:
        value = evaluate_prepared(xp, p, t, p_number, t_number, weights)
        return value + rest_evaluate_prepared(xp, p, t, p_number, t_number, weights[1:])

    return Formula(
        evaluate_all,
        lambda xp, p, t, r: add(pull_pred(xp, p, t, r[0]), rest_pull_pred(xp, p, t, r[1])),
        lambda xp, p, t, r: add(pull_target(xp, p, t, r[0]), rest_pull_target(xp, p, t, r[1])),
        prepare or rest_prepare,
        evaluate_all_prepared,
    )
