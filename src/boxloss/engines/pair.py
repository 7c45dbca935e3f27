"""What an elementwise kernel, on a CPU or a GPU, computes of one pair of boxes."""

from typing import Any

from boxloss.box import Box, scale
from boxloss.formats import FORMATS
from boxloss.formula import Formula


def pair_of(s: Any, formula: Formula, kind: Any) -> Any:
    """``pair(pred, target, width, height, weights, factor, weight)``: value and gradients, weighted, in the formats.

    A gradient that was not asked for is no gradient, only something of its type.
    """
    xp, times = s.xp, s.function(scale)
    evaluate, pull_pred, pull_target = map(s.function, (formula.evaluate, formula.pull_pred, formula.pull_target))
    decode_pred, encode_pred_grad = map(s.function, FORMATS[kind.formats[0]][:2])
    decode_target, encode_target_grad = map(s.function, FORMATS[kind.formats[1]][:2])
    pred_grad, target_grad, scaled, weighted = kind.pred_grad, kind.target_grad, kind.scaled, kind.weighted

    def pair(
        pred: Box, target: Box, width: Any, height: Any, weights: Any, factor: Any, weight: Any
    ) -> tuple[Any, Box, Box]:
        p, t = decode_pred(pred, width, height), decode_target(target, width, height)
        value, residual = evaluate(xp, p, t, weights)
        d_pred = encode_pred_grad(pull_pred(xp, p, t, residual), width, height) if pred_grad else p
        d_target = encode_target_grad(pull_target(xp, p, t, residual), width, height) if target_grad else t
        by = factor
        if weighted:
            value, by = value * weight, factor * weight
        if scaled or weighted:
            d_pred, d_target = times(d_pred, by), times(d_target, by)
        return value, d_pred, d_target

    return s.function(pair)
