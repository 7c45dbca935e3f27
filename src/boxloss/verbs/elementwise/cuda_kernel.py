"""The kernel of pairs of boxes on a GPU: one thread a pair. Arrays come as pointers."""

from typing import Any

from numba import cuda
from numba.core import types

from boxloss.engines.cuda.compile import CudaMachine, Template
from boxloss.engines.cuda.memory import load, store
from boxloss.verbs.elementwise.formula import Kind, of_a_pair


def elementwise(machine: CudaMachine, kind: Kind, aligned: bool) -> Template:
    """Compute value and gradients of each pair, in a loop whose stride is the grid."""
    compute = machine.function(of_a_pair(kind), *kind.sizes)
    pred_size, target_size, count, _ = kind.sizes
    load_pred, load_target, store_pred, store_target = (
        of(size, aligned) for of in (load, store) for size in (pred_size, target_size)
    )
    _, _, pred_grad, target_grad, weighted = kind

    def kernel(pred, target, weight, numbers, value, d_pred, d_target, size):  # type: ignore[no-untyped-def]
        i = cuda.grid(1)
        step = cuda.gridsize(1)
        while i < size:
            own = weight[i] if weighted else numbers[0]
            value[i], d, e = compute((load_pred(pred, i), load_target(target, i), numbers, own))
            if pred_grad:
                store_pred(d_pred, i, d)
            if target_grad:
                store_target(d_target, i, e)
            i += step

    array: Any = machine.pointer
    return kernel, types.void(array, array, array, machine.numbers(count), array, array, array, types.int64)
