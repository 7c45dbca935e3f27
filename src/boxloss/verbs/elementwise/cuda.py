"""Pairs of boxes on a GPU: CuPy arrays and CUDA tensors, without copies, on the library's current stream."""

import math
from typing import Any

from boxloss.engines.cuda import launch
from boxloss.engines.cuda.arrays import arrays_like
from boxloss.formulas.program import Program
from boxloss.libraries.arrays import on_device
from boxloss.request import Request
from boxloss.typing import Array
from boxloss.verbs.elementwise.formula import Kind

THREADS = 256


def template() -> Any:
    """Import the kernel."""
    from boxloss.verbs.elementwise.cuda_kernel import elementwise

    return elementwise


def run(program: Program, request: Request, wrt: tuple[str, ...]) -> tuple[Array, tuple[Array, ...]]:
    """Compute weighted values, and the gradients asked for, times weight and factor."""
    shape, weight, size = request.shape, request.weight, math.prod(request.shape)
    arrays = arrays_like(request.pred)
    shapes = {"pred": (*shape, request.pred_format.size), "target": (*shape, request.target_format.size)}
    pred, target = arrays.dense(request.pred, shapes["pred"]), arrays.dense(request.target, shapes["target"])
    value, grads = arrays.empty(shape), [arrays.empty(shapes[name]) for name in wrt]
    if size:
        boxes = [arrays.argument(a) for a in (pred, target)]
        outputs = [arrays.argument(g) for g in grads]
        # A kernel takes an array for everything; one that it does not touch is stood in for by pred.
        weights = pred if weight is None else arrays.dense(weight, shape)
        d_pred = outputs[0] if "pred" in wrt else boxes[0]
        d_target = outputs[-1] if "target" in wrt else boxes[0]
        kind = Kind(program.structure, request.formats, "pred" in wrt, "target" in wrt, weight is not None)
        aligned = arrays.are_aligned(boxes + outputs)
        loss = program.structure.kind.__name__
        call = launch.kernel(template, loss, arrays.dtype_name, arrays.ordinal, kind, aligned)
        blocks = (launch.elementwise_blocks(arrays.ordinal, size, THREADS), 1, 1)
        numbers = (request.gradient_factor, *request.image, *program.numbers)
        written = (arrays.argument(value), d_pred, d_target)
        call(arrays.stream(), blocks, THREADS, *boxes, arrays.argument(weights), *numbers, *written, size)
    dtypes = {"pred": request.pred_dtype, "target": request.target_dtype}
    with on_device(value):
        cast = request.xp.astype
        return value, tuple(cast(grad, dtypes[name], copy=False) for grad, name in zip(grads, wrt, strict=True))
