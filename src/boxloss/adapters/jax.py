"""JAX arrays: the array engine as functions that XLA compiles, and a derivative in closed form.

JAX does not look inside a loss when it differentiates, it is given the gradient. So a kink, a guarded quotient and
the constant alpha of CIoU come out as on every other engine. The rule is a `custom_jvp` because JAX transposes one
for reverse mode, where it is one multiplication, while a `custom_vjp` would shut forward mode out.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from boxloss.formulas.program import Program
from boxloss.formulas.structure import Structure
from boxloss.request import Request
from boxloss.shapes.box import Image
from boxloss.verbs.elementwise import array as elementwise_array
from boxloss.verbs.nearest import array as nearest_array
from boxloss.verbs.pairwise import array as pairwise_array
from boxloss.verbs.topk import array as topk_array
from boxloss.verbs.within import array as within_array


class _Call(NamedTuple):
    """What XLA compiles a function for, beside the shapes and types of its arrays."""

    structure: Structure
    formats: tuple[str, str]
    wrt: tuple[str, ...] = ()
    dtypes: tuple[Any, ...] = ()  # of the gradients


class _Numbers(NamedTuple):
    """What another value compiles nothing for."""

    numbers: Any
    image: Any
    factor: Any = 1.0


class _Program(NamedTuple):
    """What the array engine reads of a program; its numbers may be traced."""

    structure: Structure
    numbers: Any


def elementwise(program: Program, request: Request, wrt: tuple[str, ...]) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Compute weighted values, which JAX differentiates; or values and the gradients asked for, taken as constants."""
    weight: jax.Array | None = request.weight
    if not wrt:
        call, numbers = _Call(program.structure.of_any(), request.formats), _Numbers(program.numbers, request.image)
        value = _compiled_value(call, request.pred, request.target, numbers)
        return value if weight is None else value * weight, ()
    dtypes = tuple(request.pred_dtype if name == "pred" else request.target_dtype for name in wrt)
    call = _Call(program.structure.of_any(), request.formats, wrt, dtypes)
    arrays = jax.lax.stop_gradient((request.pred, request.target, weight))
    numbers = _Numbers(program.numbers, request.image, request.gradient_factor)
    return _value_and_grads(call, *arrays, numbers)  # type: ignore[no-any-return]


def pairwise(program: Program, request: Request) -> jax.Array:
    """Compute the matrix, which JAX differentiates."""
    if request.out is not None:
        raise TypeError("out must be None for JAX arrays, which cannot be written to; got an array")
    call, numbers = _Call(program.structure.of_any(), request.formats), _Numbers(program.numbers, request.image)
    return _compiled_matrix(call, request.pred, request.target, numbers)


def nearest(
    program: Program, request: Request, largest: bool, without_overlap: float | None = None
) -> tuple[jax.Array, jax.Array]:
    """Find the best of each row, by tiles of the matrix; it counts as a constant."""
    return nearest_array.best(pairwise, program, request, largest)


def topk(program: Program, request: Request, largest: bool, k: int) -> tuple[jax.Array, jax.Array]:
    """Find the best few of each row, likewise."""
    return topk_array.best(pairwise, program, request, largest, k)


def within(
    program: Program, request: Request, threshold: float, above: bool, overlap: float | None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Find the pairs within a threshold, likewise; how many, XLA cannot know."""
    return within_array.pairs(pairwise, program, request, threshold, above)


# --- What XLA compiles ----------------------------------------------------------------------------------------------


def _inputs(
    call: _Call, pred: jax.Array, target: jax.Array, numbers: _Numbers, of_matrix: bool = False
) -> tuple[Any, Request]:
    """Make what the array engine takes."""
    axes = 2 if of_matrix else 1
    shape = jnp.broadcast_shapes(pred.shape[:-axes], target.shape[:-axes])
    if of_matrix:
        shape = (*shape, pred.shape[-2], target.shape[-2])
    request = Request(jnp, pred, target, pred.dtype, target.dtype, call.formats, Image(*numbers.image), shape)
    return _Program(call.structure, numbers.numbers), request


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _value(call: _Call, pred: jax.Array, target: jax.Array, numbers: _Numbers) -> jax.Array:
    return elementwise_array.run(*_inputs(call, pred, target, numbers), ())[0]


def _value_jvp(call: _Call, primals: Any, tangents: Any) -> tuple[Any, Any]:
    """Compute the value and its tangent: for each box that JAX differentiates by, its gradient times its tangent."""
    given = {name: t for name, t in zip(("pred", "target"), tangents, strict=False) if not _is_zero(t)}
    value, grads = elementwise_array.run(*_inputs(call, *primals), tuple(given))
    return value, sum(jnp.sum(grad * t, axis=-1) for grad, t in zip(grads, given.values(), strict=True))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _matrix(call: _Call, pred: jax.Array, target: jax.Array, numbers: _Numbers) -> jax.Array:
    return pairwise_array.matrix(*_inputs(call, pred, target, numbers, of_matrix=True))


def _matrix_jvp(call: _Call, primals: Any, tangents: Any) -> tuple[Any, Any]:
    """Compute the matrix and its tangent likewise, of columns of pred against rows of target."""
    (pred, target, numbers), (pred_tangent, target_tangent, *rest) = primals, tangents
    tangents = (_as_column(pred_tangent), _as_row(target_tangent), *rest)
    return _value_jvp(call, (_as_column(pred), _as_row(target), numbers), tangents)


def _as_column(boxes: Any) -> Any:
    return boxes if _is_zero(boxes) else boxes[..., :, None, :]


def _as_row(boxes: Any) -> Any:
    return boxes if _is_zero(boxes) else boxes[..., None, :, :]


def _is_zero(tangent: Any) -> bool:
    return isinstance(tangent, SymbolicZero)


_value.defjvp(_value_jvp, symbolic_zeros=True)
_matrix.defjvp(_matrix_jvp, symbolic_zeros=True)
_compiled_value = jax.jit(_value, static_argnums=0)
_compiled_matrix = jax.jit(_matrix, static_argnums=0)


@partial(jax.jit, static_argnums=0)
def _value_and_grads(
    call: _Call, pred: jax.Array, target: jax.Array, weight: jax.Array | None, numbers: _Numbers
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    value, grads = elementwise_array.run(*_inputs(call, pred, target, numbers), call.wrt)
    scale = numbers.factor if weight is None else numbers.factor * weight[..., None]
    grads = tuple((grad * scale).astype(dtype) for grad, dtype in zip(grads, call.dtypes, strict=True))
    return value if weight is None else value * weight, grads
