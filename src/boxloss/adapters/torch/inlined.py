"""Pairs as torch's own operations in the graphs of Inductor, where the call of an operator costs more than its work.

Inductor makes one loop of these and of what stands around the loss. The formula is the same, by the array engine.
"""

import math
from typing import Any

import torch
from torch import Tensor

from boxloss.adapters.torch import operators, private
from boxloss.adapters.torch.texts import is_of_package_alone, structure_of
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.verbs.elementwise import array

# A step of 100 boxes takes 0.97 to 0.99 of the time of a compiled plain formula, and 1.5 with the operator; of 1,000
# 0.88 and 1.06, of 2,000 0.87 and 1.07, of 4,000 0.80 with either; on one thread they cross about 2,000. Inductor takes
# a minute to compile formulas of boxes with an angle or in space, and the step is no faster.
MOST_PAIRS = 1 << 11


class Functions:
    """What a formula takes for `xp`: torch's functions, none of which writes to an array that is there already."""

    def __getattr__(self, name: str) -> Any:
        from array_api_compat import torch as functions

        return getattr(functions, name)

    @staticmethod
    def sign(array: Tensor) -> Tensor:
        """Return -1, 0 or 1; NaN stays NaN, which array-api-compat writes in."""
        return torch.where(torch.isnan(array), array, torch.sign(array))


def pairs(pred: Tensor, target: Tensor, *rest: Any) -> Any:
    """Run the operator `elementwise` in simpler ones, of few axis-aligned boxes on the CPU; elsewhere as it is."""
    *options, engine, pred_grad, target_grad = rest
    _, request = operators.request_of_call(pred, target, *options)
    numbers, structure, eps, *_ = options
    known, on_cpu = structure_of(structure), pred.device.type == "cpu"
    is_few = all(isinstance(size, int) for size in request.shape) and math.prod(request.shape) <= MOST_PAIRS
    is_plain = request.box_shape is AXIS_ALIGNED and is_of_package_alone(known)
    if engine != "auto" or not (on_cpu and is_few and is_plain):
        return operators.kernel(pred, target, *rest)
    own = [number.to(request.pred.dtype) for number in numbers.unbind()]
    if eps is not None:
        own = [eps if k in known.eps_places else number for k, number in enumerate(own)]
    wrt = ("pred",) * pred_grad + ("target",) * target_grad
    functions: Any = Functions()  # no module, but it has what one has
    value, grads = array.evaluated(known, own, request._replace(xp=functions), wrt)
    return operators.results(value, grads, pred_grad, target_grad)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def offer() -> None:
    """Tell Inductor, once it is there."""
    private.decompose(operators.elementwise, pairs)
