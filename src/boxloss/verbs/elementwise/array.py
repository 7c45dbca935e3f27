"""Pairs of boxes by the array library itself."""

from collections.abc import Sequence
from typing import Any

from boxloss.engines.array import quiet
from boxloss.formulas.program import Program
from boxloss.formulas.structure import Structure
from boxloss.request import Request
from boxloss.shapes.box import join, split
from boxloss.verbs.elementwise.formula import Kind, of_a_pair


def run(program: Program, request: Request, wrt: tuple[str, ...]) -> tuple[Any, tuple[Any, ...]]:
    """Compute weighted values, and the gradients asked for, times weight and factor."""
    return evaluated(program.structure, program.numbers, request, wrt)


def evaluated(
    structure: Structure, own: Sequence[Any], request: Request, wrt: tuple[str, ...]
) -> tuple[Any, tuple[Any, ...]]:
    """Compute the same of a structure and its numbers, which may be arrays too."""
    xp, weight = request.xp, request.weight
    kind = Kind(structure, request.formats, "pred" in wrt, "target" in wrt, weight is not None)
    numbers = (request.gradient_factor, *request.image, *own)
    with quiet(xp):
        value, d_pred, d_target = of_a_pair(kind)(xp, split(request.pred), split(request.target), numbers, weight)
        value = whole(xp, value, request.pred, request.shape)
        grads = {"pred": (d_pred, request.pred_dtype), "target": (d_target, request.target_dtype)}
        return value, tuple(_gradient(xp, value, *grads[name]) for name in wrt)


def _gradient(xp: Any, value: Any, d: Any, dtype: Any) -> Any:
    components = tuple(whole(xp, component, value, value.shape) for component in d)
    return xp.astype(join(xp, components), dtype, copy=False)


def whole(xp: Any, number: Any, like: Any, shape: tuple[int, ...]) -> Any:
    """Make what a formula gives whole: it may be a number, or read one of the boxes alone and lack an axis.

    For a single pair NumPy's functions give a number, some an array without axes: `[()]` makes that a number too.
    """
    if not isinstance(number, int | float) and number.shape == shape:
        return number if shape else number[()]
    import array_api_compat

    return number + xp.zeros(shape, dtype=like.dtype, device=array_api_compat.device(like))
