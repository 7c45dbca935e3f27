"""Pairs of boxes by the array library itself."""

from typing import Any

from boxloss.engines.array import quiet
from boxloss.formulas.program import Program
from boxloss.request import Request
from boxloss.shapes.box import join, split
from boxloss.verbs.elementwise.formula import Kind, of_a_pair


def run(program: Program, request: Request, wrt: tuple[str, ...]) -> tuple[Any, tuple[Any, ...]]:
    """Weighted values, and the gradients asked for, times weight and factor."""
    xp, weight = request.xp, request.weight
    kind = Kind(program.structure, request.formats, "pred" in wrt, "target" in wrt, weight is not None)
    numbers = (request.gradient_factor, *request.image, *program.numbers)
    with quiet(xp):
        value, d_pred, d_target = of_a_pair(kind)(xp, split(request.pred), split(request.target), numbers, weight)
        grads = {"pred": (d_pred, request.pred_dtype), "target": (d_target, request.target_dtype)}
        return value, tuple(_gradient(xp, value, *grads[name]) for name in wrt)


def _gradient(xp: Any, value: Any, d: Any, dtype: Any) -> Any:
    """The array of a gradient; a component that is a number, or lacks an axis of the value, has all of them."""
    whole = (component if _is_whole(component, value) else component + xp.zeros_like(value) for component in d)
    return xp.astype(join(xp, tuple(whole)), dtype, copy=False)


def _is_whole(component: Any, value: Any) -> bool:
    return not isinstance(component, float) and component.shape == value.shape
