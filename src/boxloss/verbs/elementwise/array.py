"""Pairs of boxes by the array library itself."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from boxloss.engines.array import quiet
from boxloss.formulas.program import Program
from boxloss.formulas.structure import Structure
from boxloss.request import Request
from boxloss.shapes.box import join, split
from boxloss.shapes.shape import Numbers
from boxloss.typing import Array, Number
from boxloss.verbs.elementwise.formula import Kind, of_a_pair


def run(program: Program, request: Request, wrt: tuple[str, ...]) -> tuple[Array, tuple[Array, ...]]:
    """Compute weighted values, and the gradients asked for, times weight and factor."""
    return evaluated(program.structure, program.numbers, request, wrt)


def evaluated(
    structure: Structure, own: Sequence[Number], request: Request, wrt: tuple[str, ...]
) -> tuple[Array, tuple[Array, ...]]:
    """Compute the same of a structure and its numbers, which may be arrays too."""
    xp = request.xp
    weight: Any = request.weight  # a formula that is not weighted does not read it
    kind = Kind(structure, request.formats, "pred" in wrt, "target" in wrt, weight is not None)
    numbers = (request.gradient_factor, *request.image, *own)
    with quiet(xp):
        number, d_pred, d_target = of_a_pair(kind)(xp, split(request.pred), split(request.target), numbers, weight)
        value = whole(xp, number, request.pred, request.shape)
        grads = {"pred": (d_pred, request.pred_dtype), "target": (d_target, request.target_dtype)}
        return value, tuple(_gradient(xp, value, *grads[name]) for name in wrt)


def _gradient(xp: ModuleType, value: Array, d: Numbers, dtype: Any) -> Any:
    components = tuple(whole(xp, component, value, value.shape) for component in d)
    return xp.astype(join(xp, components), dtype, copy=False)


def whole(xp: ModuleType, number: Any, like: Array, shape: tuple[int, ...]) -> Any:
    """Make what a formula gives whole: it may be a number, or read one of the boxes alone and lack an axis.

    For a single pair NumPy's functions give a number, some an array without axes: `[()]` makes that a number too.
    """
    if not isinstance(number, int | float) and number.shape == shape:
        return number if shape else number[()]
    import array_api_compat

    found = number + xp.zeros(shape, dtype=like.dtype, device=array_api_compat.device(like))
    if tuple(found.shape) != tuple(shape):
        raise TypeError(f"a formula must give one number a pair, of shape {shape}; got shape {tuple(number.shape)}")
    return found
