"""Pairs of boxes on the CPU: a compiled loop over NumPy arrays and CPU tensors, without copies."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba.core import types

from boxloss.engines.machine import Machine
from boxloss.engines.numba.arrays import flat, in_library
from boxloss.engines.numba.compile import Template, compiled
from boxloss.engines.numba.loops import of_pairs
from boxloss.engines.numba.memory import prefer_wide_vectors
from boxloss.engines.numba.pairs import Pairs, is_long
from boxloss.engines.numba.vectors import has_avx512, lanes_of
from boxloss.engines.threads import split_work
from boxloss.formulas.program import Program
from boxloss.request import Request
from boxloss.shapes.formats import of_one_shape
from boxloss.typing import Array
from boxloss.verbs.elementwise.formula import Kind, made_of, of_a_pair

# What a thread takes at a time; a call of fewer stays on the calling thread (bench/test_thresholds.py).
CHUNK_OF_BOXES = 1 << 16
# So many vectors of each number of boxes are under way: with their gradients they fill half of a first-level cache.
VECTORS = 8
# Bytes within which numbers are moved when boxes are taken apart. With AVX-512 one instruction moves them anywhere.
GROUP_BYTES = 16
# Of a formula with at most so many operations two vectors are computed at a time, since a processor waits for results
# of one: that saves up to a seventh of the time (float32, AVX2). A longer one has too many numbers for its registers.
SHORT_FORMULA = 400


def kernel(machine: Machine, kind: Kind) -> Template:
    """Compute value and gradients of each pair."""
    (pred_format, target_format), (pred_size, target_size, count, _) = of_one_shape(kind.formats), kind.sizes
    made_pred, made_target = (machine.trace(made_of(own), own.size, 2) for own in (pred_format, target_format))
    sizes, made, vector = (pred_size, target_size), (made_pred, made_target), lanes_of(machine.dtype)
    is_wide = has_avx512()
    at_once = is_wide and not is_long(made)
    group = vector if is_wide else GROUP_BYTES // np.dtype(machine.dtype).itemsize
    pairs = Pairs(sizes, made, kind.weighted, vector, VECTORS * vector, group, at_once)
    written = machine.trace(of_a_pair(kind, has_made=True), *pairs.widths, count, None)
    if not at_once and len(written.nodes) <= SHORT_FORMULA:
        pairs = pairs._replace(lanes=2 * vector)
    compute = of_pairs(pairs, written)

    def elementwise(pred, target, weight, numbers, value, d_pred, d_target):  # type: ignore[no-untyped-def]
        prefer_wide_vectors()
        compute(pred, target, weight, numbers, value, d_pred, d_target)

    boxes = (machine.readonly,) * 3
    return elementwise, types.void(*boxes, machine.numbers(count), machine.array, machine.array, machine.array)


def run(program: Program, request: Request, wrt: tuple[str, ...]) -> tuple[Array, tuple[Array, ...]]:
    """Compute weighted values, and the gradients asked for, times weight and factor.

    Of a call with 100 boxes the kernel takes a third of the time: what stands here is written for the rest.
    """
    shape, weight = request.shape, request.weight
    pred_size, target_size = request.pred.shape[-1], request.target.shape[-1]
    pred_shape, target_shape = (*shape, pred_size), (*shape, target_size)
    pred, target = flat(request.pred, pred_shape), flat(request.target, target_shape)
    dtype = pred.dtype
    value = np.empty(shape, dtype)
    flat_value = value if len(shape) == 1 else value.ravel()
    # The kernel takes an array for everything; one that it does not touch is stood in for by another.
    flat_weight = flat_value if weight is None else flat(weight, shape)
    pred_grad, target_grad = "pred" in wrt, "target" in wrt
    d_pred = np.empty(pred_shape, dtype) if pred_grad else None
    d_target = np.empty(target_shape, dtype) if target_grad else None
    flat_d_pred = flat_value if d_pred is None else d_pred.ravel()
    flat_d_target = flat_value if d_target is None else d_target.ravel()
    if value.size:  # for no pairs nothing is compiled
        call = _kernel_of(dtype, program.structure, request.formats, pred_grad, target_grad, weight is not None)
        numbers = (request.gradient_factor, *request.image, *program.numbers)
        arrays = pred, target, flat_weight, numbers, flat_value, flat_d_pred, flat_d_target
        if value.size <= CHUNK_OF_BOXES:
            call(*arrays)
        else:
            _on_threads(call, arrays, pred_size, target_size)
    grads: tuple[Array, ...] = (in_library(request, d_pred, request.pred_dtype),) if pred_grad else ()
    if target_grad:
        grads = (*grads, in_library(request, d_target, request.target_dtype))
    return in_library(request, value), grads


@cache
def _kernel_of(dtype: Any, *kind: Any) -> Callable[..., None]:
    return compiled(kernel, dtype, Kind(*kind))


def _on_threads(call: Callable[..., None], arrays: tuple[Any, ...], pred_size: int, target_size: int) -> None:
    """Run the kernel on several threads; without slices a call with 100 boxes takes three quarters of the time."""
    pred, target, weight, numbers, value, d_pred, d_target = arrays

    def task(start: int, stop: int) -> None:
        one, of_pred, of_target = (slice(n * start, n * stop) for n in (1, pred_size, target_size))
        boxes = pred[of_pred], target[of_target], weight[one]
        call(*boxes, numbers, value[one], d_pred[of_pred], d_target[of_target])

    split_work(task, value.size, CHUNK_OF_BOXES)
