"""A matrix by the array library itself."""

import math

from boxloss.engines.array import quiet
from boxloss.formulas.program import Program
from boxloss.libraries.arrays import is_on_cpu
from boxloss.request import Request
from boxloss.shapes.box import split
from boxloss.shapes.formats import of_one_shape
from boxloss.typing import Array
from boxloss.verbs.elementwise.array import whole
from boxloss.verbs.pairwise.formula import of_a_box, of_prepared

# The pairs of a matrix that are computed at a time: CIoU holds 30 numbers for each. On a CPU these should stay in a
# cache: NumPy then takes a sixth of the time for 3000 x 3000. Other devices need enough work for each operation.
PAIRS_ON_CPU, PAIRS_ELSEWHERE = 1 << 16, 1 << 24


def rows_at_a_time(request: Request) -> int:
    """Find how many rows of a matrix are computed at a time."""
    *batch, _, columns = request.shape
    pairs = PAIRS_ON_CPU if is_on_cpu(request.pred) else PAIRS_ELSEWHERE
    return max(1, pairs // max(1, math.prod(batch) * columns))


def run(program: Program, request: Request) -> Array:
    """Compute the matrix, as many rows at a time as their temporary arrays allow."""
    import array_api_compat

    out, rows, count = request.out, request.shape[-2], rows_at_a_time(request)
    if out is None:
        if rows <= count or not array_api_compat.is_writeable_array(request.pred):
            return matrix(program, request)
        device = array_api_compat.device(request.pred)
        out = request.xp.empty(request.shape, dtype=request.pred.dtype, device=device)
    for first in range(0, rows, count):
        some = slice(first, min(first + count, rows))
        out[..., some, :] = matrix(program, request._replace(pred=request.pred[..., some, :]))
    return out


def matrix(program: Program, request: Request) -> Array:
    """Compute the matrix, by broadcasting columns of pred against rows of target."""
    xp, structure, image = request.xp, program.structure, request.image
    boxes = request.pred[..., :, None, :], request.target[..., None, :, :]
    with quiet(xp):
        (pred, pred_parts), (target, target_parts) = (
            of_a_box(structure, own)(xp, split(b), image)[0]
            for own, b in zip(of_one_shape(request.formats), boxes, strict=True)
        )
        compute, numbers = of_prepared(structure, request.box_shape), (*image, *program.numbers)
        value = compute(xp, pred + pred_parts, target + target_parts, numbers)
        *batch, _, columns = request.shape
        values: Array = whole(xp, value, request.pred, (*batch, request.pred.shape[-2], columns))
        return values
