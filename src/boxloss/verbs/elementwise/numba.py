"""Pairs of boxes on the CPU: a compiled loop over NumPy arrays and CPU tensors, without copies."""

from typing import Any

import numpy as np
from numba.core import types

from boxloss.engines.machine import Machine
from boxloss.engines.numba.arrays import flat, in_library
from boxloss.engines.numba.compile import Template, compiled
from boxloss.engines.numba.memory import load, prefer_wide_vectors, store
from boxloss.engines.threads import split_work
from boxloss.formulas.program import Program
from boxloss.request import Request
from boxloss.verbs.elementwise.formula import Kind, of_a_pair

# What a thread takes at a time; a call of fewer stays on the calling thread (bench/test_thresholds.py).
CHUNK_OF_BOXES = 1 << 16


def kernel(machine: Machine, kind: Kind) -> Template:
    """Value and gradients of each pair."""
    compute = machine.function(of_a_pair(kind), *kind.sizes)
    pred_size, target_size, count, _ = kind.sizes
    load_pred, load_target, store_pred, store_target = (f(n) for f in (load, store) for n in (pred_size, target_size))
    _, _, pred_grad, target_grad, weighted = kind

    def elementwise(pred, target, weight, numbers, value, d_pred, d_target):  # type: ignore[no-untyped-def]
        prefer_wide_vectors()
        for i in range(value.size):
            p, t = load_pred(pred, pred_size * i, 1), load_target(target, target_size * i, 1)
            own = weight[i] if weighted else numbers[0]
            value[i], d, e = compute((p, t, numbers, own))
            if pred_grad:
                store_pred(d_pred, pred_size * i, 1, d)
            if target_grad:
                store_target(d_target, target_size * i, 1, e)

    boxes = (machine.readonly,) * 3
    return elementwise, types.void(*boxes, machine.numbers(count), machine.array, machine.array, machine.array)


def run(program: Program, request: Request, wrt: tuple[str, ...]) -> tuple[Any, tuple[Any, ...]]:
    """Weighted values, and the gradients asked for, times weight and factor."""
    shape, weight, formats = request.shape, request.weight, request.formats
    sizes = request.pred_format.shape.size, request.target_format.shape.size
    pred, target = flat(request.pred, (*shape, sizes[0])), flat(request.target, (*shape, sizes[1]))
    dtype = pred.dtype
    value = np.empty(shape, dtype)
    flat_value = value.reshape(-1)
    # The kernel takes an array for everything; one that it does not touch is stood in for by another.
    d_pred = d_target = flat_value
    grads, flat_weight = [], flat_value if weight is None else flat(weight, shape)
    if "pred" in wrt:
        grads.append(np.empty((*shape, sizes[0]), dtype))
        d_pred = grads[-1].reshape(-1)
    if "target" in wrt:
        grads.append(np.empty((*shape, sizes[1]), dtype))
        d_target = grads[-1].reshape(-1)
    kind = Kind(program.structure, formats, "pred" in wrt, "target" in wrt, weight is not None)
    call = compiled(kernel, dtype, kind)
    numbers = (request.gradient_factor, *request.image, *program.numbers)
    if flat_value.size <= CHUNK_OF_BOXES:  # without slices, a quarter of the time of a call with 100 boxes
        call(pred, target, flat_weight, numbers, flat_value, d_pred, d_target)
    else:

        def task(start: int, stop: int) -> None:
            one, of_pred, of_target = (slice(n * start, n * stop) for n in (1, *sizes))
            boxes = pred[of_pred], target[of_target], flat_weight[one]
            call(*boxes, numbers, flat_value[one], d_pred[of_pred], d_target[of_target])

        split_work(task, value.size, CHUNK_OF_BOXES)
    dtypes = {"pred": request.pred_dtype, "target": request.target_dtype}
    return in_library(request, value), tuple(
        [in_library(request, grad, dtypes[name]) for grad, name in zip(grads, wrt, strict=True)]
    )
